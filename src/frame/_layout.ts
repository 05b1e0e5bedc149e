/**
 * Where things stand in a frame's fixed header, in bytes. The module imports
 * nothing, so that bundlers put the numbers in their place.
 *
 * @module
 */

/** The length of the fixed header. */
export const HEADER_LENGTH = 48;
/** The length of the part of it that encryption binds, which comes before the checksum. */
export const HEAD_LENGTH = 32;

export const VERSION_AT = 4, KIND_AT = 5, COMPRESSION_AT = 6, ENCRYPTION_AT = 7;
export const LENGTH_AT = 8, NONCE_AT = 16, NONCE_LENGTH = 16;

/**
 * What a frame may hold, and where things stand in its fixed header, in bytes. The module imports
 * nothing, so that bundlers put the numbers in their place.
 *
 * @module
 */

/** The most plaintext a frame may hold, in bytes: 1 GiB. */
export const MAX_FRAME_PLAINTEXT: number = 2 ** 30;

/** The version that is written, and the newest that is read. */
export const VERSION = 1;

/** The length of the fixed header. */
export const HEADER_LENGTH = 48;
/** The length of the part of it that encryption binds, which comes before the checksum. */
export const HEAD_LENGTH = 32;

export const VERSION_AT = 4, KIND_AT = 5, COMPRESSION_AT = 6, ENCRYPTION_AT = 7;
export const LENGTH_AT = 8, NONCE_AT = 16, NONCE_LENGTH = 16;

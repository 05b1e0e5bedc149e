/**
 * What S3 allows, for every store alike. The module imports nothing, so that
 * bundlers put the numbers in their place:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html.
 *
 * @module
 */

/** A MiB, in bytes. */
export const MIB: number = 1024 * 1024;

/** The most bytes of UTF-8 a key may have, as S3 sets it. */
export const MAX_KEY_BYTES = 1024;

/** The most entries of one page of a listing, and the most keys of one DeleteObjects. */
export const PAGE_SIZE = 1000;

/** The most parts of one upload. */
export const MAX_PARTS = 10_000;

/** The least bytes of each part of an upload but the last. */
export const MIN_PART_SIZE: number = 5 * 1024 * 1024;

/** The most bytes of one part, and of one PUT. */
export const MAX_PART_SIZE: number = 5 * 1024 * 1024 * 1024;

/** The longest a presigned URL may hold, in seconds: seven days, as Signature Version 4 sets it. */
export const MAX_EXPIRES_IN = 604_800;

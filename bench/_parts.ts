/** How the parts of an upload are sent, in bytes each: the same for all that are compared. */
export const PART_SIZE = 8 * 2 ** 20;
/** How many of them at once. */
export const PARTS_IN_FLIGHT = 4;

/** Sends a stream under a key. */
export type UploadStream = (key: string, stream: ReadableStream<Uint8Array>) => Promise<unknown>;

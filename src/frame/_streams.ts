import { readAll, streamOf } from "../store/body.ts";
import { slices } from "../store/multipart.ts";

/** The formats that every runtime's streams know. */
export type StreamFormat = "gzip" | "deflate-raw";

/** Whether every runtime's streams know an algorithm. */
export function isStreamFormat(algorithm: string): algorithm is StreamFormat {
  return algorithm === "gzip" || algorithm === "deflate-raw";
}

/** Runs bytes through a compressing stream, in one write: small writes cost ten times as much. */
export function compressByStream(
  format: StreamFormat,
  bytes: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  return readAll(streamOf(bytes).pipeThrough(new CompressionStream(format)));
}

/**
 * Runs bytes through a decompressing stream and stops as soon as more than
 * `limit` bytes came out.
 *
 * @throws {CorruptError} past the limit.
 * @throws {unknown} the stream's own error, where the bytes make no sense to it.
 */
export function decompressByStream(
  format: StreamFormat,
  bytes: Uint8Array,
  limit: number,
): Promise<Uint8Array<ArrayBuffer>> {
  // A runtime inflates all that it was fed at once before it gives anything back, so
  // this bounds what a bomb can take before it is noticed: DEFLATE grows at most
  // 1,032 times, to 17 MB.
  const PIECE = 16 * 1024;
  const pieces = streamOf(...slices(bytes, PIECE));
  return readAll(pieces.pipeThrough(new DecompressionStream(format)), limit);
}

/** The smallest piece a value is cut into, in bytes. */
export const MIN_CHUNK_BYTES = 64 * 1024;

/** The most pieces a value is cut into. */
export const MAX_CHUNKS = 32;

/**
 * Cuts bytes into pieces, as views: of one size, a power of two, which grows
 * with the value so that there are at most {@link MAX_CHUNKS}. The same bytes
 * always give the same pieces.
 */
export function cut(bytes: Uint8Array): Uint8Array[] {
  let size = MIN_CHUNK_BYTES;
  while (size * MAX_CHUNKS < bytes.length) size *= 2;
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}

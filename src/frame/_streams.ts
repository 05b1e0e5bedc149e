import { readAll } from "../store/body.ts";

/** The formats that every runtime's streams know. */
export type StreamFormat = "gzip" | "deflate-raw";

/** Whether every runtime's streams know an algorithm. */
export function isStreamFormat(algorithm: string): algorithm is StreamFormat {
  return algorithm === "gzip" || algorithm === "deflate-raw";
}

/**
 * How much is fed to a decompressor at once. A runtime inflates all that it was
 * fed before it gives anything back, so this bounds what a bomb can take before
 * it is noticed: DEFLATE grows at most 1,032 times, to 17 MB.
 */
const PIECE = 16 * 1024;

/** Runs bytes through a compressing stream, in one write: small writes cost ten times as much. */
export function compressByStream(
  format: StreamFormat,
  bytes: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new CompressionStream(format);
  return pump(stream, bytes, Infinity, bytes.length);
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
  const stream = new DecompressionStream(format);
  return pump(stream, bytes, limit, PIECE);
}

async function pump(
  stream: GenericTransformStream,
  bytes: Uint8Array,
  limit: number,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const writer = stream.writable.getWriter();
  // What fails while feeding fails the reader too; left alone, each of the
  // writer's promises would be an unhandled rejection of its own.
  writer.closed.catch(ignore);
  const fed = feed(writer, bytes, size);
  fed.catch(ignore);
  try {
    const whole = await readAll(stream.readable, limit);
    await fed;
    return whole;
  } catch (error) {
    writer.abort(error).catch(ignore);
    throw error;
  }
}

async function feed(
  writer: WritableStreamDefaultWriter,
  bytes: Uint8Array,
  size: number,
): Promise<void> {
  for (let offset = 0; offset < bytes.length; offset += size) {
    await writer.write(bytes.subarray(offset, offset + size));
  }
  await writer.close();
}

function ignore(): void {}

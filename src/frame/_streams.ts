import { CorruptError } from "../errors.ts";
import { concat } from "../store/body.ts";

/** Formats that some runtime's streams know. */
export type StreamFormat = "gzip" | "deflate-raw" | "zstd" | "brotli";

/**
 * How much is fed to a decompressor at once. A runtime inflates all that it was
 * fed before it gives anything back, so this bounds what a bomb can take before
 * it is noticed: DEFLATE grows at most 1,032 times, to 17 MB.
 */
const PIECE = 16 * 1024;

type StreamName = "CompressionStream" | "DecompressionStream";

/** What this runtime's streams know, asked once: to make one costs more than to pack a small state. */
const known = new Map<string, boolean>();

/** Whether this runtime has streams that pack a format, or unpack it. */
export function hasStream(stream: StreamName, format: StreamFormat): boolean {
  const name = `${stream} ${format}`;
  let answer = known.get(name);
  if (answer === undefined) known.set(name, answer = canMake(stream, format));
  return answer;
}

function canMake(stream: StreamName, format: StreamFormat): boolean {
  try {
    return new globalThis[stream](format as CompressionFormat) !== undefined;
  } catch {
    return false;
  }
}

/** Runs bytes through a compressing stream, in one write: small writes cost ten times as much. */
export function compressByStream(
  format: StreamFormat,
  bytes: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new CompressionStream(format as CompressionFormat);
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
  const stream = new DecompressionStream(format as CompressionFormat);
  return pump(stream, bytes, limit, PIECE);
}

async function pump(
  stream: GenericTransformStream,
  bytes: Uint8Array,
  limit: number,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  // What fails while feeding fails the reader too; left alone, each of the
  // writer's promises would be an unhandled rejection of its own.
  writer.closed.catch(ignore);
  const fed = feed(writer, bytes, size);
  fed.catch(ignore);
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > limit) throw new CorruptError(`A body is longer than ${limit} bytes`);
      pieces.push(value);
    }
    await fed;
  } catch (error) {
    reader.cancel(error).catch(ignore);
    writer.abort(error).catch(ignore);
    throw error;
  }
  return concat(pieces);
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

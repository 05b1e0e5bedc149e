import { CorruptError, UnsupportedError } from "../errors.ts";
import { refuse } from "../store/_options.ts";
import { worthCompressing } from "./_sample.ts";
import { type Compression, COMPRESSIONS, decoderOf, encoderOf } from "./codec.ts";

/**
 * What a writer asks for: one of the algorithms, or `auto`. Whatever it asks
 * for, a payload that does not shrink is stored as it is.
 *
 * `auto` takes gzip for what is worth it: not for payloads below 200 bytes, and
 * not where a sample of the payload hardly shrinks (images, archives, random
 * bytes). It never takes zstd or brotli, even where this runtime has them: a
 * thread is often read by another runtime than the one that wrote it.
 */
export type CompressionChoice = Compression | "auto";

/** A payload as it is stored. */
export interface Packed {
  readonly compression: Compression;
  readonly bytes: Uint8Array;
}

/**
 * The most bytes that one byte of each algorithm's output can stand for. A
 * recorded length above this is a lie that is told before anything is unpacked.
 * DEFLATE: 258 bytes in 2 bits. zstd: a block of 128 KiB in 4 bytes. Brotli: a
 * meta-block of 16 MiB in no less than a byte.
 */
const MAX_RATIO: Readonly<Record<Compression, number>> = {
  "none": 1,
  "gzip": 1032,
  "deflate-raw": 1032,
  "zstd": 2 ** 15,
  "brotli": 2 ** 24,
};

/**
 * Packs a payload.
 *
 * @throws {InvalidInputError} where the choice is none of those there are.
 * @throws {UnsupportedError} where this runtime has no such algorithm.
 */
export async function compress(payload: Uint8Array, choice: CompressionChoice): Promise<Packed> {
  const asItIs: Packed = { compression: "none", bytes: payload };
  const compression = choice === "auto" ? "gzip" : choice;
  if (compression === "none") return asItIs;
  if (!COMPRESSIONS.includes(compression)) {
    refuse("compression", choice, `auto or one of ${COMPRESSIONS.join(", ")}`);
  }
  const encode = encoderOf(compression);
  if (payload.length === 0) return asItIs;
  if (choice === "auto" && !await worthCompressing(payload)) return asItIs;
  const bytes = await encode(payload);
  return bytes.length < payload.length ? { compression, bytes } : asItIs;
}

/**
 * Unpacks what was packed: exactly `length` bytes, or an error. Memory grows
 * with what comes out, never with what `length` claims.
 *
 * @throws {CorruptError} where the bytes do not give the length.
 * @throws {UnsupportedError} where this runtime has no such algorithm.
 */
export async function decompress(packed: Packed, length: number): Promise<Uint8Array> {
  const { compression, bytes } = packed;
  if (length > bytes.length * MAX_RATIO[compression]) throw damaged(packed, length);
  const plain = compression === "none"
    ? bytes
    : await unpack(decoderOf(compression), packed, length);
  if (plain.length !== length) throw damaged(packed, length);
  // A Buffer, from node:zlib or the caller's own bytes, would leak its other ways of slicing.
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
}

async function unpack(
  decode: (bytes: Uint8Array, limit: number) => Uint8Array | Promise<Uint8Array>,
  packed: Packed,
  length: number,
): Promise<Uint8Array> {
  try {
    return await decode(packed.bytes, length);
  } catch (cause) {
    throw cause instanceof UnsupportedError ? cause : damaged(packed, length, cause);
  }
}

function damaged({ compression, bytes }: Packed, length: number, cause?: unknown): CorruptError {
  return new CorruptError(
    `This frame claims ${length} bytes that ${compression} cannot unpack from its ` +
      `${bytes.length} bytes of payload`,
    { cause },
  );
}

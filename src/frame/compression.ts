import { CorruptError, UnsupportedError } from "../errors.ts";
import { refuse } from "../store/_options.ts";
import { worthCompressing } from "./_sample.ts";
import {
  type Algorithm,
  canEncode,
  type Compression,
  COMPRESSIONS,
  decoderOf,
  encoderOf,
} from "./codec.ts";

/**
 * What a writer asks for: one of the algorithms; or `auto`; or the `readers`, which
 * is `auto` for a fleet that is known to read more than gzip. Whatever it asks
 * for, a payload that does not shrink is stored as it is.
 *
 * `auto` is gzip, which every runtime reads. With `readers` it is zstd from 16 KiB
 * on, where that is several times as fast, if it is one of them and this runtime
 * writes it; else gzip, if that is one of them; else the first of them that this
 * runtime writes. Neither packs what is not worth it: payloads below 200 bytes, and
 * those of which a sample hardly shrinks (images, archives, random bytes).
 */
export type CompressionChoice = Compression | "auto" | CompressionReaders;

/** What all who read can unpack. */
export interface CompressionReaders {
  /** The algorithms, such as `["gzip", "zstd"]` where all of them run Node 22.15, Deno or Bun. */
  readonly readers: readonly Algorithm[];
}

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
  // From here on zstd is faster than gzip, and hardly larger.
  const ZSTD_FROM = 16 * 1024;
  const asItIs: Packed = { compression: "none", bytes: payload };
  const readers = choice === "auto" ? ["gzip"] : Object(choice).readers;
  const named: readonly Compression[] = [readers ?? choice].flat();
  if (!named.length || named.some((name) => !COMPRESSIONS.includes(name))) {
    refuse("compression", readers ?? choice, `auto, readers, or one of ${COMPRESSIONS.join(", ")}`);
  }
  const order: readonly Compression[] = [
    payload.length < ZSTD_FROM ? "gzip" : "zstd",
    "gzip",
    ...named,
  ];
  const compression = order.find((name) => named.includes(name) && canEncode(name)) ?? named[0]!;
  if (compression === "none") return asItIs;
  const encode = encoderOf(compression);
  if (payload.length === 0) return asItIs;
  let bytes;
  try {
    if (readers && !await worthCompressing(payload, encode)) return asItIs;
    bytes = await encode(payload);
  } catch (error) {
    // workerd 1.20260730 has a zstd that fails where its output is large; it reads all.
    if (!readers?.includes("gzip") || compression === "gzip") throw error;
    return await compress(payload, "auto");
  }
  return bytes.length < payload.length ? { compression, bytes } : asItIs;
}

/**
 * Unpacks what was packed: exactly `length` bytes, or an error. Memory grows
 * with what comes out, never with what `length` claims.
 *
 * @throws {CorruptError} where the bytes do not give the length.
 * @throws {UnsupportedError} where this runtime has no such algorithm.
 */
export async function decompress(
  { compression, bytes }: Packed,
  length: number,
): Promise<Uint8Array> {
  let plain: Uint8Array | undefined, cause: unknown;
  try {
    if (length <= bytes.length * MAX_RATIO[compression]) {
      plain = compression === "none" ? bytes : await decoderOf(compression)(bytes, length);
    }
  } catch (error) {
    if (error instanceof UnsupportedError) throw error;
    cause = error;
  }
  if (plain?.length !== length) {
    throw new CorruptError(
      `This frame claims ${length} bytes that ${compression} cannot unpack from its ` +
        `${bytes.length} bytes of payload`,
      { cause },
    );
  }
  // A Buffer, from node:zlib or the caller's own bytes, would leak its other ways of slicing.
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
}

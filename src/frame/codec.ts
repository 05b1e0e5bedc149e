import { InvalidInputError, UnsupportedError } from "../errors.ts";
import { compressByStream, decompressByStream, isStreamFormat } from "./_streams.ts";
import { zlibDecoder, zlibEncoder } from "./_zlib.ts";

/** How the payload of a stored object is packed. */
export type Compression = "none" | "gzip" | "deflate-raw" | "zstd" | "brotli";

/** A compression that packs. */
export type Algorithm = Exclude<Compression, "none">;

/** Packs bytes. */
export type Encoder = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/**
 * Unpacks bytes. It should stop once more than `limit` bytes came out, and may
 * then give what it has or reject: the frame is damaged either way.
 */
export type Decoder = (bytes: Uint8Array, limit: number) => Uint8Array | Promise<Uint8Array>;

/** The compressions by their id in a frame. */
export const COMPRESSIONS: readonly Compression[] = [
  "none",
  "gzip",
  "deflate-raw",
  "zstd",
  "brotli",
];

const ALGORITHMS = /* @__PURE__ */ COMPRESSIONS.slice(1) as readonly Algorithm[];

const encoders = new Map<Algorithm, Encoder>();
const decoders = new Map<Algorithm, Decoder>();

/**
 * Teaches this process to read a compression that its runtime lacks, or to
 * read it in a better way. It stands before the runtime's own, for everything
 * read from now on.
 *
 * @returns a function that takes the decoder back.
 * @throws {InvalidInputError} where a frame has no such algorithm.
 *
 * @example Read zstd by a library of one's own choice
 * ```ts
 * import { registerDecoder, supportedCompressions } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const unregister = registerDecoder("zstd", (bytes, limit) => myUnzstd(bytes, limit));
 * assert(supportedCompressions().read.includes("zstd"));
 * unregister();
 *
 * function myUnzstd(bytes: Uint8Array, _limit: number): Uint8Array {
 *   return bytes; // a real one unpacks here, and stops past the limit
 * }
 * ```
 */
export function registerDecoder(algorithm: Algorithm, decode: Decoder): () => void {
  return register(decoders, algorithm, decode);
}

/**
 * Teaches this process to write a compression that its runtime lacks, or to
 * write it in a better way, such as with a level of one's own. It stands before
 * the runtime's own, for everything written from now on.
 *
 * @returns a function that takes the encoder back.
 * @throws {InvalidInputError} where a frame has no such algorithm.
 *
 * @example Write brotli at the highest quality
 * ```ts
 * import { decodeFrame, encodeFrame, registerEncoder } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 * import { brotliCompressSync } from "node:zlib";
 *
 * const unregister = registerEncoder("brotli", (bytes) => brotliCompressSync(bytes));
 * const payload = new TextEncoder().encode("stone upon stone ".repeat(100));
 * const bytes = await encodeFrame(payload, { kind: "chunk", compression: "brotli" });
 * assert.deepEqual((await decodeFrame(bytes)).payload, payload);
 * unregister();
 * ```
 */
export function registerEncoder(algorithm: Algorithm, encode: Encoder): () => void {
  return register(encoders, algorithm, encode);
}

/** What this process can read and write. */
export interface SupportedCompressions {
  /** What can be unpacked. */
  readonly read: readonly Compression[];
  /** What can be packed. */
  readonly write: readonly Compression[];
}

/**
 * Tells which compressions this process can read and write: its runtime's own,
 * and those that were registered.
 *
 * @example
 * ```ts
 * import { supportedCompressions } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const { read, write } = supportedCompressions();
 * assert(read.includes("gzip") && write.includes("gzip"));
 * ```
 */
export function supportedCompressions(): SupportedCompressions {
  return {
    read: ["none", ...ALGORITHMS.filter((algorithm) => findDecoder(algorithm) !== undefined)],
    write: ["none", ...ALGORITHMS.filter((algorithm) => findEncoder(algorithm) !== undefined)],
  };
}

/** Whether this process can pack so. */
export function canEncode(compression: Compression): boolean {
  return compression === "none" || findEncoder(compression) !== undefined;
}

/** The encoder of an algorithm. */
export function encoderOf(algorithm: Algorithm): Encoder {
  return findEncoder(algorithm) ??
    refuse(algorithm, `write ${algorithm}`, `registerEncoder("${algorithm}", encode)`);
}

/** The decoder of an algorithm. */
export function decoderOf(algorithm: Algorithm): Decoder {
  return findDecoder(algorithm) ??
    refuse(algorithm, `read ${algorithm}`, `registerDecoder("${algorithm}", decode)`);
}

function refuse(algorithm: Algorithm, task: string, wayOut: string): never {
  throw new UnsupportedError(
    `Cannot ${task}: this runtime has none; use Node ${
      algorithm === "zstd" ? "22.15" : "20.16"
    }, Deno, Bun, ` +
      `a Worker with nodejs_compat, or ${wayOut}`,
  );
}

function findEncoder(algorithm: Algorithm): Encoder | undefined {
  return encoders.get(algorithm) ?? zlibEncoder(algorithm) ??
    (isStreamFormat(algorithm) ? (bytes) => compressByStream(algorithm, bytes) : undefined);
}

function findDecoder(algorithm: Algorithm): Decoder | undefined {
  return decoders.get(algorithm) ?? zlibDecoder(algorithm) ??
    (isStreamFormat(algorithm)
      ? (bytes, limit) => decompressByStream(algorithm, bytes, limit)
      : undefined);
}

function register<T>(registry: Map<Algorithm, T>, algorithm: Algorithm, codec: T): () => void {
  if (!ALGORITHMS.includes(algorithm)) {
    throw new InvalidInputError(
      `Cannot register ${JSON.stringify(algorithm)}: give one of ${ALGORITHMS.join(", ")}`,
    );
  }
  registry.set(algorithm, codec);
  return () => {
    if (registry.get(algorithm) === codec) registry.delete(algorithm);
  };
}

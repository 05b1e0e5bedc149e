import { CorruptError } from "../errors.ts";
import { AT_ONCE, builtin } from "../store/_builtin.ts";
import { isStreamFormat } from "./_streams.ts";
import type { Algorithm, Decoder, Encoder } from "./codec.ts";

/** The functions of `node:zlib`; behind each stands one with `Sync` to its name. */
const NAMES: Readonly<Record<Algorithm, readonly [pack: string, unpack: string]>> = {
  "gzip": ["gzip", "gunzip"],
  "deflate-raw": ["deflateRaw", "inflateRaw"],
  "zstd": ["zstdCompress", "zstdDecompress"],
  "brotli": ["brotliCompress", "brotliDecompress"],
};

type Options = Readonly<Record<string, unknown>>;

/** What is made of bytes, and by what: that tells how many of them it took. */
interface Result {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

type Callback = (error: Error | null, result: Result) => void;
type Run = (bytes: Uint8Array, options: Options, callback?: Callback) => Result;

/** Runs bytes through a function; there are `size` of them unpacked. */
type Use = (bytes: Uint8Array, size: number, options: Options) => Promise<Result>;

/**
 * A function of `node:zlib` where the runtime has it, asked for at run time: an
 * import would stand in every bundle, also in those for runtimes without it.
 * What is large it does on other threads, in Node and Bun.
 */
function find(algorithm: Algorithm, way: 0 | 1): Use | undefined {
  // How much output of something large is made at a time: each piece costs a turn of the event loop.
  const PIECE = 256 * 1024;
  const zlib = builtin<Readonly<Record<string, Run>>>("zlib");
  const name = NAMES[algorithm][way];
  const run = zlib?.[name];
  return run && ((bytes, size, options) =>
    new Promise((resolve, reject) => {
      options = { ...options, info: true };
      // The others' in Deno take what is cut short for whole.
      if (size <= AT_ONCE && isStreamFormat(algorithm)) {
        return resolve(zlib![name + "Sync"]!(bytes, options));
      }
      run(
        bytes,
        { ...options, chunkSize: PIECE },
        (error, result) => error ? reject(error) : resolve(result),
      );
    }));
}

/** Packs by `node:zlib`, or `undefined` where it cannot. */
export function zlibEncoder(algorithm: Algorithm): Encoder | undefined {
  const use = find(algorithm, 0);
  return use && (async (bytes) => {
    const { length } = bytes;
    return (await use(bytes, length, levelOf(algorithm, length))).buffer;
  });
}

/** Unpacks by `node:zlib`, which stops past `limit` bytes, or `undefined` where it cannot. */
export function zlibDecoder(algorithm: Algorithm): Decoder | undefined {
  const use = find(algorithm, 1);
  return use && (async (bytes, maxOutputLength) => {
    const { buffer, engine } = await use(bytes, maxOutputLength, { maxOutputLength });
    // Streams refuse what follows a payload; zlib passes over it. (zstd in Deno counts otherwise.)
    if (isStreamFormat(algorithm) && engine.bytesWritten !== bytes.length) {
      throw new CorruptError("More follows the end");
    }
    // A view of more memory than it has bytes would hold all of it while it is cached.
    return buffer.length < buffer.buffer.byteLength ? new Uint8Array(buffer) : buffer;
  });
}

/**
 * What is small waits for its request, not for this: it is packed as zlib and zstd
 * do by themselves. Above, fewer bytes are worth less than time: by these levels
 * gzip takes two thirds of it (in Deno six sevenths) for 2 to 5 % more bytes, zstd a third for 10 %.
 */
function levelOf(algorithm: Algorithm, size: number): Options {
  // As `zstd.h` and `brotli/encode.h` number them.
  const ZSTD_LEVEL = 100, BROTLI_QUALITY = 1;
  // Its default, 11, is made for what is packed once and served for years: 100 times slower.
  if (algorithm === "brotli") return { params: { [BROTLI_QUALITY]: 5 } };
  if (size <= AT_ONCE) return {};
  return algorithm === "zstd" ? { params: { [ZSTD_LEVEL]: 1 } } : { level: 4 };
}

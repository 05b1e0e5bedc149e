/** The part of `node:zlib` that is used here; a runtime may lack any of it. */
interface Zlib {
  readonly zstdCompress?: Transform;
  readonly zstdDecompress?: Transform;
  readonly brotliCompress?: Transform;
  readonly brotliDecompress?: Transform;
}

/** As `brotli/encode.h` numbers it. */
const BROTLI_PARAM_QUALITY = 1;

type Transform = (
  bytes: Uint8Array,
  options: Record<string, unknown>,
  callback: (error: Error | null, result: Uint8Array) => void,
) => void;

interface ProcessLike {
  readonly getBuiltinModule?: (name: string) => unknown;
}

/**
 * `node:zlib` where the runtime has it, asked for at run time: an import would
 * stand in every bundle, also in those for runtimes without it.
 */
function zlib(): Zlib | undefined {
  try {
    const { process } = globalThis as { process?: ProcessLike };
    return process?.getBuiltinModule?.("node:zlib") as Zlib | undefined;
  } catch {
    return undefined;
  }
}

/** Packs by `node:zlib`, or `undefined` where it cannot. */
export function zlibEncoder(
  algorithm: "zstd" | "brotli",
): ((bytes: Uint8Array) => Promise<Uint8Array>) | undefined {
  const transform = zlib()?.[`${algorithm}Compress`];
  // Brotli's default, 11, is made for what is packed once and served for years: 100 times slower.
  const options = algorithm === "brotli" ? { params: { [BROTLI_PARAM_QUALITY]: 5 } } : {};
  return transform && ((bytes) => run(transform, bytes, options));
}

/** Unpacks by `node:zlib`, which stops past `limit` bytes, or `undefined` where it cannot. */
export function zlibDecoder(
  algorithm: "zstd" | "brotli",
): ((bytes: Uint8Array, limit: number) => Promise<Uint8Array>) | undefined {
  const transform = zlib()?.[`${algorithm}Decompress`];
  return transform && ((bytes, limit) => run(transform, bytes, { maxOutputLength: limit }));
}

function run(
  transform: Transform,
  bytes: Uint8Array,
  options: Record<string, unknown>,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) =>
    transform(bytes, options, (error, result) => error === null ? resolve(result) : reject(error))
  );
}

/**
 * Up to so many bytes work is done at once, on the caller's thread: to hand it
 * to another one takes as long, and to make a stream ten times as long.
 */
export const AT_ONCE: number = 32 * 1024;

interface ProcessLike {
  readonly getBuiltinModule?: (name: string) => unknown;
}

/**
 * A module of Node where the runtime has it, asked for at run time: an import
 * would stand in every bundle, also in those for runtimes without it.
 */
export function builtin<T>(name: string): T | undefined {
  const { process } = globalThis as { process?: ProcessLike };
  return process?.getBuiltinModule?.("node:" + name) as T | undefined;
}

/** What is used of `node:crypto`: it gives at once what WebCrypto makes on another thread. */
interface NodeCrypto {
  createHash(algorithm: "sha256"): Digest;
  createHmac(algorithm: "sha256", key: string | Uint8Array): Digest;
}

interface Digest {
  update(data: string | Uint8Array): Digest;
  digest(): Uint8Array<ArrayBuffer>;
}

/** `node:crypto` where the runtime has it. */
export function nodeCrypto(): NodeCrypto | undefined {
  return builtin("crypto");
}

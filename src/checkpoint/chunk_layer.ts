/**
 * What layers that have chunks from elsewhere than their store share: which
 * reads are of chunks, and whether what was found is the chunk that was asked for.
 *
 * @module
 */

import type { Encryption } from "../frame/encryption.ts";
import { decodeFrame } from "../frame/frame.ts";
import { toHex } from "../store/hex.ts";
import { sha256 } from "../store/sha256.ts";
import { checkWhole, refuse } from "../store/_options.ts";
import { checkKey } from "../store/key.ts";
import type { GetOptions, GetResult, ObjectStore } from "../store/store.ts";
import { isChunkKey } from "./caching.ts";
import { Keys } from "./keys.ts";

/** Options of every layer that has chunks from elsewhere. */
export interface ChunkLayerOptions {
  /** The folder, as the checkpointers' `prefix`. @default "cairn/" */
  readonly prefix?: string | undefined;
  /** The `encryption` of the checkpointers: without it, no encrypted chunk can be checked, and each comes from the store. */
  readonly encryption?: Encryption | undefined;
  /** The most bytes that a chunk may have, packed and unpacked. @default 67_108_864, 64 MiB */
  readonly maxBytes?: number | undefined;
}

/** What tells chunks, and checks them. */
export interface Chunks {
  readonly maxBytes: number;
  /** Whether a read is of a whole chunk under the prefix, whichever version it has. */
  readonly isAsked: (key: string, options: GetOptions) => boolean;
  /** Whether bytes are the chunk that a key names: `sealed` as long as its key is there, `plain` for ever. */
  readonly check: (key: string, bytes: Uint8Array) => Promise<"sealed" | "plain" | undefined>;
}

/** What tells the chunks of a prefix. */
export function chunksUnder(
  { prefix = "cairn/", encryption, maxBytes = 64 * 1024 * 1024 }: ChunkLayerOptions,
): Chunks {
  checkWhole({ maxBytes }, 1);
  const keys = new Keys(prefix);
  return {
    maxBytes,
    isAsked: (key, { range, ifMatch, versionId }) =>
      range === undefined && ifMatch === undefined && versionId === undefined &&
      key.startsWith(keys.prefix) && isChunkKey(key),
    async check(key, bytes) {
      const sealing = encryption && { encryption, place: { key, thread: keys.threadOf(key)! } };
      try {
        const frame = await decodeFrame(bytes, { kind: "chunk", limit: maxBytes, sealing });
        // Sealed, it is bound to its key; else its hash is its name.
        if (frame.encrypted) return "sealed";
        return toHex(await sha256(frame.payload)) === key.slice(-64) ? "plain" : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

/**
 * A layer over a store that has chunks by `get`, and all else from the store.
 * `changed` is told of keys that were written or deleted through it.
 */
export function chunkLayer(
  store: ObjectStore,
  name: string,
  chunks: Chunks,
  get: (key: string, options: GetOptions) => Promise<GetResult>,
  changed: (keys: readonly string[]) => void = () => {},
): ObjectStore {
  const changing = async <T>(keys: readonly string[], work: Promise<T>) => {
    try {
      return await work;
    } finally {
      changed(keys); // also where it failed: it may have been done
    }
  };
  return {
    name,
    get capabilities() {
      return store.capabilities;
    },
    put: (key, body, options) => changing([key], store.put(key, body, options)),
    async get(key, options = {}) {
      checkKey(key);
      if (!chunks.isAsked(key, options)) return await store.get(key, options);
      options.signal?.throwIfAborted();
      return await get(key, options);
    },
    head: (key, options) => store.head(key, options),
    list: (options) => store.list(options),
    delete: (keys, options) => changing(keys, store.delete(keys, options)),
    copy: (from, to, options) => changing([to], store.copy(from, to, options)),
    presign: (key, options) => store.presign(key, options),
  };
}

/** The URL that keys stand under, with a slash at its end. */
export function baseOf(text: string): string {
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined;
  if (
    !url || !/^https?:$/.test(url.protocol) || url.username + url.password + url.search + url.hash
  ) {
    // What stands before an @ may be a password.
    const shown = String(text).replace(/[^]*@/, "...@");
    refuse("baseUrl", shown, "an https: URL without a query, a fragment or a password");
  }
  return url.href.replace(/\/*$/, "/");
}

/** The URL of a key. */
export function urlOf(base: string, key: string): string {
  return base + key.split("/").map(encodeURIComponent).join("/");
}

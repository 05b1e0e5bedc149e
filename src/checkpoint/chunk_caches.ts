import { checkWhole, refuse } from "../store/_options.ts";
import { tell } from "../store/_tell.ts";
import { readAll, streamOf } from "../store/body.ts";
import type { GetOptions, GetResult, ObjectInfo, ObjectStore } from "../store/store.ts";
import { RecentObjects } from "./cache.ts";
import {
  baseOf,
  chunkLayer,
  type ChunkLayerOptions,
  type Chunks,
  chunksUnder,
  urlOf,
} from "./chunk_layer.ts";

/** What became of a read of a chunk: from the cache, not there, not the right one, or the cache failed. */
export type ChunkCacheOutcome = "hit" | "miss" | "wrong" | "failed";

/** Options of both caches of chunks. */
export interface ChunkCacheOptions extends ChunkLayerOptions {
  /** Is told of each read of a chunk. What it throws is nobody's concern. */
  readonly observe?: ((outcome: ChunkCacheOutcome) => unknown) | undefined;
}

/** Options of {@link cached}. */
export interface CachedOptions extends ChunkCacheOptions {
  /** How many bytes of chunks, as they are stored, are held at most. @default 67_108_864, 64 MiB */
  readonly bytes?: number | undefined;
}

/** What the Workers Cache API has of a `Cache`, such as `caches.default`. */
export interface ResponseCache {
  /** Gives what is kept under a URL. */
  match(url: string): Promise<Response | undefined>;
  /** Keeps a response under a URL. */
  put(url: string, response: Response): Promise<void>;
}

/** Options of {@link workersCache}. */
export interface WorkersCacheOptions extends ChunkCacheOptions {
  /** The cache: `await caches.open("cairn")`, or `caches.default`. */
  readonly cache: ResponseCache;
  /** What the URLs that chunks are kept under begin with; nobody fetches them. On Cloudflare, of the Worker's own host. */
  readonly baseUrl: string;
  /** How long a chunk may be kept, in seconds. @default 86_400, one day */
  readonly maxAge?: number | undefined;
  /**
   * What keeps the Worker until a chunk is kept, as `ctx.waitUntil`: a read does not wait for it then.
   *
   * @default a read waits
   */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** A chunk as it is stored. */
interface Found {
  readonly info: ObjectInfo;
  readonly bytes: Uint8Array;
}

/** A chunk as it is kept. */
interface Kept extends Found {
  /** Whether it needs no further check. */
  readonly trusted: boolean;
}

/** Where chunks are kept. */
interface Cache {
  /** A chunk that is kept. */
  readonly find: (key: string) => Promise<Kept | undefined>;
  /** Keeps a chunk that was checked. */
  readonly keep: (key: string, found: Found, kind: "sealed" | "plain") => Promise<void>;
  /** Forgets one that was written or deleted. @default the check tells */
  readonly forget?: (key: string) => void;
}

/**
 * A layer that keeps chunks, the immutable part of large values, in this
 * process's memory: all checkpointers and savers over it share them. The least
 * recently used go first. What may change, it never keeps.
 *
 * An encrypted chunk is kept as it is stored, and opened at each read: give the
 * layer the checkpointers' `encryption`.
 *
 * @throws {InvalidInputError} where an option cannot be used.
 *
 * @example
 * ```ts
 * import { cached, memoryStore, S3Checkpointer } from "@cairn/checkpoint";
 * import { countingStore } from "@cairn/checkpoint/testing";
 * import assert from "node:assert/strict";
 *
 * const bucket = countingStore(memoryStore()); // or edgeStore, sdkStore, r2Store
 * const store = cached(bucket, { bytes: 32 * 1024 * 1024 });
 * await new S3Checkpointer(store).save("t", { log: "stone upon stone ".repeat(5_000) });
 *
 * await new S3Checkpointer(store).load("t");
 * bucket.reset();
 * await new S3Checkpointer(store).load("t"); // another one: only the record is read again
 * assert.equal(bucket.counts.get, 1);
 * ```
 */
export function cached(store: ObjectStore, options: CachedOptions = {}): ObjectStore {
  const { bytes: most = 64 * 1024 * 1024, observe } = options;
  checkWhole({ bytes: most }, 0);
  const recent = new RecentObjects(most);
  const name = `${store.name} with chunks in memory`;
  return cacheLayer(store, name, chunksUnder(options), observe, {
    find: (key) => Promise.resolve(recent.get<Kept>(key)),
    keep(key, found, kind) {
      const kept: Kept = { ...found, trusted: kind === "plain" };
      return Promise.resolve(recent.set(key, found.info.etag, kept, found.bytes.length));
    },
    forget: (key) => recent.delete(key),
  });
}

/**
 * A layer that keeps chunks, the immutable part of large values, in the cache of
 * the Cloudflare data centre that a Worker runs in, by the
 * [Cache API](https://developers.cloudflare.com/workers/runtime-apis/cache/).
 * Each is checked against its name before it is given to anybody; where the
 * cache has none, or fails, the store is asked.
 *
 * An encrypted chunk is kept as it is stored: give the layer the checkpointers'
 * `encryption`. What is deleted stays in the cache for up to `maxAge`.
 *
 * @throws {InvalidInputError} where an option cannot be used.
 *
 * @example
 * ```ts
 * import { memoryStore, S3Checkpointer, workersCache } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const kept = new Map<string, Response>(); // in a Worker: await caches.open("cairn")
 * const cache = {
 *   match: (url: string) => Promise.resolve(kept.get(url)?.clone()),
 *   put: (url: string, response: Response) => Promise.resolve(void kept.set(url, response)),
 * };
 * const store = workersCache(memoryStore(), { cache, baseUrl: "https://worker.example.com/chunks" });
 * const state = { log: "stone upon stone ".repeat(5_000) };
 * await new S3Checkpointer(store).save("t", state);
 * const found = await new S3Checkpointer<typeof state>(store).load("t");
 * assert.deepEqual(found?.state, state);
 * assert(kept.size > 0);
 * ```
 */
export function workersCache(store: ObjectStore, options: WorkersCacheOptions): ObjectStore {
  const { cache, baseUrl, maxAge = 86_400, waitUntil, observe } = options;
  checkWhole({ maxAge }, 1);
  if (typeof cache?.match !== "function") {
    refuse("cache", cache, 'what caches.open("cairn") gives, or caches.default');
  }
  const base = baseOf(baseUrl);
  const chunks = chunksUnder(options);
  return cacheLayer(store, `${store.name} with chunks in the Worker's cache`, chunks, observe, {
    async find(key) {
      const answer = await cache.match(urlOf(base, key));
      if (answer === undefined) return undefined;
      const bytes = await readAll(answer.body, chunks.maxBytes);
      const etag = /"(.*)"$/.exec(answer.headers.get("etag") ?? "")?.[1] ?? "";
      const lastModified = new Date(answer.headers.get("last-modified") ?? NaN);
      if (etag === "" || isNaN(lastModified.getTime())) throw new TypeError("No ETag or date");
      return { info: { key, size: bytes.length, etag, lastModified }, bytes, trusted: false };
    },
    async keep(key, { info, bytes }) {
      const headers = {
        "cache-control": `max-age=${maxAge}`,
        "content-type": "application/octet-stream",
        etag: `"${info.etag}"`,
        "last-modified": info.lastModified.toUTCString(),
      };
      const work = cache.put(urlOf(base, key), new Response(bytes.slice(), { headers })).catch(
        () => {},
      );
      if (waitUntil) waitUntil(work);
      else await work;
    },
  });
}

/** A layer that looks for chunks in a cache, and keeps those that the store had to give. */
function cacheLayer(
  store: ObjectStore,
  name: string,
  chunks: Chunks,
  observe: ChunkCacheOptions["observe"],
  cache: Cache,
): ObjectStore {
  async function fromCache(key: string): Promise<GetResult | undefined> {
    try {
      const found = await cache.find(key);
      if (found === undefined) {
        tell(observe, "miss");
        return undefined;
      }
      if (!found.trusted && await chunks.check(key, found.bytes) === undefined) {
        tell(observe, "wrong");
        return undefined;
      }
      tell(observe, "hit");
      return { info: found.info, body: streamOf(found.bytes.slice()) };
    } catch {
      tell(observe, "failed");
      return undefined;
    }
  }

  async function fromStore(key: string, options: GetOptions): Promise<GetResult> {
    const { info, body } = await store.get(key, options);
    if (info.size > chunks.maxBytes) return { info, body };
    const bytes = await readAll(body, info.size);
    const kind = await chunks.check(key, bytes);
    // What is not the chunk is its reader's to refuse.
    if (kind !== undefined) await cache.keep(key, { info, bytes }, kind);
    return { info, body: streamOf(bytes.slice()) };
  }

  return chunkLayer(store, name, chunks, async (key, options) => {
    const found = await fromCache(key);
    options.signal?.throwIfAborted();
    return found ?? await fromStore(key, options);
  }, (keys) => keys.forEach((key) => cache.forget?.(key)));
}

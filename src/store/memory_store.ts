import { NotFoundError, PreconditionFailedError, UnsupportedError } from "../errors.ts";
import { checkLimit, commonPrefixOf, paged } from "./_listing.ts";
import { checkRange, resolveRange } from "./_range.ts";
import { sortedKeys } from "./_sorted_keys.ts";
import { requireCapabilities } from "./_capabilities.ts";
import { checkBody, discard, piecesOf } from "./_source.ts";
import { countAttempt } from "./_trace.ts";
import { concat, isStream, streamOf } from "./body.ts";
import { checkKey, compareKeys, quote } from "./key.ts";
import type { Body, ListOptions, ObjectInfo, ObjectStore, Precondition } from "./store.ts";

interface StoredObject extends ObjectInfo {
  readonly bytes: Uint8Array;
}

/** Parts of a store in memory that tests replace. */
export interface MemoryStoreComponents {
  /** The time of what is written, in milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

/**
 * A store in this process's memory, for tests and for trying things out. It
 * keeps the whole contract but `presign`, and forgets everything when the
 * process ends. Bytes are copied on their way in and out.
 *
 * @example
 * ```ts
 * import { getBytes, memoryStore } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const store = memoryStore();
 * await store.put("trail/1", new TextEncoder().encode("first stone"));
 * const { bytes, info } = await getBytes(store, "trail/1");
 * assert.equal(new TextDecoder().decode(bytes), "first stone");
 * assert.equal(info.size, 11);
 * ```
 */
export function memoryStore({ now = Date.now }: MemoryStoreComponents = {}): ObjectStore {
  const objects = new Map<string, StoredObject>();
  const keys = sortedKeys();
  let writes = 0;

  function write(key: string, bytes: Uint8Array, precondition: Precondition): { etag: string } {
    checkPrecondition(key, precondition, objects.get(key)?.etag);
    if (!objects.has(key)) keys.add(key);
    const etag = `m${++writes}`;
    objects.set(key, { key, bytes, size: bytes.length, etag, lastModified: new Date(now()) });
    return { etag };
  }

  function find(key: string): StoredObject {
    const object = objects.get(key);
    if (object === undefined) throw new NotFoundError(`No object ${quote(key)} in memory`, { key });
    return object;
  }

  async function* entries(options: ListOptions): AsyncGenerator<ObjectInfo | string, void> {
    const { prefix = "", startAfter = "", delimiter, signal } = options;
    signal?.throwIfAborted();
    let key = keys.first((other) =>
      compareKeys(other, startAfter) > 0 && compareKeys(other, prefix) >= 0
    );
    while (key !== undefined && key.startsWith(prefix)) {
      signal?.throwIfAborted();
      const last = key;
      const common = commonPrefixOf(last, prefix, delimiter);
      if (common === undefined) yield infoOf(find(last));
      else yield common;
      // Looked up anew: others may have written since the last page was read.
      key = keys.first((other) =>
        compareKeys(other, last) > 0 && !(common !== undefined && other.startsWith(common))
      );
    }
  }

  const self = {
    name: "memory",
    capabilities: {
      conditionalCreate: true,
      conditionalUpdate: true,
      orderedList: true,
      presign: false,
      attributes: false,
      versions: false,
    },
  };
  return {
    ...self,
    async put(key, body, { precondition = "overwrite", attributes, signal, trace } = {}) {
      try {
        checkKey(key);
        checkBody(body, key);
        requireCapabilities(self, key, { attributes });
        signal?.throwIfAborted();
        countAttempt(trace);
        checkPrecondition(key, precondition, objects.get(key)?.etag);
        return write(key, await copyOf(body, signal), precondition);
      } catch (error) {
        discard(body, error);
        throw error;
      }
    },
    // deno-lint-ignore require-await -- async, so that a wrong key rejects
    async get(key, { range, ifMatch, versionId, signal, trace } = {}) {
      checkKey(key);
      requireCapabilities(self, key, { versionId });
      checkRange(range);
      signal?.throwIfAborted();
      countAttempt(trace);
      const object = find(key);
      if (ifMatch !== undefined) checkPrecondition(key, { ifMatch }, object.etag);
      const { start, end } = resolveRange(range, object.size, key);
      return { info: infoOf(object), body: streamOf(object.bytes.slice(start, end)) };
    },
    // deno-lint-ignore require-await
    async head(key, { versionId, signal, trace } = {}) {
      checkKey(key);
      requireCapabilities(self, key, { versionId });
      signal?.throwIfAborted();
      countAttempt(trace);
      return infoOf(find(key));
    },
    async *list(options = {}) {
      const limit = checkLimit(options);
      options.signal?.throwIfAborted();
      if (limit > 0) countAttempt(options.trace);
      yield* paged(entries(options), limit);
    },
    // deno-lint-ignore require-await
    async delete(doomed, { signal, trace } = {}) {
      doomed.forEach(checkKey);
      signal?.throwIfAborted();
      countAttempt(trace);
      for (const key of doomed) {
        if (objects.delete(key)) keys.remove(key);
      }
    },
    // deno-lint-ignore require-await
    async copy(from, to, { precondition = "overwrite", signal, trace } = {}) {
      checkKey(from);
      checkKey(to);
      signal?.throwIfAborted();
      countAttempt(trace);
      return write(to, find(from).bytes, precondition);
    },
    // deno-lint-ignore require-await
    async presign(key, { signal }) {
      checkKey(key);
      signal?.throwIfAborted();
      throw new UnsupportedError(
        "Cannot presign: objects in memory have no URL; edgeStore and sdkStore can",
        { key },
      );
    },
  };
}

function checkPrecondition(key: string, precondition: Precondition, etag?: string): void {
  if (precondition === "overwrite") return;
  if (precondition === "create") {
    if (etag === undefined) return;
    throw new PreconditionFailedError(`Cannot create ${quote(key)}: it is there already`, { key });
  }
  if (precondition.ifMatch === etag) return;
  throw new PreconditionFailedError(
    `The ETag of ${quote(key)} is not ${quote(precondition.ifMatch)}: ${
      etag === undefined ? "there is no such object" : `it is ${quote(etag)}`
    }`,
    { key },
  );
}

async function copyOf(body: Body, signal?: AbortSignal): Promise<Uint8Array> {
  // Not slice(): that of a Node Buffer shares its memory.
  if (!isStream(body)) return new Uint8Array(body);
  const pieces: Uint8Array[] = [];
  for await (const piece of piecesOf(body, signal)) pieces.push(new Uint8Array(piece));
  return pieces.length === 0 ? new Uint8Array(0) : concat(pieces);
}

function infoOf({ key, size, etag, lastModified }: StoredObject): ObjectInfo {
  return { key, size, etag, lastModified };
}

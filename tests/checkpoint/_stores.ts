import {
  getBytes,
  type ListOptions,
  type ListPage,
  memoryStore,
  type ObjectInfo,
  type ObjectStore,
} from "@cairn/checkpoint";
import assert from "node:assert/strict";
import { toHex } from "../../src/store/hex.ts";
import { sha256 } from "../../src/store/sha256.ts";

/** A store with some of its methods replaced. */
export function altered(store: ObjectStore, methods: Partial<ObjectStore>): ObjectStore {
  return {
    name: store.name,
    capabilities: store.capabilities,
    put: (key, body, options) => store.put(key, body, options),
    get: (key, options) => store.get(key, options),
    head: (key, options) => store.head(key, options),
    list: (options) => store.list(options),
    delete: (keys, options) => store.delete(keys, options),
    copy: (from, to, options) => store.copy(from, to, options),
    presign: (key, options) => store.presign(key, options),
    ...methods,
  };
}

/** A store that lists in no order, as an S3 directory bucket does, in pages of so many. */
export function unordered(store: ObjectStore, pageSize: number): ObjectStore {
  return altered(store, {
    capabilities: { ...store.capabilities, orderedList: false },
    async *list(options: ListOptions = {}): AsyncGenerator<ListPage> {
      assert.equal(options.startAfter, undefined, "such a bucket knows no start");
      assert.equal(options.limit, undefined, "nobody knows what the first few are");
      const objects: ListPage["objects"] = [];
      const prefixes: string[] = [];
      for await (const page of store.list(options)) {
        objects.push(...page.objects);
        prefixes.push(...page.prefixes);
      }
      // Every third from the back, then every third from one before, and so on.
      const mixed = [0, 1, 2].flatMap((rest) =>
        objects.toReversed().filter((_, at) => at % 3 === rest)
      );
      for (let at = 0; at < mixed.length; at += pageSize) {
        yield { objects: mixed.slice(at, at + pageSize), prefixes: [] };
      }
      yield { objects: [], prefixes: prefixes.toReversed() };
    },
  });
}

/** A store whose ETags are made of the bytes, as those of S3 are: what is put there again as it was has the same. */
export function etagsOfBytes(inner: ObjectStore): ObjectStore {
  /** By a key: the ETag inside, and the one that is told. */
  const known = new Map<string, { inside: string; told: string }>();
  const told = <T extends ObjectInfo>(info: T): T => ({ ...info, etag: known.get(info.key)!.told });
  const inside = (key: string, etag: string) => {
    const both = known.get(key);
    return both?.told === etag ? both.inside : `not ${etag}`;
  };
  const note = async (key: string) => {
    const { info, bytes } = await getBytes(inner, key);
    known.set(key, { inside: info.etag, told: toHex(await sha256(bytes)).slice(0, 32) });
    return { etag: known.get(key)!.told };
  };
  return altered(inner, {
    async put(key, body, options = {}) {
      const { precondition = "overwrite" } = options;
      const translated = typeof precondition === "string"
        ? precondition
        : { ifMatch: inside(key, precondition.ifMatch) };
      await inner.put(key, body, { ...options, precondition: translated });
      return await note(key);
    },
    async get(key, { ifMatch, ...options } = {}) {
      const condition = ifMatch === undefined ? {} : { ifMatch: inside(key, ifMatch) };
      const { info, body } = await inner.get(key, { ...options, ...condition });
      return { info: told(info), body };
    },
    head: async (key, options) => told(await inner.head(key, options)),
    async *list(options) {
      for await (const page of inner.list(options)) {
        yield { ...page, objects: page.objects.map(told) };
      }
    },
    async copy(from, to, options) {
      await inner.copy(from, to, options);
      return await note(to);
    },
  });
}

/** A store whose pages hold so few objects, some of them none. */
export function inSmallPages(store: ObjectStore, pageSize: number): ObjectStore {
  return altered(store, {
    async *list(options) {
      for await (const { objects, prefixes } of store.list(options)) {
        yield { objects: [], prefixes };
        for (let at = 0; at < objects.length; at += pageSize) {
          yield { objects: objects.slice(at, at + pageSize), prefixes: [] };
        }
      }
    },
  });
}

/** All keys under a prefix. */
export async function keysOf(store: ObjectStore, prefix = ""): Promise<string[]> {
  const pages = await Array.fromAsync(store.list({ prefix }));
  return pages.flatMap(({ objects }) => objects.map(({ key }) => key));
}

/** A store that begins with what another one has. */
export async function copyOf(store: ObjectStore): Promise<{ store: ObjectStore; keys: string[] }> {
  const copy = memoryStore();
  const keys = await keysOf(store);
  for (const key of keys) await copy.put(key, (await getBytes(store, key)).bytes);
  return { store: copy, keys };
}

/** Bytes that no compression shrinks, the same for the same seed. */
export function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

import {
  getBytes,
  type ListOptions,
  type ListPage,
  memoryStore,
  type ObjectStore,
} from "@cairn/checkpoint";
import assert from "node:assert/strict";

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

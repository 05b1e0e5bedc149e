import { refuse } from "./_options.ts";
import { discard } from "./_source.ts";
import { checkKey } from "./key.ts";
import type { ObjectInfo, ObjectStore } from "./store.ts";

/**
 * A part of a store as a store of its own: each key gets the prefix on its way
 * in and loses it on its way out, and no key reaches outside. The prefix is
 * text, not a folder: give it its `/` where one is wanted. What it takes of the
 * 1,024 bytes of a key is not there for the keys behind it.
 *
 * @throws {InvalidInputError} where no key can start with the prefix.
 *
 * @example
 * ```ts
 * import { memoryStore, prefixed } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const bucket = memoryStore();
 * const staging = prefixed(bucket, "staging/");
 * await staging.put("key", new Uint8Array([1]));
 * assert.equal((await staging.head("key")).key, "key");
 * assert.equal((await bucket.head("staging/key")).size, 1);
 * ```
 */
export function prefixed(store: ObjectStore, prefix: string): ObjectStore {
  if (typeof prefix !== "string") refuse("prefix", prefix, "a string that keys begin with");
  if (prefix === "") return store;
  checkKey(`${prefix}x`);
  const inner = (key: string) => {
    // By itself too: behind "a", the key "/b" or ".." would slip through.
    checkKey(key);
    const whole = prefix + key;
    checkKey(whole);
    return whole;
  };
  const outer = (key: string) => key.slice(prefix.length);
  const freed = (info: ObjectInfo): ObjectInfo => ({ ...info, key: outer(info.key) });

  return {
    name: `${store.name} under ${JSON.stringify(prefix)}`,
    get capabilities() {
      return store.capabilities;
    },
    async put(key, body, options) {
      let whole;
      try {
        whole = inner(key);
      } catch (error) {
        discard(body, error);
        throw error;
      }
      return await store.put(whole, body, options);
    },
    async get(key, options) {
      const { info, body } = await store.get(inner(key), options);
      return { info: freed(info), body };
    },
    head: async (key, options) => freed(await store.head(inner(key), options)),
    async *list({ prefix: within = "", startAfter, ...options } = {}) {
      const pages = store.list({
        ...options,
        prefix: prefix + within,
        startAfter: startAfter === undefined ? undefined : prefix + startAfter,
      });
      for await (const page of pages) {
        yield { objects: page.objects.map(freed), prefixes: page.prefixes.map(outer) };
      }
    },
    delete: async (keys, options) => await store.delete(keys.map(inner), options),
    copy: async (from, to, options) => await store.copy(inner(from), inner(to), options),
    presign: async (key, options) => await store.presign(inner(key), options),
  };
}

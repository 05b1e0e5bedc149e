import { UnsupportedError } from "../errors.ts";
import { compareKeys } from "../store/key.ts";
import type { ListOptions, ObjectStore } from "../store/store.ts";
import { assert, equal, rejects } from "./_assert.ts";
import {
  type ConformanceCase,
  conformanceCase,
  each,
  type Listing,
  listing,
  utf8,
} from "./_case.ts";

/** By code points, where the order of UTF-16 is another. */
const ORDERED = ["!", "0", "A", "Z", "a", "z", "~", "é", "～", "\ufffd", "😀", "\u{10ffff}"];
// No key goes on from another one after a slash: some servers keep objects in
// folders of their own, and do not list what is below an object.
const TREE = ["a!", "a/1", "a/2/x", "a/2/y", "a/3", "b!", "b/1", "c", "d/1/2/3"];
const MANY = 1_050;
const PAGE = 1_000;

/** What a store must do with listings. */
export const listingCases: readonly ConformanceCase[] = [
  conformanceCase("lists keys in the order of their bytes", async (store, { prefix }) => {
    const keys = ORDERED.flatMap((letter) => [letter, `x${letter}y`]);
    await each([...keys].reverse(), (key) => store.put(prefix + key, utf8(key)));
    const listed = await listing(store, prefix);
    equal(inOrder(store, listed.keys), keys.sort(compareKeys), "keys");
  }),

  conformanceCase("lists what starts with a prefix and nothing else", async (store, { prefix }) => {
    const keys = ["a!", "a/b", "a0", "ab", "abc", "b", "b~", "é/1", "éa"];
    await each(keys, (key) => store.put(prefix + key, utf8(key)));
    for (const start of ["", "a", "a/", "a/b", "ab", "ab/", "b", "b~", "c", "é", "a/b/c", "éab"]) {
      const listed = await listing(store, prefix, { prefix: start });
      const expected = keys.filter((key) => key.startsWith(start)).sort(compareKeys);
      equal(inOrder(store, listed.keys), expected, `keys with the prefix ${JSON.stringify(start)}`);
    }
  }),

  conformanceCase("lists nothing where nothing is", async (store, { prefix }) => {
    const listed = await listing(store, prefix);
    equal(listed.keys, [], "keys");
    equal(listed.prefixes, [], "prefixes");
    assert(listed.pages.length <= 1, `an empty listing has ${listed.pages.length} pages`);
  }),

  conformanceCase("starts a listing after a key, present or not", async (store, { prefix }) => {
    const keys = ["a!", "a/b", "b!", "b/1", "b/2", "c", "😀"];
    await each(keys, (key) => store.put(prefix + key, utf8(key)));
    const list = (options: ListOptions) => listing(store, prefix, options);
    if (!store.capabilities.orderedList) {
      await rejects(() => list({ startAfter: "a" }), UnsupportedError, "list with startAfter");
      return;
    }
    for (
      const after of ["", "!", "a", "a/", "a/a", "a/b", "aa", "b/1", "b/10", "c", "～", "😀", "😁"]
    ) {
      for (const start of ["", "b", "b/"]) {
        const expected = keys.filter((key) => key.startsWith(start) && compareKeys(key, after) > 0);
        const listed = await list({ prefix: start, startAfter: after });
        equal(listed.keys, expected, `keys with the prefix "${start}" after "${after}"`);
      }
    }
  }),

  conformanceCase("gives folders by a delimiter", async (store, { prefix }) => {
    await each(TREE, (key) => store.put(prefix + key, utf8(key)));
    const expected: [string, string[], string[]][] = [
      ["", ["a!", "b!", "c"], ["a/", "b/", "d/"]],
      ["a", ["a!"], ["a/"]],
      ["a/", ["a/1", "a/3"], ["a/2/"]],
      ["a/2", [], ["a/2/"]],
      ["a/2/", ["a/2/x", "a/2/y"], []],
      ["d/", [], ["d/1/"]],
      ["d/1/2/", ["d/1/2/3"], []],
      ["e", [], []],
    ];
    for (const [start, keys, prefixes] of expected) {
      const listed = await listing(store, prefix, { prefix: start, delimiter: "/" });
      equal(inOrder(store, listed.keys), keys, `keys directly under "${start}"`);
      equal(inOrder(store, listed.prefixes), prefixes, `folders under "${start}"`);
    }
  }),

  conformanceCase("forgets a folder with its last object", async (store, { prefix }) => {
    await each(["f/a/1", "f/a/2", "g"], (key) => store.put(prefix + key, utf8(key)));
    await store.delete([`${prefix}f/a/1`]);
    equal((await listing(store, prefix, { delimiter: "/" })).prefixes, ["f/"], "folders");
    await store.delete([`${prefix}f/a/2`]);
    equal((await listing(store, prefix, { delimiter: "/" })).prefixes, [], "folders after");
  }),

  conformanceCase("gives no more than the limit", async (store, { prefix }) => {
    await each(TREE, (key) => store.put(prefix + key, utf8(key)));
    for (const limit of [1, 2, 5, TREE.length, TREE.length + 1]) {
      const all = await listing(store, prefix, { limit });
      equal(all.keys.length, Math.min(limit, TREE.length), `number of keys with limit ${limit}`);
      const folders = await listing(store, prefix, { limit, delimiter: "/" });
      const given = folders.keys.length + folders.prefixes.length;
      equal(given, Math.min(limit, 6), `number of entries with limit ${limit}`);
      if (!store.capabilities.orderedList) continue;
      equal(all.keys, TREE.slice(0, limit), `keys with limit ${limit}`);
      const rest = await listing(store, prefix, { startAfter: all.keys.at(-1), limit: 3 });
      equal(rest.keys, TREE.slice(limit, limit + 3), `keys after the first ${limit}`);
      const entries = ["a!", "a/", "b!", "b/", "c", "d/"].slice(0, limit);
      equal([...folders.keys, ...folders.prefixes].sort(), entries, `entries with limit ${limit}`);
    }
  }),

  conformanceCase("sees each write at once", async (store, { prefix }) => {
    for (const key of ["b", "a", "c"]) {
      await store.put(prefix + key, utf8(key));
      assert((await listing(store, prefix)).keys.includes(key), `${key} is not listed`);
    }
    await store.delete([`${prefix}b`]);
    equal(inOrder(store, (await listing(store, prefix)).keys), ["a", "c"], "keys after");
  }),

  conformanceCase(
    "lists more than a page of keys, and deletes them in one call",
    async (store, { prefix }) => {
      const name = (index: number) => `${index % 3}/${String(index).padStart(5, "0")}`;
      const keys = Array.from({ length: MANY }, (_, index) => name(index));
      await each(keys, (key) => store.put(prefix + key, utf8(key)));
      keys.sort(compareKeys);
      checkPages(await listing(store, prefix), keys, store);
      const most = await listing(store, prefix, { limit: PAGE + 1 });
      equal(most.keys.length, PAGE + 1, `number of keys with limit ${PAGE + 1}`);
      const folders = await listing(store, prefix, { delimiter: "/" });
      equal(inOrder(store, folders.prefixes), ["0/", "1/", "2/"], "folders");
      const early = store.list({ prefix })[Symbol.asyncIterator]();
      await early.next();
      await early.return?.();
      await store.delete(keys.slice(0, PAGE + 1).map((key) => prefix + key));
      checkPages(await listing(store, prefix), keys.slice(PAGE + 1), store);
    },
  ),
];

function checkPages(listed: Listing, keys: string[], store: ObjectStore): void {
  equal(inOrder(store, listed.keys), keys, "keys");
  for (const length of listed.pages) assert(length <= PAGE, `a page has ${length} entries`);
}

/** A listing without an order is compared as a set. */
function inOrder(store: ObjectStore, keys: string[]): string[] {
  return store.capabilities.orderedList ? keys : keys.sort(compareKeys);
}

import assert from "node:assert/strict";
import { memoryStore, type ObjectStore } from "@cairn/checkpoint";
import { conformanceCases, faultyStore } from "@cairn/checkpoint/testing";
import { readAll, streamOf } from "../../src/store/body.ts";

/** Mistakes that stores really make, and the case that must find each. */
const MISTAKES: Record<
  string,
  [found: string, broken: (store: ObjectStore) => Partial<ObjectStore>]
> = {
  "ignores a precondition": [
    "lets one of many creators win",
    (store) => ({ put: (key, body) => store.put(key, body) }),
  ],
  "declares what it does not do": [
    "presigns URLs, or says that it cannot",
    (store) => ({ capabilities: { ...store.capabilities, presign: true } }),
  ],
  "does not declare what it does": [
    "creates an object only where none is",
    (store) => ({ capabilities: { ...store.capabilities, conditionalCreate: false } }),
  ],
  "lists in the order of UTF-16": [
    "lists keys in the order of their bytes",
    (store) => ({
      async *list(options) {
        for await (const page of store.list(options)) {
          yield { ...page, objects: page.objects.sort((a, b) => a.key < b.key ? -1 : 1) };
        }
      },
    }),
  ],
  "gives the first page only": [
    "lists more than a page of keys, and deletes them in one call",
    (store) => ({
      async *list(options) {
        for await (const page of store.list(options)) return yield page;
      },
    }),
  ],
  "takes a prefix for a folder": [
    "lists what starts with a prefix and nothing else",
    (store) => ({
      list: ({ prefix = "", ...options } = {}) =>
        store.list({ ...options, prefix: prefix.replace(/[^/]$/, "$&/") }),
    }),
  ],
  "starts at the key instead of after it": [
    "starts a listing after a key, present or not",
    (store) => ({
      list: ({ startAfter, ...options } = {}) =>
        store.list({ ...options, startAfter: startAfter?.slice(0, -1) }),
    }),
  ],
  "forgets the limit": [
    "gives no more than the limit",
    (store) => ({ list: ({ limit: _, ...options } = {}) => store.list(options) }),
  ],
  "takes the end of a range as inclusive": [
    "reads a range",
    (store) => ({
      get: (key, { range, ...options } = {}) =>
        store.get(key, {
          ...options,
          range: range && "end" in range && range.end !== undefined
            ? { start: range.start, end: range.end + 1 }
            : range,
        }),
    }),
  ],
  "quotes the ETag of put": [
    "tells the same of an object everywhere",
    (store) => ({
      async put(key, body, options) {
        const { etag } = await store.put(key, body, options);
        return { etag: `"${etag}"` };
      },
    }),
  ],
  "forgets the signal": [
    "stops a put that is aborted",
    (store) => ({
      put: (key, body, { signal: _, ...options } = {}) =>
        Promise.race([
          store.put(key, body, options),
          new Promise<never>((_, reject) => setTimeout(() => reject(new Error("stuck")), 200)),
        ]),
    }),
  ],
  "forgets the trace": [
    "counts the attempts of each call",
    (store) => ({ head: (key, { trace: _, ...options } = {}) => store.head(key, options) }),
  ],
  "keeps what came before a stream failed": [
    "passes on the error of a stream and keeps nothing",
    (store) => ({
      async put(key, body, options) {
        if (body instanceof Uint8Array) return await store.put(key, body, options);
        const pieces: Uint8Array[] = [];
        try {
          for await (const piece of body) pieces.push(piece);
        } finally {
          await store.put(key, await readAll(streamOf(...pieces)), options);
        }
        return await store.head(key);
      },
    }),
  ],
  "wraps the error of a stream": [
    "passes on the error of a stream and keeps nothing",
    (store) => ({
      put: (key, body, options) =>
        store.put(key, body, options).catch((error) => {
          throw new Error("put failed", { cause: error });
        }),
    }),
  ],
  "fails where a key to delete is absent": [
    "deletes what is not there without an error",
    (store) => ({
      async delete(keys, options) {
        for (const key of keys) await store.head(key);
        await store.delete(keys, options);
      },
    }),
  ],
  "decodes keys once too often": [
    "keeps odd keys apart and gives them back",
    (store) => {
      const decoded = (key: string) => key.replace(/%2F/g, "~").replace(/%20/g, " ");
      return {
        put: (key, body, options) => store.put(decoded(key), body, options),
        get: (key, options) => store.get(decoded(key), options),
      };
    },
  ],
  "writes before it checks a key": [
    "refuses hostile keys and writes nothing",
    (store) => ({
      async delete(keys, options) {
        for (const key of keys) await store.delete([key], options);
      },
    }),
  ],
};

for (const [what, [found, broken]] of Object.entries(MISTAKES)) {
  Deno.test(`conformanceCases find a store that ${what}`, async () => {
    const store = memoryStore();
    const wrong: ObjectStore = { ...store, ...broken(store) };
    const { run } = conformanceCases.find(({ name }) => name === found)!;
    await assert.rejects(run(wrong, { prefix: "mistaken/" }));
    await run(memoryStore(), { prefix: "right/" });
  });
}

Deno.test("conformanceCases have names of their own", () => {
  const names = conformanceCases.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});

Deno.test("conformanceCases leave nothing behind, also where they fail", async () => {
  const store = memoryStore();
  await store.put("somebody/elses", new Uint8Array(1));
  const failing = faultyStore(
    store,
    ({ operation, number }) => operation === "get" && number === 2 ? { kind: "fail" } : undefined,
  );
  for (const { run } of conformanceCases.slice(0, 6)) {
    await run(failing, { prefix: "case/" }).catch(() => {});
  }
  for await (const page of store.list()) {
    assert.deepEqual(page.objects.map(({ key }) => key), ["somebody/elses"]);
  }
});

import assert from "node:assert/strict";
import { AccessError, type CairnError, UnsupportedError } from "../../src/errors.ts";
import { memoryStore } from "../../src/store/memory_store.ts";
import { probe } from "../../src/store/probe.ts";
import type { ObjectInfo, ObjectStore } from "../../src/store/store.ts";

/** A memory store with some of its methods replaced. */
function storeWith(replace: (memory: ObjectStore) => Partial<ObjectStore>) {
  const memory = memoryStore();
  return { memory, store: { ...memory, ...replace(memory) } };
}

async function keysIn(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { objects } of store.list()) keys.push(...objects.map(({ key }) => key));
  return keys;
}

Deno.test("probe() finds what a store honours, and leaves nothing behind", async () => {
  const store = memoryStore();
  const { saw, ...findings } = await probe(store);
  assert.deepEqual(findings, {
    conditionalCreate: true,
    conditionalUpdate: true,
    orderedList: true,
    presign: false,
    readAfterWrite: true,
  });
  assert(Object.values(saw).every((sentence) => sentence.length > 0));
  assert.match(saw.presign, /^It refuses: /);
  assert.deepEqual(await keysIn(store), []);
});

Deno.test("probe() writes under its prefix only", async () => {
  const written: string[] = [];
  const { store } = storeWith((memory) => ({
    put(key, ...rest) {
      written.push(key);
      return memory.put(key, ...rest);
    },
  }));
  await probe(store, { prefix: "here/" });
  assert(written.length > 0 && written.every((key) => key.startsWith("here/")));
});

Deno.test("probe() sees that a store ignores conditions", async () => {
  const { store } = storeWith((memory) => ({ put: (key, body) => memory.put(key, body) }));
  const report = await probe(store);
  assert.equal(report.conditionalCreate, false);
  assert.match(report.saw.conditionalCreate, /If-None-Match is ignored/);
  assert.equal(report.conditionalUpdate, false);
  assert.match(report.saw.conditionalUpdate, /If-Match is ignored/);
});

Deno.test("probe() sees that a create looks first and writes after", async () => {
  const { store } = storeWith((memory) => ({
    async put(key, body, { precondition } = {}) {
      const there = await memory.head(key).then(() => true, () => false);
      await new Promise((resolve) => setTimeout(resolve, 1));
      return memory.put(key, body, precondition === "create" && !there ? {} : { precondition });
    },
  }));
  const report = await probe(store);
  assert.equal(report.conditionalCreate, false);
  assert.match(report.saw.conditionalCreate, /4 of 4 creates at once/);
});

Deno.test("probe() sees that a list is in no order", async () => {
  const { store } = storeWith((memory) => ({
    async *list(options) {
      const objects: ObjectInfo[] = [];
      for await (const page of memory.list(options)) objects.push(...page.objects);
      yield { objects: objects.reverse(), prefixes: [] };
    },
  }));
  assert.equal((await probe(store)).orderedList, false);
});

Deno.test("probe() sees that startAfter is ignored", async () => {
  const { store } = storeWith((memory) => ({
    list: ({ startAfter: _, ...options } = {}) => memory.list(options),
  }));
  const report = await probe(store);
  assert.equal(report.orderedList, false);
  assert.match(report.saw.orderedList, /startAfter/);
});

Deno.test("probe() sees a stale read", async () => {
  const first = new Map<string, string>();
  const { store } = storeWith((memory) => ({
    async get(key, options) {
      const { info, body } = await memory.get(key, options);
      const text = await new Response(body).text();
      if (!first.has(key)) first.set(key, text);
      const bytes = new TextEncoder().encode(first.get(key));
      return { info: { ...info, size: bytes.length }, body: new Response(bytes).body! };
    },
  }));
  const report = await probe(store);
  assert.equal(report.readAfterWrite, false);
});

Deno.test("probe() fetches a presigned URL, and believes its answer", async () => {
  const { store } = storeWith(() => ({
    presign: () => Promise.resolve("https://s3.example.com/x"),
  }));
  const answers: [() => Promise<Response>, boolean, RegExp][] = [
    [() => Promise.resolve(new Response("by a URL")), true, /gave the object/],
    [() => Promise.resolve(new Response("no", { status: 403 })), false, /403/],
    [() => Promise.reject(new TypeError("no route")), true, /could not be fetched/],
  ];
  for (const [fetch, presign, saw] of answers) {
    const report = await probe(store, { fetch });
    assert.equal(report.presign, presign);
    assert.match(report.saw.presign, saw);
  }
});

Deno.test("probe() throws where the store cannot be used, and cleans up", async () => {
  let puts = 0;
  const { memory, store } = storeWith((memory) => ({
    put: (...args) =>
      ++puts > 4 ? Promise.reject(new AccessError("Access denied")) : memory.put(...args),
  }));
  await assert.rejects(probe(store), AccessError);
  assert.deepEqual(await keysIn(memory), []);
});

Deno.test("probe() takes what a store refuses for what it does not honour", async () => {
  const refuse = (): Promise<never> =>
    Promise.reject<CairnError>(new UnsupportedError("Not here")) as never;
  const { store } = storeWith((memory) => ({
    put: (key, body, options = {}) =>
      options.precondition === "create" ? refuse() : memory.put(key, body, options),
  }));
  const report = await probe(store);
  assert.equal(report.conditionalCreate, false);
  assert.equal(report.conditionalUpdate, true);
});

import assert from "node:assert/strict";
import { CorruptError, getBytes, memoryStore, NotFoundError } from "@cairn/checkpoint";
import { concat, isStream, listKeys, readAll, streamOf } from "../../src/store/body.ts";

Deno.test("concat() joins pieces, and gives a single one back as it is", () => {
  const one = new Uint8Array([1, 2]);
  assert.equal(concat([one]), one);
  assert.deepEqual(
    concat([one, new Uint8Array(0), new Uint8Array([3])]),
    new Uint8Array([1, 2, 3]),
  );
  assert.equal(concat([]).length, 0);
});

Deno.test("readAll() reads to the end, up to the limit", async () => {
  const pieces = () => streamOf(new Uint8Array(3), new Uint8Array(4));
  assert.equal((await readAll(pieces())).length, 7);
  assert.equal((await readAll(pieces(), 7)).length, 7);
  assert.equal((await readAll(streamOf())).length, 0);
});

Deno.test("readAll() cancels a stream that goes on past its limit", async () => {
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(10)),
    cancel: () => void (cancelled = true),
  });
  await assert.rejects(readAll(endless, 25), CorruptError);
  assert(cancelled);
});

Deno.test("readAll() passes on the error of its stream", async () => {
  const failure = new Error("broken");
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(failure),
  });
  await assert.rejects(readAll(stream), failure);
});

Deno.test("isStream() tells streams from bytes", () => {
  assert(isStream(streamOf()));
  assert(!isStream(new Uint8Array(1)));
});

Deno.test("getBytes() refuses a body that is longer than its object", async () => {
  const store = memoryStore();
  await store.put("key", new Uint8Array(3));
  const lying: typeof store = {
    ...store,
    async get(key) {
      const { info } = await store.get(key);
      return { info, body: streamOf(new Uint8Array(4)) };
    },
  };
  assert.equal((await getBytes(store, "key")).bytes.length, 3);
  await assert.rejects(getBytes(lying, "key"), CorruptError);
  await assert.rejects(getBytes(store, "absent"), NotFoundError);
});

Deno.test("listKeys() gives the keys under a prefix in order", async () => {
  const store = memoryStore();
  for (const key of ["b/2", "a", "b/1", "c"]) await store.put(key, new Uint8Array(1));
  const keys: string[] = [];
  for await (const key of listKeys(store, "b/")) keys.push(key);
  assert.deepEqual(keys, ["b/1", "b/2"]);
});

import assert from "node:assert/strict";
import { getBytes, memoryStore } from "@cairn/checkpoint";
import { countingStore } from "@cairn/checkpoint/testing";
import { streamOf } from "../../src/store/body.ts";

const bytes = new Uint8Array(10);

Deno.test("countingStore() counts requests and bytes", async () => {
  const store = countingStore(memoryStore());
  await store.put("a", bytes);
  await store.put("b", streamOf(bytes, bytes));
  await getBytes(store, "b");
  await getBytes(store, "b", { range: { start: 15 } });
  await store.head("a");
  await store.copy("a", "c");
  await assert.rejects(store.presign("a", { method: "GET", expiresIn: 1 }));
  await assert.rejects(store.get("absent"));
  const { put, get, head, copy, presign, bytesWritten, bytesRead, maxOpen } = store.counts;
  assert.deepEqual(
    { put, get, head, copy, presign, bytesWritten, bytesRead, maxOpen },
    { put: 2, get: 3, head: 1, copy: 1, presign: 1, bytesWritten: 30, bytesRead: 25, maxOpen: 1 },
  );
  assert.equal(store.requests, 7);
  store.reset();
  assert.equal(store.requests, 0);
  assert.equal(store.counts.bytesRead, 0);
});

Deno.test("countingStore() counts a request for each page listed and each 1,000 deleted", async () => {
  const store = countingStore(memoryStore());
  const keys = Array.from({ length: 2_000 }, (_, index) => `key-${String(index).padStart(4, "0")}`);
  for (const key of keys) await store.put(key, bytes);
  for (const [length, pages] of [[0, 1], [1, 1], [1_000, 1], [1_001, 2], [2_000, 2]] as const) {
    store.reset();
    const listed = await Array.fromAsync(store.list({ prefix: "key-", limit: length }));
    assert.equal(listed.flatMap((page) => page.objects).length, length);
    assert.equal(store.counts.list, pages, `pages of ${length}`);
  }
  store.reset();
  await Array.fromAsync(store.list());
  assert.equal(store.counts.list, 2);
  await store.delete(keys.slice(0, 1_001));
  assert.equal(store.counts.delete, 2);
});

Deno.test("countingStore() counts the requests that are open at once", async () => {
  const store = countingStore(memoryStore());
  await Promise.all(["a", "b", "c"].map((key) => store.put(key, bytes)));
  await store.head("a");
  assert.equal(store.counts.maxOpen, 3);
});

Deno.test("countingStore() counts round trips in a row", async () => {
  const store = countingStore(memoryStore(), { quiet: 20 });
  await Promise.all(["a", "b", "c"].map((key) => store.put(key, bytes)));
  assert.equal(store.counts.roundTrips, 1);
  await Promise.all(["a", "b"].map((key) => getBytes(store, key)));
  await store.delete(["a"]);
  await Promise.all([
    store.head("b"),
    store.head("c").then(() => store.copy("c", "d")),
  ]);
  assert.equal(store.counts.roundTrips, 5);
  store.reset();
  assert.equal(store.counts.roundTrips, 0);
});

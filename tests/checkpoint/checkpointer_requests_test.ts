import { memoryStore, S3Checkpointer } from "@cairn/checkpoint";
import { type CountingStore, countingStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { waveStore } from "../langgraph/_waves.ts";
import { noise } from "./_stores.ts";

/** What was asked of a store, as text: `1 PUT, 2 GET`. */
async function requestsOf(store: CountingStore, work: () => Promise<unknown>): Promise<string> {
  store.reset();
  await work();
  const { counts } = store;
  const kinds = ["put", "get", "head", "list", "delete", "copy"] as const;
  return kinds.filter((kind) => counts[kind] > 0)
    .map((kind) => `${counts[kind]} ${kind.toUpperCase()}`).join(", ");
}

Deno.test("S3Checkpointer.save() of a small state is one PUT", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store);
  const fields = { a: 1, b: "two", c: new Uint8Array(1_000), d: { e: [] } };
  assert.equal(await requestsOf(store, () => checkpointer.save("t", fields)), "1 PUT");
  assert.equal(await requestsOf(store, () => checkpointer.save("t", fields)), "1 PUT");
});

for (const count of [10, 2_000]) {
  Deno.test(`S3Checkpointer among ${count} checkpoints loads the latest with one LIST and one GET`, async () => {
    const store = countingStore(memoryStore());
    const writer = new S3Checkpointer(store, { compression: "none" });
    for (let step = 0; step < count; step++) await writer.save("t", { step });
    const reader = new S3Checkpointer<{ step: number }>(store);
    let step: number | undefined;
    const latest = async () => step = (await reader.load("t"))?.state.step;
    assert.equal(await requestsOf(store, latest), "1 GET, 1 LIST");
    assert.equal(step, count - 1);
    assert.equal(await requestsOf(store, latest), "1 LIST", "what it holds it does not read again");
  });
}

Deno.test("S3Checkpointer.load() by id is one GET, also of what it holds", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store);
  const { id } = await checkpointer.save("t", { step: 1 });
  const reader = new S3Checkpointer(store);
  assert.equal(await requestsOf(store, () => reader.load("t", { id })), "1 GET");
  assert.equal(await requestsOf(store, () => reader.load("t", { id })), "1 GET");
  assert.equal(await requestsOf(store, () => reader.load("t", { id: "absent" })), "1 GET");
});

Deno.test("S3Checkpointer.load() after its own save is one LIST", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store);
  await checkpointer.save("t", { large: "x".repeat(100_000), small: 1 });
  assert.equal(await requestsOf(store, () => checkpointer.load("t")), "1 LIST");
  assert.equal(await requestsOf(store, () => checkpointer.load("nobody")), "1 LIST");
});

Deno.test("S3Checkpointer.list() reads little more than the limit", async () => {
  const store = countingStore(memoryStore());
  const writer = new S3Checkpointer(store);
  for (let step = 0; step < 200; step++) await writer.save("t", { step });
  const list = (limit: number) => () =>
    Array.fromAsync(new S3Checkpointer(store).list({ thread: "t", namespace: "", limit }));
  assert.equal(await requestsOf(store, list(1)), "1 GET, 1 LIST");
  assert.equal(await requestsOf(store, list(10)), "10 GET, 1 LIST");
});

for (const count of [10, 10_000]) {
  Deno.test(`S3Checkpointer among ${count} checkpoints: each operation's round trips`, async () => {
    const inner = memoryStore();
    const writer = new S3Checkpointer(inner, { compression: "none" });
    const saves = Array.from({ length: count }, (_, step) => writer.save("t", { step }));
    const infos = await Promise.all(saves);
    const { store, measure } = waveStore(inner);
    const cold = () => new S3Checkpointer(store, { compression: "none", maxOpenRequests: 10_000 });
    const own = cold();
    assert.deepEqual(await measure(() => own.load("t")), {
      requests: { LIST: 1, GET: 1 },
      trips: 2,
    });
    assert.deepEqual(await measure(() => own.load("t")), { requests: { LIST: 1 }, trips: 1 });
    const { id } = infos[count >> 1]!;
    assert.deepEqual(await measure(() => cold().load("t", { id })), {
      requests: { GET: 1 },
      trips: 1,
    });

    const limit = Math.min(count, 900);
    const options = { thread: "t", namespace: "", limit };
    const list = (from: S3Checkpointer) => measure(() => Array.fromAsync(from.list(options)));
    const lister = cold();
    assert.deepEqual(await list(lister), { requests: { LIST: 1, GET: limit }, trips: 2 });
    assert.deepEqual(await list(lister), { requests: { LIST: 1 }, trips: 1 });

    const large = { bytes: noise(500_000, count) };
    const save = await measure(() => own.save("large", large));
    assert.equal(save.trips, 2);
    const { requests, trips } = await measure(() => cold().load("large"));
    assert.equal(trips, 3);
    assert.deepEqual(requests, { LIST: 1, GET: save.requests.PUT! });
    assert.deepEqual(await measure(() => own.load("large")), {
      requests: { LIST: 1 },
      trips: 1,
    });
  });
}

Deno.test("S3Checkpointer.list() reads records and no chunk, with a filter too", async () => {
  const inner = memoryStore();
  const writer = new S3Checkpointer(inner);
  for (let step = 0; step < 100; step++) {
    const state = { bytes: noise(100_000, step + 1) };
    await writer.save("t", state, { metadata: { marked: step % 10 === 0 } });
  }
  const store = countingStore(inner);
  const reader = new S3Checkpointer(store);
  const found = await Array.fromAsync(reader.list({ thread: "t", filter: { marked: true } }));
  assert.equal(found.length, 10);
  assert.equal(store.counts.get, 100);
  assert(store.counts.bytesRead < 100 * 2_000, `${store.counts.bytesRead} bytes`);
});

Deno.test("S3Checkpointer.list() with a filter stops reading ahead when it has what it wants", async () => {
  const store = countingStore(memoryStore());
  const writer = new S3Checkpointer(store);
  for (let step = 0; step < 200; step++) await writer.save("t", {}, { metadata: { a: step % 2 } });
  store.reset();
  const reader = new S3Checkpointer(store);
  const found = await Array.fromAsync(reader.list({ thread: "t", filter: { a: 0 }, limit: 2 }));
  assert.equal(found.length, 2);
  assert(store.counts.get <= 24, `${store.counts.get} records read for two`);
});

Deno.test("S3Checkpointer keeps no more requests open than maxOpenRequests while it sends chunks", async () => {
  const store = countingStore(memoryStore(), { quiet: 50 });
  const checkpointer = new S3Checkpointer(store, { inlineLimit: 16, maxOpenRequests: 3 });
  const fields = Array.from({ length: 12 }, (_, at) => [`f${at}`, `${at}`.padEnd(50)]);
  await checkpointer.save("t", Object.fromEntries(fields));
  assert(store.counts.put >= 13);
  assert.equal(store.counts.maxOpen, 3);
});

Deno.test("S3Checkpointer.delete() of a thread is a LIST and a batched DELETE", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store);
  for (let step = 0; step < 50; step++) await checkpointer.save("t", { step });
  assert.equal(await requestsOf(store, () => checkpointer.delete("t")), "1 LIST, 1 DELETE");
});

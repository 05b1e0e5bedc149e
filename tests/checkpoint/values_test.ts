import {
  CorruptError,
  encodeFrame,
  getBytes,
  memoryStore,
  type ObjectStore,
  S3Checkpointer,
  UnavailableError,
} from "@cairn/checkpoint";
import { countingStore, faultyStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { Keys } from "../../src/checkpoint/keys.ts";

const KIBIBYTE = 1024;
const keys = new Keys("cairn/");

/** Bytes that no compression makes smaller and that hardly repeat, the same for a seed. */
function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed * 2_654_435_761 >>> 0 || 1;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

async function keysUnder(store: ObjectStore, prefix: string): Promise<string[]> {
  const pages = await Array.fromAsync(store.list({ prefix }));
  return pages.flatMap(({ objects }) => objects.map(({ key }) => key));
}

/** That an error is a `CorruptError` which names the key, as a field and in words. */
function corruptAt(key: string) {
  return (error: unknown): boolean => {
    assert(error instanceof CorruptError, `${error}`);
    assert.equal(error.key, key);
    assert(error.message.includes(key), error.message);
    return true;
  };
}

/** A checkpoint with two chunks of one length, and their keys. */
async function withTwoChunks() {
  const store = memoryStore();
  const state = { a: noise(20 * KIBIBYTE, 1), b: noise(20 * KIBIBYTE, 2) };
  await new S3Checkpointer(store).save("t", state, { id: "1" });
  const [first, second, ...more] = await keysUnder(store, keys.chunks("t"));
  assert(first && second && more.length === 0);
  const load = () => new S3Checkpointer(store).load("t", { id: "1" });
  assert.deepEqual((await load())?.state, state);
  return { store, first, second, load };
}

for (const size of [0, 1, 16_384, 16_385, 64 * KIBIBYTE, 64 * KIBIBYTE + 1, 3_000_001]) {
  Deno.test(`S3Checkpointer gives ${size} bytes back as they were, and text of that length`, async () => {
    const store = memoryStore();
    const state = { bytes: noise(size, 3), text: "é~".repeat(size / 2), after: [noise(size, 4)] };
    await new S3Checkpointer(store).save("t", state);
    assert.deepEqual((await new S3Checkpointer(store).load("t"))?.state, state);
    const chunks = await keysUnder(store, keys.chunks("t"));
    if (size <= 8_192) assert.equal(chunks.length, 0);
    if (size > 16_384) assert(chunks.length >= 3, "each is in chunks of its own");
  });
}

Deno.test("S3Checkpointer with inlineLimit 0 keeps even one byte in a chunk", async () => {
  const store = memoryStore();
  const options = { inlineLimit: 0 };
  await new S3Checkpointer(store, options).save("t", { n: 1, none: new Uint8Array(0) });
  assert((await keysUnder(store, keys.chunks("t"))).length >= 1);
  const found = await new S3Checkpointer(store, options).load("t");
  assert.deepEqual(found?.state, { n: 1, none: new Uint8Array(0) });
});

Deno.test("S3Checkpointer.save() sends only the chunks that changed since the parent it holds", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store);
  const documents = noise(512 * KIBIBYTE, 5);
  const state = { documents, image: noise(30 * KIBIBYTE, 6), step: 0 };
  await checkpointer.save("t", state);
  store.reset();
  await checkpointer.save("t", { ...state, step: 1 });
  assert.equal(store.counts.put, 1, "the record alone");
  assert(store.counts.bytesWritten < 4_096);
  store.reset();
  const changed = documents.slice();
  changed[300_000]! ^= 1;
  await checkpointer.save("t", { ...state, documents: changed });
  assert.equal(store.counts.put, 2, "one chunk of many, and the record");
  const found = await new S3Checkpointer(store).load("t");
  assert.deepEqual(found?.state, { ...state, documents: changed });
});

Deno.test("S3Checkpointer.save() after load() sends no chunk that the loaded checkpoint has", async () => {
  const store = countingStore(memoryStore());
  const state = { documents: noise(200 * KIBIBYTE, 7), step: 0 };
  await new S3Checkpointer(store).save("t", state);
  const elsewhere = new S3Checkpointer<typeof state>(store);
  const found = await elsewhere.load("t");
  store.reset();
  await elsewhere.save("t", { ...found!.state, step: 1 });
  assert.equal(store.counts.put, 1);
});

Deno.test("S3Checkpointer.save() sends a chunk once that stands in several fields", async () => {
  const store = countingStore(memoryStore());
  const same = noise(20 * KIBIBYTE, 8);
  await new S3Checkpointer(store).save("t", { a: same, b: [same, { c: same }] });
  assert.equal(store.counts.put, 2);
  const found = await new S3Checkpointer(store).load("t");
  assert.deepEqual(found?.state, { a: same, b: [same, { c: same }] });
});

Deno.test("S3Checkpointer.save() sends chunks that only another thread or no parent has", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store);
  const state = { a: noise(20 * KIBIBYTE, 9) };
  await checkpointer.save("t", state);
  for (const [thread, parent] of [["t2", undefined], ["t", null]] as const) {
    store.reset();
    await checkpointer.save(thread, state, { parent });
    assert.equal(store.counts.put, 2);
  }
  await checkpointer.delete("t");
  assert.deepEqual((await new S3Checkpointer(store).load("t2"))?.state, state);
});

Deno.test("S3Checkpointer.load() tells a missing chunk by its key", async () => {
  const { store, second, load } = await withTwoChunks();
  await store.delete([second]);
  await assert.rejects(load(), corruptAt(second));
});

Deno.test("S3Checkpointer.load() tells an altered chunk by its key, wherever a bit is turned", async () => {
  const { store, first, load } = await withTwoChunks();
  const { bytes } = await getBytes(store, first);
  for (const at of [0, 5, 20, 60, bytes.length >> 1, bytes.length - 1]) {
    const altered = bytes.slice();
    altered[at]! ^= 0x10;
    await store.put(first, altered);
    await assert.rejects(load(), (error) => {
      const { name, key } = error as CorruptError;
      assert(name === "CorruptError" || name as string === "UnsupportedError", `${error}`);
      assert.equal(key, first);
      return true;
    });
  }
  for (const cut of [0, 3, bytes.length - 1]) {
    await store.put(first, bytes.slice(0, cut));
    await assert.rejects(load(), corruptAt(first));
  }
});

Deno.test("S3Checkpointer.load() tells chunks that changed places", async () => {
  const { store, first, second, load } = await withTwoChunks();
  const [a, b] = [await getBytes(store, first), await getBytes(store, second)];
  await store.put(first, b.bytes);
  await assert.rejects(load(), corruptAt(first));
  await store.put(first, a.bytes);
  await store.put(second, a.bytes);
  await assert.rejects(load(), corruptAt(second));
});

Deno.test("S3Checkpointer.load() tells a whole frame with other bytes in a chunk's place", async () => {
  const { store, first, load } = await withTwoChunks();
  for (
    const [kind, length] of [["chunk", 20 * KIBIBYTE], ["chunk", 9], ["checkpoint", 9]] as const
  ) {
    await store.put(first, await encodeFrame(noise(length, 10), { kind, compression: "gzip" }));
    await assert.rejects(load(), corruptAt(first));
  }
});

Deno.test("S3Checkpointer tells a chunk that is wrong again and again: it is not kept", async () => {
  const { store, first } = await withTwoChunks();
  const right = await getBytes(store, first);
  await store.put(first, await encodeFrame(noise(20 * KIBIBYTE, 11), { kind: "chunk" }));
  const reader = new S3Checkpointer(store);
  await assert.rejects(reader.load("t"), corruptAt(first));
  await assert.rejects(reader.load("t"), corruptAt(first));
  await store.put(first, right.bytes);
  assert((await reader.load("t"))?.state);
});

Deno.test("S3Checkpointer tells a record that was moved to another id by its key", async () => {
  const store = memoryStore();
  await new S3Checkpointer(store).save("t", { step: 1 }, { id: "1" });
  const place = { thread: "t", namespace: "", id: "2" };
  await store.copy(keys.record({ ...place, id: "1" }), keys.record(place));
  const reader = new S3Checkpointer(store);
  await assert.rejects(reader.load("t", { id: "2" }), corruptAt(keys.record(place)));
  await assert.rejects(reader.load("t"), corruptAt(keys.record(place)));
  await assert.rejects(Array.fromAsync(reader.list()), corruptAt(keys.record(place)));
  assert.deepEqual((await reader.load("t", { id: "1" }))?.state, { step: 1 });
});

Deno.test("S3Checkpointer.save() writes all chunks before the record", async () => {
  const puts: string[] = [];
  let open = 0;
  const memory = memoryStore();
  const store: ObjectStore = {
    ...memory,
    async put(key, body, options) {
      const parsed = keys.parse(key);
      if (parsed?.kind === "checkpoint") assert.equal(open, 0, "a chunk is still under way");
      open++;
      await new Promise((resolve) => setTimeout(resolve, 1));
      const result = await memory.put(key, body, options);
      open--;
      puts.push(parsed?.kind ?? key);
      return result;
    },
  };
  await new S3Checkpointer(store).save("t", { a: noise(500 * KIBIBYTE, 12) });
  assert(puts.length > 8);
  assert.deepEqual(puts, [...Array(puts.length - 1).fill("chunk"), "checkpoint"]);
});

Deno.test("S3Checkpointer.save() leaves no record where a chunk could not be written", async () => {
  const memory = memoryStore();
  const store = faultyStore(
    memory,
    ({ operation, number }) => operation === "put" && number === 4 ? { kind: "fail" } : undefined,
  );
  const checkpointer = new S3Checkpointer(store);
  const state = { a: noise(500 * KIBIBYTE, 13) };
  await assert.rejects(checkpointer.save("t", state, { id: "1" }), UnavailableError);
  assert.equal(await checkpointer.load("t"), undefined);
  assert.deepEqual(await keysUnder(memory, keys.namespaces("t")), []);
  // Saved again it is whole, and what came of the first try does no harm.
  const again = await checkpointer.save("t", state, { id: "1" });
  assert.equal(again.parent, undefined, "what failed is nobody's parent");
  assert.deepEqual((await new S3Checkpointer(memory).load("t"))?.state, state);
});

Deno.test("S3Checkpointer.save() stores what it hashed, whatever the caller does to it meanwhile", async () => {
  const store = memoryStore();
  const bytes = noise(300 * KIBIBYTE, 14);
  const saving = new S3Checkpointer(store).save("t", { bytes });
  for (let turn = 0; turn < 20; turn++) {
    await Promise.resolve();
    bytes.fill(turn);
  }
  await saving;
  const found = await new S3Checkpointer<{ bytes: Uint8Array }>(store).load("t");
  assert.equal(found?.state.bytes.length, bytes.length);
});

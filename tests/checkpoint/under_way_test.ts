import assert from "node:assert/strict";
import { memoryStore, type ObjectStore, S3Checkpointer } from "@cairn/checkpoint";
import { countingStore } from "@cairn/checkpoint/testing";
import { noise } from "./_stores.ts";

const MIB = 2 ** 20;

/** The length of what a frame holds. */
function plaintextOf(frame: Uint8Array): number {
  return Number(new DataView(frame.buffer, frame.byteOffset).getBigUint64(8));
}

/** A store whose writes take a while, and the most objects that were written at once, and the most bytes of several. */
function watched(): { store: ObjectStore; most: { bytes: number; objects: number } } {
  const inner = memoryStore();
  const now = { bytes: 0, objects: 0 }, most = { bytes: 0, objects: 0 };
  const put: ObjectStore["put"] = async (key, body, options) => {
    const { length } = body as Uint8Array<ArrayBuffer>;
    now.bytes += length;
    now.objects++;
    if (now.objects > 1) most.bytes = Math.max(most.bytes, now.bytes);
    most.objects = Math.max(most.objects, now.objects);
    await new Promise((resolve) => setTimeout(resolve, 20));
    now.bytes -= length;
    now.objects--;
    return await inner.put(key, body, options);
  };
  return { store: { ...inner, put }, most };
}

/** Bytes that repeat nowhere and shrink to little. */
function state(size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(size / 4);
  for (let at = 0; at < words.length; at += 1_024) words[at] = at;
  return new Uint8Array(words.buffer);
}

Deno.test("save() sends the chunks of a value side by side, up to maxOpenRequests of them", async () => {
  for (const maxOpenRequests of [1, 4]) {
    const { store, most } = watched();
    await new S3Checkpointer(store, { maxOpenRequests }).save("t", { value: state(4 * MIB) });
    assert.equal(most.objects, maxOpenRequests);
  }
});

Deno.test("save() has at most 8 MiB of large chunks under way, and never less than one", async () => {
  for (const size of [96 * MIB, 288 * MIB]) {
    const { store, most } = watched();
    const saver = new S3Checkpointer(store, { cacheBytes: 0, compression: "none" });
    await saver.save("t", { value: state(size) });
    // Each in its frame.
    assert(most.bytes <= 8 * MIB + 4_096, `${most.bytes} bytes in ${most.objects} chunks`);
    assert(most.objects >= 1);
  }
});

Deno.test("save() counts what is packed as it is sent, and packs on meanwhile", async () => {
  const inner = memoryStore();
  const enough = Promise.withResolvers<void>();
  let plaintext = 0;
  const put: ObjectStore["put"] = async (key, body, options) => {
    plaintext += plaintextOf(body as Uint8Array);
    if (plaintext > 16 * MIB) enough.resolve();
    // No chunk is stored before twice as much as may be packed at once has been.
    await enough.promise;
    return await inner.put(key, body, options);
  };
  const value = state(64 * MIB);
  await new S3Checkpointer({ ...inner, put }).save("t", { value });
  assert.deepEqual((await new S3Checkpointer(inner).load("t"))?.state, { value });
});

Deno.test("save() leaves the caller's bytes as they are, and what it holds in its place, where a value is larger than that", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store, { cacheBytes: MIB, compression: "none" });
  await checkpointer.save("small", { value: 1 });
  const value = noise(4 * MIB), before = value.slice();
  await checkpointer.save("large", { value });
  assert.deepEqual(value, before);
  store.reset();
  assert.deepEqual((await checkpointer.load("small"))?.state, { value: 1 });
  assert.equal(store.counts.get, 0);
  assert.deepEqual((await checkpointer.load("large"))?.state, { value });
  assert(store.counts.get > 1);
});

Deno.test("save() holds the chunks of a value that fits", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store, { compression: "none" });
  const value = noise(4 * MIB);
  await checkpointer.save("t", { value });
  store.reset();
  assert.deepEqual((await checkpointer.load("t"))?.state, { value });
  assert.equal(store.counts.get, 0);
});

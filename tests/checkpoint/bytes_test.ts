import {
  CorruptError,
  encodeFrame,
  memoryStore,
  S3Checkpointer,
  UnavailableError,
} from "@cairn/checkpoint";
import { countingStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { altered, keysOf, noise } from "./_stores.ts";

const KIB = 1024;
const isChunk = (key: string) => key.includes("/v/");

Deno.test("Chunks are sent and read as many at once as maxOpenRequests allows", async () => {
  for (const maxOpenRequests of [1, 3]) {
    const inner = memoryStore();
    const slow = altered(inner, {
      put: (...args) => new Promise((resolve) => setTimeout(() => resolve(inner.put(...args)), 2)),
      get: (...args) => new Promise((resolve) => setTimeout(() => resolve(inner.get(...args)), 2)),
    });
    const store = countingStore(slow);
    await new S3Checkpointer(store, { maxOpenRequests }).save("t", { large: noise(500 * KIB) });
    assert.equal(store.counts.maxOpen, maxOpenRequests);
    store.reset();
    await new S3Checkpointer(store, { maxOpenRequests }).load("t");
    assert.equal(store.counts.maxOpen, maxOpenRequests);
  }
});

Deno.test("A chunk that cannot be written leaves no record, and cancels the others", async () => {
  const inner = memoryStore();
  const failure = new UnavailableError("the third chunk");
  const cancelled: unknown[] = [];
  let puts = 0;
  const store = altered(inner, {
    put: (_key, _body, { signal } = {}) => {
      if (++puts === 3) return Promise.reject(failure);
      return new Promise((_, reject) => {
        const cancel = () => {
          cancelled.push(signal!.reason);
          reject(signal!.reason);
        };
        if (signal!.aborted) cancel();
        else signal!.addEventListener("abort", cancel);
      });
    },
  });
  const checkpointer = new S3Checkpointer(store, { maxOpenRequests: 6 });
  await assert.rejects(
    checkpointer.save("t", { large: noise(1000 * KIB) }),
    (error) => error === failure,
  );
  assert(puts <= 6 && cancelled.length === puts - 1);
  assert(cancelled.every((reason) => reason === failure));
  assert.deepEqual(await keysOf(inner), []);
  const next = new S3Checkpointer(inner);
  assert.equal((await next.save("t", {})).parent, undefined);
});

Deno.test("A failed save is no parent, and its chunks are sent again", async () => {
  const inner = memoryStore();
  let isDown = false;
  const store = altered(inner, {
    put: (key, ...rest) =>
      isDown && !isChunk(key)
        ? Promise.reject(new UnavailableError("down"))
        : inner.put(key, ...rest),
  });
  const checkpointer = new S3Checkpointer(store);
  const first = await checkpointer.save("t", { step: 1 });
  isDown = true;
  await assert.rejects(checkpointer.save("t", { large: noise(100 * KIB) }), UnavailableError);
  isDown = false;
  await inner.delete(await keysOf(inner, "cairn/t/v/")); // nothing referred to them
  assert.equal((await checkpointer.save("t", { large: noise(100 * KIB) })).parent, first.id);
  assert((await new S3Checkpointer(inner).load("t"))?.state);
});

Deno.test("A bad chunk is not held: once it is repaired, the same process reads it", async () => {
  const store = memoryStore();
  await new S3Checkpointer(store).save("t", { large: noise(64 * KIB) }, { id: "1" });
  const [key] = await keysOf(store, "cairn/t/v/");
  const { body } = await store.get(key!);
  const good = new Uint8Array(await new Response(body).arrayBuffer());
  const checkpointer = new S3Checkpointer(store);
  const bad = await encodeFrame(noise(64 * KIB, 9), { kind: "chunk" });
  await store.put(key!, bad);
  // Nobody is given it while it is being checked, either.
  const meanwhile: Promise<unknown>[] = [];
  const { digest } = crypto.subtle;
  crypto.subtle.digest = async function (...args) {
    if (meanwhile.length < 10) {
      meanwhile.push(checkpointer.load("t").then(() => "loaded", () => "refused"));
      await Promise.race([meanwhile.at(-1), new Promise((resolve) => setTimeout(resolve, 5))]);
    }
    return await digest.apply(crypto.subtle, args);
  };
  try {
    await assert.rejects(checkpointer.load("t"), CorruptError);
    assert.deepEqual(new Set(await Promise.all(meanwhile)), new Set(["refused"]));
  } finally {
    crypto.subtle.digest = digest;
  }
  await store.put(key!, good);
  assert.deepEqual((await checkpointer.load("t"))?.state, { large: noise(64 * KIB) });
});

Deno.test("Bytes that change after they were saved change nothing that is held of them", async () => {
  for (const length of [100, 100 * KIB]) {
    const store = memoryStore();
    const checkpointer = new S3Checkpointer<{ large: Uint8Array }>(store);
    const large = Buffer.from(noise(length));
    await checkpointer.save("t", { large });
    large.fill(0);
    const found = (await checkpointer.load("t"))!.state.large;
    assert(Buffer.from(noise(length)).equals(found));
    assert.equal(Object.getPrototypeOf(found), Uint8Array.prototype);
    found.fill(0);
    assert(Buffer.from(noise(length)).equals((await checkpointer.load("t"))!.state.large));
  }
});

Deno.test("A serializer that keeps views into its bytes reaches nothing that is held", async () => {
  const views = {
    dumpsTyped: (value: unknown) =>
      Promise.resolve(["raw", value as Uint8Array] as [string, Uint8Array]),
    loadsTyped: (_type: string, bytes: Uint8Array) => Promise.resolve(bytes.subarray(1)),
  };
  const checkpointer = new S3Checkpointer<{ x: Uint8Array }>(memoryStore(), { serializer: views });
  await checkpointer.save("t", { x: new Uint8Array([1, 2, 3]) });
  for (let turn = 0; turn < 2; turn++) {
    const { state } = (await checkpointer.load("t"))!;
    assert.deepEqual(state.x, new Uint8Array([2, 3]));
    state.x.fill(9);
  }
});

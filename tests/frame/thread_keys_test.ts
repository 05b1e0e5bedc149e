import assert from "node:assert/strict";
import {
  AccessError,
  aesGcm,
  CorruptError,
  getBytes,
  InvalidInputError,
  type KeyProvider,
  localKeys,
  memoryStore,
  type ObjectStore,
  S3Checkpointer,
  threadKeys,
  UnsupportedError,
  withReplica,
} from "@cairn/checkpoint";
import { countingStore } from "@cairn/checkpoint/testing";
import { altered, keysOf } from "../checkpoint/_stores.ts";
import { counted, keyOf, keysUpTo } from "./_keys.ts";

/** A process: a checkpointer and its threads' keys, over shared stores. */
function start(bucket: ObjectStore, keyStore: ObjectStore, provider = keysUpTo(1)) {
  const keys = threadKeys({ provider, store: keyStore });
  const clock = { now: 1_000_000 };
  const encryption = aesGcm({ keys, cacheAge: 1_000 }, { now: () => clock.now });
  return { keys, clock, checkpointer: new S3Checkpointer(bucket, { encryption }) };
}

const erased = (error: unknown) => {
  assert(error instanceof AccessError);
  assert.equal(error.code, "KeyErased");
  assert.match(error.message, /The key of the thread "t" is not in memory: it was erased/);
  assert.match(error.key!, /^cairn\/t\//);
  return true;
};

Deno.test("Each thread has one key, kept wrapped apart from the thread, and read once by a process", async () => {
  const bucket = memoryStore(), keyStore = countingStore(memoryStore());
  const provider = counted(keysUpTo(1));
  const first = start(bucket, keyStore, provider.keys);
  for (const thread of ["t", "u/é", ""]) {
    for (const step of [1, 2, 3]) await first.checkpointer.save(thread, { step });
  }
  assert.equal((await keysOf(keyStore)).length, 3);
  assert.deepEqual(provider.asked, { generate: 3, wrap: 0, unwrap: 0 });
  keyStore.reset();
  const second = start(bucket, keyStore, provider.keys);
  for (const thread of ["t", "u/é", ""]) {
    assert.deepEqual((await second.checkpointer.load(thread))?.state, { step: 3 });
    await second.checkpointer.save(thread, { step: 4 });
  }
  assert.deepEqual(provider.asked, { generate: 3, wrap: 0, unwrap: 3 });
  assert.deepEqual([keyStore.counts.get, keyStore.counts.put], [3, 0]);
});

Deno.test("A thread whose key was forgotten is read no more: not by this process, not by a new one, not from an old copy", async () => {
  const bucket = memoryStore(), keyStore = memoryStore();
  const { keys, checkpointer } = start(bucket, keyStore);
  const { id } = await checkpointer.save("t", { note: "personal", large: "x".repeat(50_000) });
  await checkpointer.save("u", { note: "another's" });
  const backup = memoryStore();
  for (const key of await keysOf(bucket)) {
    await backup.put(key, (await getBytes(bucket, key)).bytes);
  }

  await keys.forget("t");
  for (
    const reader of [
      checkpointer,
      start(bucket, keyStore).checkpointer,
      start(backup, keyStore).checkpointer,
    ]
  ) {
    await assert.rejects(reader.load("t"), erased);
    await assert.rejects(reader.load("t", { id }), erased);
    await assert.rejects(Array.fromAsync(reader.list({ thread: "t" })), erased);
    assert.deepEqual((await reader.load("u"))?.state, { note: "another's" });
  }
  await keys.forget("t");
  await keys.forget("nobody");
});

Deno.test("A process that held the key goes on for its cacheAge and no longer", async () => {
  const bucket = memoryStore(), keyStore = memoryStore();
  const one = start(bucket, keyStore), other = start(bucket, keyStore);
  const { id } = await one.checkpointer.save("t", { step: 1 });
  await other.checkpointer.load("t");
  await one.keys.forget("t");
  assert.deepEqual((await other.checkpointer.load("t", { id }))?.state, { step: 1 });
  other.clock.now += 1_000;
  await assert.rejects(other.checkpointer.load("t", { id }), erased);
  await assert.rejects(other.checkpointer.save("t", { step: 2 }), AccessError);
});

Deno.test("What is written under a forgotten thread's id has a new key, and what was before stays unreadable", async () => {
  const bucket = memoryStore(), keyStore = memoryStore();
  const { keys, checkpointer } = start(bucket, keyStore);
  const before = await checkpointer.save("t", { step: 1 });
  await keys.forget("t");
  await checkpointer.save("t", { step: 2 }, { parent: null });
  assert.deepEqual((await checkpointer.load("t"))?.state, { step: 2 });
  await assert.rejects(checkpointer.load("t", { id: before.id }), erased);
});

Deno.test("Of processes that make a thread's key at once one is first, and the others use its key", async () => {
  const bucket = memoryStore(), keyStore = memoryStore();
  const processes = Array.from({ length: 5 }, () => start(bucket, keyStore));
  await Promise.all(
    processes.map(({ checkpointer }, at) => checkpointer.save("t", { at }, { id: `${at}` })),
  );
  assert.equal((await keysOf(keyStore)).length, 1);
  const reader = start(bucket, keyStore).checkpointer;
  for (let at = 0; at < 5; at++) {
    assert.deepEqual((await reader.load("t", { id: `${at}` }))?.state, { at });
  }
});

Deno.test("A process whose answer was lost finds its own key again", async () => {
  const inner = memoryStore();
  let lost = false;
  const lossy = altered(inner, {
    async put(...args) {
      const result = await inner.put(...args);
      if (lost) return result;
      lost = true;
      return await inner.put(...args); // the second attempt, which finds the first one's object
    },
  });
  const { checkpointer } = start(memoryStore(), lossy);
  await checkpointer.save("t", { step: 1 });
  assert.equal((await keysOf(inner)).length, 1);
});

Deno.test("threadKeys().rewrap() moves all keys under the current one; no object is touched", async () => {
  const bucket = memoryStore(), keyStore = memoryStore();
  const before = start(bucket, keyStore, keysUpTo(1));
  for (const thread of ["a", "b", "c"]) await before.checkpointer.save(thread, { thread });
  await start(bucket, keyStore, keysUpTo(2)).checkpointer.save("d", { thread: "d" });
  const etags = async () =>
    (await Array.fromAsync(bucket.list())).flatMap(({ objects }) =>
      objects.map(({ etag }) => etag)
    );
  const untouched = await etags();
  const both = start(bucket, keyStore, keysUpTo(2));
  assert.equal(await both.keys.rewrap(), 3);
  assert.equal(await both.keys.rewrap(), 0);
  assert.deepEqual(await etags(), untouched);
  const after = start(bucket, keyStore, localKeys({ current: "2", keys: { "2": keyOf(2) } }));
  for (const thread of ["a", "b", "c", "d"]) {
    assert.deepEqual((await after.checkpointer.load(thread))?.state, { thread });
  }
});

Deno.test("A key store that somebody changed is refused: cut, another thread's, or nothing of ours", async () => {
  const bucket = memoryStore(), keyStore = memoryStore();
  const { checkpointer } = start(bucket, keyStore);
  await checkpointer.save("t", { step: 1 });
  const [key] = await keysOf(keyStore);
  const whole = (await getBytes(keyStore, key!)).bytes;
  await checkpointer.save("u", { step: 1 });
  const [other] = (await keysOf(keyStore)).filter((name) => name !== key);
  const text = new TextDecoder().decode(whole);
  const cases: [string | Uint8Array, new (message: string) => Error][] = [
    [whole.subarray(0, whole.length - 1), CorruptError],
    [(await getBytes(keyStore, other!)).bytes, CorruptError],
    ["null", CorruptError],
    ["", CorruptError],
    [text.replace('"v":1', '"v":2'), UnsupportedError],
    [text.replace(/"wrapped":"../, '"wrapped":"zz'), CorruptError],
    [text.replace(/"wrapped":"[0-9a-f]{2}/, '"wrapped":""'), CorruptError],
    ["x".repeat(70_000), CorruptError],
  ];
  for (const [content, Class] of cases) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await keyStore.put(key!, bytes);
    await assert.rejects(start(bucket, keyStore).checkpointer.load("t"), Class);
  }
});

Deno.test("threadKeys() refuses what it cannot work with, and a frame that another provider made", async () => {
  const store = memoryStore(), provider = keysUpTo(1);
  const racy = altered(store, {
    capabilities: { ...store.capabilities, conditionalCreate: false },
  });
  assert.throws(() => threadKeys({ provider, store: racy }), UnsupportedError);
  const replicated = withReplica(store, memoryStore());
  assert.throws(
    () => threadKeys({ provider, store: replicated }),
    /still have a key that was erased/,
  );
  assert.throws(() => threadKeys({ provider, store: {} as ObjectStore }), InvalidInputError);
  assert.throws(() => threadKeys({ provider: {} as KeyProvider, store }), InvalidInputError);
  const keys = threadKeys({ provider, store });
  await assert.rejects(keys.wrap(keyOf(1), { thread: "t" }), UnsupportedError);
  const wrapped = await provider.generate({ thread: "t" });
  await assert.rejects(keys.unwrap(wrapped, { thread: "t" }), (error) => {
    assert(error instanceof AccessError);
    assert.match(error.message, /"1" is none of threadKeys/);
    return true;
  });
});

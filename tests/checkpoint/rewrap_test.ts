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
  PreconditionFailedError,
  rewrap,
  type RewrapOptions,
  type RewrapProgress,
  S3Checkpointer,
  withReplica,
} from "@cairn/checkpoint";
import { countingStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { counted, encryptionOf, keyOf, keysUpTo } from "../frame/_keys.ts";
import { altered, keysOf, noise } from "./_stores.ts";

const stateOf = (step: number) => ({ step, large: noise(150 * 1024), note: "n".repeat(20_000) });
const ONLY_2 = () => localKeys({ current: "2", keys: { "2": keyOf(2) } });

/** Two threads of two checkpoints each, encrypted under the key "1", or not. */
async function filled(encrypted = true, store: ObjectStore = memoryStore()): Promise<ObjectStore> {
  for (const thread of ["a", "b/c"]) {
    const encryption = encrypted ? encryptionOf() : undefined;
    const checkpointer = new S3Checkpointer(store, { encryption });
    for (const step of [1, 2]) await checkpointer.save(thread, stateOf(step), { id: `${step}` });
  }
  return store;
}

async function readable(store: ObjectStore, keys: KeyProvider): Promise<void> {
  for (const thread of ["a", "b/c"]) {
    for (const step of [1, 2]) {
      const checkpointer = new S3Checkpointer(store, { encryption: aesGcm({ keys }) });
      const found = await checkpointer.load(thread, { id: `${step}` });
      assert.deepEqual(found?.state, stateOf(step));
    }
  }
}

Deno.test("rewrap() moves every object under the current key, asks for each data key once, and seals nothing again", async () => {
  const store = await filled();
  const { keys, asked } = counted(keysUpTo(2));
  const all = await keysOf(store);
  const tails = async () =>
    await Promise.all(all.map(async (key) => (await getBytes(store, key)).bytes.slice(-40)));
  const before = await tails();
  const done = await rewrap(store, { keys });
  assert.deepEqual({ ...done, bytes: 0 }, {
    done: all.length,
    rewrapped: all.length,
    sealed: 0,
    left: 0,
    bytes: 0,
  });
  assert.deepEqual(asked, { generate: 0, wrap: 2, unwrap: 2 });
  assert.deepEqual(await tails(), before);
  await readable(store, ONLY_2());
});

Deno.test("rewrap() again passes over what is done: it writes nothing", async () => {
  const store = countingStore(await filled());
  await rewrap(store, { keys: keysUpTo(2) });
  store.reset();
  const again = await rewrap(store, { keys: keysUpTo(2) });
  assert.equal(store.counts.put, 0);
  assert.deepEqual([again.rewrapped, again.left, again.bytes], [0, again.done, 0]);
});

Deno.test("rewrap() tells how far it is: of how many, and each object once", async () => {
  const store = await filled();
  await store.put("cairn/notes.txt", new Uint8Array(3));
  const seen: RewrapProgress[] = [];
  const done = await rewrap(store, { keys: keysUpTo(2), onProgress: (now) => seen.push(now) });
  const total = (await keysOf(store)).length - 1;
  assert.deepEqual(seen.map((now) => now.done), Array.from({ length: total }, (_, at) => at + 1));
  assert(seen.every((now) => now.total === total && now.done === now.rewrapped));
  assert.deepEqual(seen.at(-1), done);
  assert.equal(
    done.bytes,
    (await Array.fromAsync(store.list({ prefix: "cairn/" }))).flatMap(({ objects }) => objects)
      .reduce((sum, { size }) => sum + size, -3),
  );
});

Deno.test("rewrap() that was interrupted leaves all readable, and is taken up again", async () => {
  const store = await filled();
  const all = (await keysOf(store)).length;
  const controller = new AbortController();
  await assert.rejects(
    rewrap(store, {
      keys: keysUpTo(2),
      signal: controller.signal,
      maxOpenRequests: 1,
      onProgress: ({ done }) => done === 3 && controller.abort(new Error("enough")),
    }),
    { message: "enough" },
  );
  await readable(store, keysUpTo(2));
  const rest = await rewrap(store, { keys: keysUpTo(2) });
  assert.deepEqual([rest.left, rest.rewrapped], [3, all - 3]);
  await readable(store, ONLY_2());
});

Deno.test("rewrap() while others write loses none of their writes, and does theirs too", async () => {
  const inner = await filled();
  const writer = new S3Checkpointer(inner, { encryption: encryptionOf() });
  let meddled = 0;
  const busy = altered(inner, {
    async put(key, body, options) {
      if (meddled < 5 && key.endsWith("/c")) {
        meddled++;
        const id = String.fromCharCode(255 - parseInt(key.slice(-5, -3), 16));
        await writer.save("a", { again: meddled }, { id, parent: null });
      }
      return await inner.put(key, body, options);
    },
  });
  await rewrap(busy, { keys: keysUpTo(2), maxOpenRequests: 1 });
  assert.equal(meddled, 5);
  const reader = new S3Checkpointer<{ again?: number }>(inner, {
    encryption: aesGcm({ keys: ONLY_2() }),
  });
  const states = ["1", "2"].map(async (id) => (await reader.load("a", { id }))?.state.again);
  assert((await Promise.all(states)).includes(5), "the last write stands");
});

Deno.test("rewrap() gives up on an object that never rests, and passes over one that is gone", async () => {
  const inner = await filled();
  const restless = altered(inner, {
    put: (key) => Promise.reject(new PreconditionFailedError(`${key} changed`)),
  });
  await assert.rejects(rewrap(restless, { keys: keysUpTo(2) }), PreconditionFailedError);
  const [first] = await keysOf(inner);
  const vanishing = altered(inner, {
    async get(key, options) {
      if (key === first) await inner.delete([key]);
      return await inner.get(key, options);
    },
  });
  const done = await rewrap(vanishing, { keys: keysUpTo(2) });
  assert.equal(done.left, 1);
});

Deno.test("rewrap() from one provider to another", async () => {
  const store = await filled();
  await rewrap(store, { from: keysUpTo(1), keys: ONLY_2() });
  await readable(store, ONLY_2());
});

Deno.test("rewrap() refuses what is not encrypted, skips it, or seals it for its place", async () => {
  const store = await filled(false);
  const all = (await keysOf(store)).length;
  await assert.rejects(rewrap(store, { keys: ONLY_2() }), (error) => {
    assert(error instanceof CorruptError);
    assert.match(error.message, /^cairn\/a\/.*not encrypted: give plaintext: "seal"/);
    return true;
  });
  const skipped = await rewrap(store, { keys: ONLY_2(), plaintext: "skip" });
  assert.deepEqual([skipped.left, skipped.sealed, skipped.rewrapped], [all, 0, 0]);
  const sealed = await rewrap(store, { keys: ONLY_2(), plaintext: "seal" });
  assert.deepEqual([sealed.sealed, sealed.left, sealed.rewrapped], [all, 0, 0]);
  await readable(store, ONLY_2());
  await assert.rejects(new S3Checkpointer(store).load("a"), { name: "UnsupportedError" });
});

Deno.test("rewrap() finds a key that is missing, and an object that is damaged, and names the object", async () => {
  const store = await filled();
  await assert.rejects(rewrap(store, { keys: ONLY_2() }), (error) => {
    assert(error instanceof AccessError);
    assert.match(error.message, /^cairn\/a\/.*no key "1"/);
    return true;
  });
  const [, key] = await keysOf(store);
  const { bytes } = await getBytes(store, key!);
  bytes[60]! ^= 1;
  await store.put(key!, bytes);
  await assert.rejects(
    rewrap(store, { keys: keysUpTo(2) }),
    (error) => error instanceof CorruptError && error.key === key,
  );
});

Deno.test("rewrap() refuses options that cannot be meant", async () => {
  const keys = keysUpTo(1);
  for (
    const wrong of [
      { keys: keyOf(1) },
      { keys, from: null },
      { keys, from: keysUpTo(1) },
      { keys, plaintext: "encrypt" },
      { keys, maxOpenRequests: 0 },
      { keys, prefix: "../x" },
    ]
  ) {
    const options = wrong as unknown as RewrapOptions;
    await assert.rejects(rewrap(memoryStore(), options), InvalidInputError);
  }
  const store = withReplica(memoryStore(), memoryStore());
  await assert.rejects(rewrap(store, { keys }), /would stay under the old key/);
});

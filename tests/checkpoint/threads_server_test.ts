import {
  copyThread,
  deleteMany,
  loadMany,
  moveThread,
  PreconditionFailedError,
  S3Checkpointer,
  saveMany,
} from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { countingStore, faultyStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { serverOptions } from "../conformance/_server.ts";
import { encryptionOf } from "../frame/_keys.ts";
import { contentOf, fillThread, placesOf, readThread } from "./_thread_content.ts";
import { keysOf } from "./_stores.ts";

/** A thread's id that needs escaping in a key, and in a header that names a source. */
const FROM = "a/b +é ~%";
const TO = "copies/of it (1)";

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  const inner = open(serverOptions());

  /** A test under a prefix of its own, which is emptied after. */
  const test = (what: string, use: (prefix: string) => Promise<void>) =>
    Deno.test(`${what} through ${name}`, async () => {
      const prefix = `threads-${crypto.randomUUID()}/`;
      try {
        await use(prefix);
      } finally {
        await inner.delete(await keysOf(inner, prefix));
      }
    });

  test("copyThread() copies on the server, and again nothing, by the ETags alone", async (prefix) => {
    const store = countingStore(inner);
    const checkpointer = new S3Checkpointer(store, { prefix });
    await fillThread(inner, FROM, prefix);
    const content = await contentOf(inner, FROM, prefix);
    const n = Object.keys(content).length;
    store.reset();
    assert.equal((await copyThread(checkpointer, FROM, TO)).copied, n);
    assert.deepEqual([store.counts.copy, store.counts.list, store.requests], [n, 3, n + 3]);
    assert.deepEqual(await contentOf(inner, TO, prefix), content);
    store.reset();
    assert.equal((await copyThread(checkpointer, FROM, TO)).copied, 0);
    assert.equal(store.requests, 3);
    await checkpointer.save(TO, { own: true }, { id: "9" });
    await checkpointer.save(FROM, { own: true }, { id: "8" });
    await assert.rejects(copyThread(checkpointer, FROM, TO), PreconditionFailedError);
    assert.equal((await copyThread(checkpointer, FROM, TO, { onto: "merge" })).copied, 1);
    assert.equal((await readThread(inner, TO, prefix)).length, 6);
  });

  test("moveThread() that dies on the way is taken up again, and ends whole", async (prefix) => {
    for (const k of [5, 15, 18, 22, 24]) {
      await fillThread(inner, FROM, prefix);
      const content = await contentOf(inner, FROM, prefix);
      let count = 0;
      const store = faultyStore(inner, () => ++count >= k ? { kind: "lose" } : undefined);
      await assert.rejects(
        moveThread(new S3Checkpointer(store, { prefix }), FROM, TO, { parallel: 1 }),
        { name: "UnavailableError" },
      );
      await moveThread(new S3Checkpointer(inner, { prefix }), FROM, TO);
      assert.deepEqual(await contentOf(inner, TO, prefix), content);
      assert.deepEqual(await placesOf(inner, FROM, prefix), []);
      await deleteMany(new S3Checkpointer(inner, { prefix }), [TO]);
    }
  });

  test("moveThread() of an encrypted thread seals it anew, and it can be read", async (prefix) => {
    const options = { prefix, encryption: encryptionOf() };
    const checkpointer = new S3Checkpointer<{ step: number }>(inner, options);
    await saveMany(checkpointer, [1, 2, 3].map((step) => ({ thread: FROM, state: { step } })));
    await moveThread(checkpointer, FROM, TO);
    assert.deepEqual(await placesOf(inner, FROM, prefix), []);
    const other = new S3Checkpointer<{ step: number }>(inner, {
      prefix,
      encryption: encryptionOf(),
    });
    assert.equal((await other.load(TO))?.state.step, 3);
  });

  test("Batches save, load and delete, with no more requests than they need", async (prefix) => {
    const store = countingStore(inner);
    const checkpointer = new S3Checkpointer<{ step: number }>(store, { prefix });
    const threads = Array.from({ length: 30 }, (_, at) => `t ${at}/é`);
    const items = [1, 2].flatMap((step) => threads.map((thread) => ({ thread, state: { step } })));
    const saved = await saveMany(checkpointer, items);
    assert(saved.every(({ status }) => status === "done"));
    assert.equal(store.requests, 60);
    // Saved again, as after an answer that was lost, they are the same checkpoints.
    await saveMany(checkpointer, saved.slice(0, 30).map(({ item }) => item));
    assert.equal((await keysOf(inner, prefix)).length, 60);
    const reader = new S3Checkpointer<{ step: number }>(store, { prefix });
    const loaded = await loadMany(reader, threads);
    assert(loaded.every((result) => result.status === "done" && result.value?.state.step === 2));
    store.reset();
    const deleted = await deleteMany(checkpointer, threads);
    assert(deleted.every(({ status }) => status === "done"));
    assert.deepEqual([store.counts.list, store.counts.delete, store.requests], [30, 1, 31]);
    assert.deepEqual(await keysOf(inner, prefix), []);
  });
}

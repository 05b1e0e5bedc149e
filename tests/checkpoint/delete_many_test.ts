import {
  AccessError,
  deleteMany,
  InvalidInputError,
  memoryStore,
  type ObjectStore,
  S3Checkpointer,
  saveMany,
  UnavailableError,
} from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { countingStore, faultyStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { fillThread, placesOf, readThread } from "./_thread_content.ts";
import { altered, keysOf, unordered } from "./_stores.ts";

const threadsOf = (count: number) => Array.from({ length: count }, (_, at) => `t${at}`);

async function fillThreads(store: ObjectStore, threads: readonly string[]): Promise<void> {
  await saveMany(
    new S3Checkpointer<{ step: number }>(store),
    threads.flatMap((thread) => [1, 2].map((step) => ({ thread, state: { step } }))),
  );
}

Deno.test("deleteMany() of many threads is one LIST each, and as few deletions as their keys need", async () => {
  const inner = memoryStore();
  const threads = threadsOf(60);
  await fillThreads(inner, threads);
  await fillThread(inner, "large");
  await fillThreads(inner, ["left"]);
  const left = await keysOf(inner, "cairn/left/");
  const store = countingStore(inner);
  const results = await deleteMany(new S3Checkpointer(store), [...threads, "large", "nobody"]);
  assert(results.every(({ status }) => status === "done"));
  // The records of all, then the writes of all, then the chunks of all.
  assert.equal(store.counts.delete, 3);
  assert.equal(store.counts.list, 62);
  assert.equal(store.requests, 65);
  assert.deepEqual(await keysOf(inner), left);
});

Deno.test("deleteMany() sends no more than a thousand keys at once", async () => {
  const inner = memoryStore();
  const threads = threadsOf(1_100);
  await fillThreads(inner, threads);
  const sizes: number[] = [];
  const store = altered(inner, {
    delete(keys, options) {
      sizes.push(keys.length);
      return inner.delete(keys, options);
    },
  });
  await deleteMany(new S3Checkpointer(store), threads, { parallel: 50 });
  assert.deepEqual(sizes, [1_000, 1_000, 200]);
  assert.deepEqual(await keysOf(inner), []);
});

Deno.test("deleteMany() leaves what can be seen readable, at each moment", async () => {
  const inner = memoryStore();
  for (const thread of ["a", "b"]) await fillThread(inner, thread);
  let moments = 0;
  const store = altered(inner, {
    async delete(keys, options) {
      for (const key of keys) {
        await inner.delete([key], options);
        for (const thread of ["a", "b"]) await readThread(inner, thread);
        moments++;
      }
    },
  });
  await deleteMany(new S3Checkpointer(unordered(store, 3)), ["a", "b"]);
  assert(moments > 10);
  assert.deepEqual(await keysOf(inner), []);
});

Deno.test("deleteMany() of checkpoints takes their records and writes, and leaves the rest", async () => {
  const store = memoryStore();
  await fillThread(store, "t");
  const before = await placesOf(store, "t");
  const checkpointer = new S3Checkpointer(store);
  const results = await deleteMany(checkpointer, [
    { thread: "t", id: "3" },
    { thread: "t", namespace: "n", id: "1" },
    { thread: "t", id: "nobody" },
  ]);
  assert.deepEqual(results.map(({ status }) => status), ["done", "done", "done"]);
  const left = await readThread(store, "t") as { id: string; namespace: string }[];
  assert.deepEqual(left.map(({ id, namespace }) => [namespace, id]), [["", "2"], ["", "1"]]);
  assert.equal((await placesOf(store, "t")).length, before.length - 3, "two records, and writes");
});

Deno.test("deleteMany() that is ended at any request is whole after another", async () => {
  let requests = Infinity;
  for (let k = 1; k <= requests + 1; k++) {
    const inner = memoryStore();
    await fillThread(inner, "a");
    await fillThreads(inner, ["b", "left"]);
    const left = await keysOf(inner, "cairn/left/");
    let count = 0;
    const store = faultyStore(inner, () => ++count >= k ? { kind: "lose" } : undefined);
    const results = await deleteMany(new S3Checkpointer(store), ["a", "b"], { parallel: 1 });
    if (results.every(({ status }) => status === "done")) requests = count;
    for (const result of results) {
      if (result.status === "done") {
        assert.deepEqual(await placesOf(inner, result.item), [], "what is done is gone");
      } else await readThread(inner, result.item);
    }
    const again = results.filter(({ status }) => status !== "done").map(({ item }) => item);
    const more = await deleteMany(new S3Checkpointer(inner), again);
    assert(more.every(({ status }) => status === "done"));
    assert.deepEqual(await keysOf(inner), left);
  }
  assert(requests > 4);
});

Deno.test("deleteMany() tells apart what is refused of one item from the others of its request", async () => {
  const inner = memoryStore();
  await fillThread(inner, "held");
  await fillThreads(inner, ["a", "b"]);
  const held = await keysOf(inner, "cairn/held/");
  const refused = new AccessError("Object lock");
  const store = altered(inner, {
    async delete(keys, options) {
      if (keys.some((key) => key === held[0])) throw refused;
      await inner.delete(keys, options);
    },
  });
  const results = await deleteMany(new S3Checkpointer(store), ["a", "held", "b"]);
  assert.deepEqual(results.map(({ status }) => status), ["done", "failed", "done"]);
  assert(results[1]?.status === "failed" && results[1].error === refused);
  assert.deepEqual(await keysOf(inner), held, "and nothing that it depends on is touched");
});

Deno.test("deleteMany() does not send an outage's batch item by item", async () => {
  const inner = memoryStore();
  await fillThreads(inner, threadsOf(20));
  let deletes = 0;
  const store = faultyStore(inner, ({ operation }) => {
    if (operation !== "delete") return;
    deletes++;
    return { kind: "fail" };
  });
  const results = await deleteMany(new S3Checkpointer(store), threadsOf(20));
  assert(
    results.every((result) =>
      result.status === "failed" && result.error instanceof UnavailableError
    ),
  );
  assert.equal(deletes, 1);
});

Deno.test("deleteMany() fails what it cannot list, alone; with stopOnError it begins no more", async () => {
  for (const stopOnError of [false, true]) {
    const inner = memoryStore();
    await fillThreads(inner, threadsOf(4));
    const store = faultyStore(
      inner,
      ({ operation, key }) =>
        operation === "list" && key.includes("t1") ? { kind: "fail" } : undefined,
    );
    const options = { stopOnError, parallel: 1 };
    const results = await deleteMany(new S3Checkpointer(store), threadsOf(4), options);
    assert.deepEqual(
      results.map(({ status }) => status),
      stopOnError ? ["done", "failed", "skipped", "skipped"] : ["done", "failed", "done", "done"],
    );
    const kept = stopOnError ? 6 : 2;
    assert.equal((await keysOf(inner)).length, kept);
  }
});

Deno.test("deleteMany() that is cancelled reports what is not done", async () => {
  const inner = memoryStore();
  await fillThreads(inner, threadsOf(3));
  const reason = new Error("enough");
  const none = await deleteMany(new S3Checkpointer(inner), threadsOf(3), {
    signal: AbortSignal.abort(reason),
  });
  assert.deepEqual(none.map((result) => result.status === "skipped" && result.error), [
    reason,
    reason,
    reason,
  ]);
  const controller = new AbortController();
  const store = altered(inner, {
    delete(keys, options) {
      controller.abort(reason);
      return inner.delete(keys, options);
    },
  });
  const { signal } = controller;
  const results = await deleteMany(new S3Checkpointer(store), threadsOf(3), { signal });
  assert(results.every((result) => result.status === "failed" && result.error === reason));
  assert.equal((await keysOf(inner)).length, 6);
});

Deno.test("deleteMany() refuses what names neither a thread nor a checkpoint before anything is sent", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store);
  await fillThreads(store, ["t"]);
  store.reset();
  const bad: [unknown, RegExp][] = [
    [{ thread: "t", id: undefined }, /item 1 .*id is undefined/],
    [{ thread: "t", namespace: "n" }, /item 1 .*namespace, and no id/],
    [null, /item 1 /],
    [{}, /item 1 /],
    [{ thread: 7 }, /thread/],
    [{ thread: "t", id: "" }, /empty/],
    ["\ud800", /thread/],
  ];
  for (const [wrong, message] of bad) {
    await assert.rejects(deleteMany(checkpointer, ["t", wrong as string]), (error) => {
      assert(error instanceof InvalidInputError);
      assert.match(error.message, message);
      return true;
    });
  }
  await assert.rejects(deleteMany(checkpointer, ["t"], { parallel: 0 }), InvalidInputError);
  await assert.rejects(deleteMany({} as S3Checkpointer, ["t"]), InvalidInputError);
  assert.equal(store.requests, 0);
  assert.deepEqual(await deleteMany(checkpointer, []), []);
});

Deno.test("deleteMany() takes an S3Saver, and forgets what a checkpointer knew", async () => {
  const store = memoryStore();
  await fillThread(store, "a");
  await deleteMany(new S3Saver({ store }), ["a"]);
  assert.deepEqual(await keysOf(store), []);
  const checkpointer = new S3Checkpointer(store);
  await checkpointer.save("t", { step: 1 }, { id: "1" });
  await deleteMany(checkpointer, ["t"]);
  assert.equal((await checkpointer.save("t", {}, { id: "2" })).parent, undefined);
  await deleteMany(checkpointer, [{ thread: "t", id: "2" }]);
  assert.equal((await checkpointer.save("t", {}, { id: "3" })).parent, undefined);
});

Deno.test("deleteMany() deletes a thread of very many objects page by page", async () => {
  const inner = memoryStore();
  await fillThread(inner, "t");
  const [record] = await keysOf(inner, "cairn/t/n/");
  const folder = record!.slice(0, record!.lastIndexOf("/") - 2);
  for (let at = 0; at < 10_100; at++) {
    await inner.copy(record!, `${folder}${at.toString(16).padStart(4, "0")}~/c`);
  }
  await fillThreads(inner, ["u"]);
  const results = await deleteMany(new S3Checkpointer(inner), ["t", "u"]);
  assert.deepEqual(results.map(({ status }) => status), ["done", "done"]);
  assert.deepEqual(await keysOf(inner), []);
});

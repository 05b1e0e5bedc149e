import {
  type BatchProgress,
  type CheckpointInfo,
  InvalidInputError,
  loadMany,
  memoryStore,
  S3Checkpointer,
  type SaveItem,
  saveMany,
  UnavailableError,
} from "@cairn/checkpoint";
import { countingStore, faultyStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { inWorker } from "../store/_in_worker.ts";
import { altered, keysOf } from "./_stores.ts";

interface State {
  readonly step: number;
}

const item = (thread: string, step: number, more: Partial<SaveItem<State>> = {}) => ({
  thread,
  state: { step },
  ...more,
});

/** The checkpoints of a thread, oldest first: id, parent and step. */
async function historyOf(checkpointer: S3Checkpointer<State>, thread: string) {
  const infos: CheckpointInfo[] = await Array.fromAsync(checkpointer.list({ thread }));
  return await Promise.all(
    infos.reverse().map(async ({ namespace, id, parent }) => ({
      id,
      parent,
      step: (await checkpointer.load(thread, { namespace, id }))?.state.step,
    })),
  );
}

Deno.test("saveMany() saves each thread's items in their order, each the child of the one before", async () => {
  const checkpointer = new S3Checkpointer<State>(memoryStore());
  const first = await checkpointer.save("a", { step: 0 });
  const results = await saveMany(checkpointer, [
    item("a", 1),
    item("b", 1, { metadata: { of: "b" } }),
    item("a", 2),
    item("a", 1, { namespace: "n" }),
    item("a", 3, { parent: null }),
    item("b", 2),
  ]);
  assert.deepEqual(results.map(({ status }) => status), Array(6).fill("done"));
  const [a1, b1, a2, n1, a3, b2] = results.map(({ item }) => item);
  assert.deepEqual(
    [a1, b1, a2, n1, a3, b2].map((item) => item!.parent),
    [first.id, null, a1!.id, null, null, b1!.id],
  );
  const history = await historyOf(checkpointer, "b");
  assert.deepEqual(history, [
    { id: b1!.id, parent: undefined, step: 1 },
    { id: b2!.id, parent: b1!.id, step: 2 },
  ]);
  assert.equal((await checkpointer.load("a"))?.state.step, 3);
  const [, second] = results;
  assert(second?.status === "done");
  assert.deepEqual(second.value.metadata, { of: "b" });
  assert.equal(second.value.id, b1!.id);
});

Deno.test("saveMany() sends threads side by side, bounded, and a thread's items one by one", async () => {
  const inner = memoryStore();
  const open = new Map<string, number>();
  const store = countingStore(altered(inner, {
    async put(key, ...rest) {
      const thread = key.split("/")[1]!;
      open.set(thread, (open.get(thread) ?? 0) + 1);
      assert.equal(open.get(thread), 1, "one of a thread at once");
      await new Promise((resolve) => setTimeout(resolve, 1));
      open.set(thread, 0);
      return await inner.put(key, ...rest);
    },
  }));
  const items = Array.from({ length: 40 }, (_, at) => item(`t${at % 8}`, at));
  const run = async (parallel: number | undefined, expected: number) => {
    store.reset();
    const results = await saveMany(new S3Checkpointer<State>(store), items, { parallel });
    assert(results.every(({ status }) => status === "done"));
    assert.equal(store.counts.maxOpen, expected);
    assert.equal(store.counts.put, 40);
    assert.equal(store.requests, 40);
  };
  await run(3, 3);
  await run(undefined, 8);
  await inWorker(() => run(undefined, 6));
});

Deno.test("saveMany() goes on past a failure, and what failed can be saved again: once, with its parent", async () => {
  const inner = memoryStore();
  for (const kind of ["fail", "lose"] as const) {
    for (let k = 1; k <= 6; k++) {
      const [a, b] = [`a ${kind} ${k}`, `b ${kind} ${k}`];
      let puts = 0;
      const store = faultyStore(
        inner,
        ({ operation }) => operation === "put" && ++puts === k ? { kind } : undefined,
      );
      const checkpointer = new S3Checkpointer<State>(store);
      const items = [item(a, 1), item(a, 2), item(b, 1), item(a, 3), item(b, 2), item(b, 3)];
      const results = await saveMany(checkpointer, items);
      const failed = results.filter((result) => result.status === "failed");
      assert.equal(failed.length, 1);
      assert(failed[0]!.error instanceof UnavailableError);
      const again = await saveMany(checkpointer, failed.map(({ item }) => item));
      assert.deepEqual(again.map(({ status }) => status), ["done"]);
      for (const thread of [a, b]) {
        const own = results.map(({ item }) => item).filter((item) => item.thread === thread);
        assert.deepEqual(
          await historyOf(new S3Checkpointer<State>(inner), thread),
          own.map(({ id, parent, state: { step } }) => ({ id, parent: parent ?? undefined, step })),
        );
      }
    }
  }
});

Deno.test("saveMany() with stopOnError begins nothing after a failure, and tells what is left", async () => {
  const inner = memoryStore();
  let puts = 0;
  const store = faultyStore(
    inner,
    ({ operation }) => operation === "put" && ++puts === 2 ? { kind: "fail" } : undefined,
  );
  const checkpointer = new S3Checkpointer<State>(store);
  const items = [1, 2, 3, 4].map((step) => item("t", step));
  const results = await saveMany(checkpointer, items, { stopOnError: true });
  assert.deepEqual(
    results.map(({ status }) => status),
    ["done", "failed", "skipped", "skipped"],
  );
  const [, failed, skipped] = results;
  assert(failed?.status === "failed" && skipped?.status === "skipped");
  assert.equal(skipped.error, failed.error);
  const left = results.filter(({ status }) => status !== "done").map(({ item }) => item);
  await saveMany(checkpointer, left);
  const history = await historyOf(checkpointer, "t");
  assert.deepEqual(history.map(({ step }) => step), [1, 2, 3, 4]);
  assert.deepEqual(history.map(({ parent }) => parent), [
    undefined,
    ...history.slice(0, 3).map(({ id }) => id),
  ]);
});

Deno.test("saveMany() that is cancelled tells what it did, and begins no more", async () => {
  const reason = new Error("enough");
  const controller = new AbortController();
  const checkpointer = new S3Checkpointer<State>(memoryStore());
  const onProgress = ({ done }: BatchProgress) => {
    if (done === 2) controller.abort(reason);
  };
  const items = [1, 2, 3, 4].map((step) => item("t", step));
  const results = await saveMany(checkpointer, items, { signal: controller.signal, onProgress });
  assert.deepEqual(
    results.map((result) => result.status === "done" ? "done" : [result.status, result.error]),
    ["done", "done", ["skipped", reason], ["skipped", reason]],
  );
  const none = await saveMany(checkpointer, items, { signal: controller.signal });
  assert(none.every(({ status }) => status === "skipped"));
  assert.equal((await historyOf(checkpointer, "t")).length, 2);
});

Deno.test("saveMany() refuses what is no batch before anything is sent", async () => {
  const store = memoryStore();
  const checkpointer = new S3Checkpointer<State>(store);
  const good = item("t", 1, { id: "1" });
  const bad: [unknown[], RegExp][] = [
    [[good, item("t", 2, { id: "1" })], /item 1 .*another one is checkpoint "1" of thread "t"/],
    [[good, null], /item 1 .*null/],
    [[good, "t"], /item 1 /],
    [[good, {}], /item 1 /],
    [[good, { thread: "t" }], /item 1 .*no state/],
    [[good, { thread: 7, state: {} }], /thread/],
    [[good, item("\ud800", 1)], /thread/],
    [[good, item("t", 1, { id: "" })], /empty/],
    [[good, item("t", 1, { id: "x".repeat(600) })], /1024/],
    [[good, item("x".repeat(2_000), 1)], /1024/],
  ];
  for (const [items, message] of bad) {
    await assert.rejects(saveMany(checkpointer, items as SaveItem<State>[]), (error) => {
      assert(error instanceof InvalidInputError);
      assert.match(error.message, message);
      return true;
    });
  }
  for (const parallel of [0, -1, 1.5, NaN, Infinity]) {
    await assert.rejects(saveMany(checkpointer, [good], { parallel }), InvalidInputError);
  }
  await assert.rejects(saveMany({} as S3Checkpointer<State>, [good]), /give an S3Checkpointer/);
  // The same id elsewhere is another checkpoint.
  assert.deepEqual(await keysOf(store), []);
  const others = [good, item("u", 1, { id: "1" }), item("t", 1, { id: "1", namespace: "n" })];
  assert.deepEqual(
    (await saveMany(checkpointer, others)).map(({ status }) => status),
    ["done", "done", "done"],
  );
});

Deno.test("saveMany() fails the item whose state cannot be kept, alone", async () => {
  const checkpointer = new S3Checkpointer<unknown>(memoryStore());
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const results = await saveMany(checkpointer, [
    { thread: "a", state: circle },
    { thread: "b", state: {}, metadata: [] as unknown as Record<string, unknown> },
    { thread: "c", state: { fine: true } },
  ]);
  assert.deepEqual(results.map(({ status }) => status), ["failed", "failed", "done"]);
});

Deno.test("A batch of nothing is done at once", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store);
  assert.deepEqual(await saveMany(checkpointer, []), []);
  assert.deepEqual(await loadMany(checkpointer, new Set<string>()), []);
  assert.equal(store.requests, 0);
});

Deno.test("A batch tells of each item, and is not harmed by whom it tells", async () => {
  const inner = memoryStore();
  let puts = 0;
  const store = faultyStore(
    inner,
    ({ operation }) => operation === "put" && ++puts === 2 ? { kind: "fail" } : undefined,
  );
  const heard: BatchProgress[] = [];
  const items = [1, 2, 3].map((step) => item("t", step));
  const results = await saveMany(new S3Checkpointer<State>(store), items, {
    onProgress(progress) {
      heard.push(progress);
      throw new Error("deaf");
    },
  });
  assert.deepEqual(heard, [
    { done: 0, failed: 0, total: 3 },
    { done: 1, failed: 0, total: 3 },
    { done: 1, failed: 1, total: 3 },
    { done: 2, failed: 1, total: 3 },
  ]);
  assert.equal(results.filter(({ status }) => status === "done").length, 2);
});

Deno.test("loadMany() gives each item's checkpoint in the items' order, and undefined where there is none", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer<State>(store);
  await saveMany(checkpointer, [
    item("a", 1, { id: "1" }),
    item("a", 2, { id: "2" }),
    item("b", 3, { namespace: "n", id: "1" }),
  ]);
  const items = [
    "a",
    { thread: "a", id: "1" },
    "nobody",
    { thread: "b", namespace: "n" },
    { thread: "b" },
  ] as const;
  store.reset();
  const results = await loadMany(new S3Checkpointer<State>(store), items);
  assert.deepEqual(
    results.map((result) => result.status === "done" && result.value?.state.step),
    [2, 1, undefined, 3, undefined],
  );
  assert.deepEqual(results.map(({ item }) => item), items);
  assert.deepEqual([store.counts.list, store.counts.get], [4, 3]);
});

Deno.test("loadMany() fails what cannot be read, alone", async () => {
  const inner = memoryStore();
  const checkpointer = new S3Checkpointer<State>(inner);
  await saveMany(checkpointer, ["a", "b", "c"].map((thread) => item(thread, 1)));
  const [key] = await keysOf(inner, "cairn/b/");
  await inner.put(key!, new Uint8Array(9));
  const results = await loadMany(new S3Checkpointer<State>(inner), ["a", "b", "c"]);
  assert.deepEqual(results.map(({ status }) => status), ["done", "failed", "done"]);
  const [, failed] = results;
  assert(failed?.status === "failed" && (failed.error as Error).name === "CorruptError");
});

Deno.test("loadMany() leaves as a thread's last what is last among the items, whatever came last", async () => {
  const inner = memoryStore();
  await saveMany(new S3Checkpointer<State>(inner), [
    item("t", 1, { id: "1" }),
    item("t", 2, { id: "2" }),
  ]);
  const slow = altered(inner, {
    async get(key, options) {
      // The first one takes the longest.
      if (key === (await keysOf(inner, "cairn/t/"))[0]) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return await inner.get(key, options);
    },
  });
  for (const ids of [["2", "1"], ["1", "2"]]) {
    const checkpointer = new S3Checkpointer<State>(slow);
    await loadMany(checkpointer, ids.map((id) => ({ thread: "t", id })));
    const { parent } = await checkpointer.save("t", { step: 3 }, { id: "3" });
    assert.equal(parent, ids[1]);
    await checkpointer.delete("t", { id: "3" });
  }
});

Deno.test("loadMany() refuses what names no checkpoint before anything is sent", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer<State>(store);
  for (const wrong of [null, 7, {}, { thread: 7 }, { thread: "t", id: "" }, "\ud800"]) {
    await assert.rejects(loadMany(checkpointer, ["t", wrong as string]), InvalidInputError);
  }
  assert.equal(store.requests, 0);
});

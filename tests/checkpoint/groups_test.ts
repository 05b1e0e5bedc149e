import { type ListPage, memoryStore, type ObjectStore, S3Checkpointer } from "@cairn/checkpoint";
import { countingStore } from "@cairn/checkpoint/testing";
import fc from "fast-check";
import assert from "node:assert/strict";
import type { Place } from "../../src/checkpoint/keys.ts";
import { CheckpointLog } from "../../src/checkpoint/log.ts";
import { latest, putWrites } from "../../src/checkpoint/writes.ts";

const JSON_NULL = { type: "json", bytes: new TextEncoder().encode("null"), attachments: [] };

/** A store that lists in an order of its own, three entries a page, and knows no `startAfter`. */
function unordered(store: ObjectStore, seed = 1): ObjectStore {
  return {
    ...store,
    capabilities: { ...store.capabilities, orderedList: false },
    async *list(options) {
      assert.equal(options?.startAfter, undefined, "an unordered store has no `after`");
      const pages = await Array.fromAsync(store.list(options));
      const entries = [
        ...pages.flatMap(({ objects }) => objects),
        ...pages.flatMap(({ prefixes }) => prefixes),
      ];
      let state = seed;
      const draw = () => state = state * 48_271 % 2_147_483_647;
      const shuffled = entries.map((entry) => ({ entry, at: draw() }))
        .sort((a, b) => a.at - b.at).map(({ entry }) => entry);
      for (let at = 0; at < shuffled.length; at += 3) {
        const page: ListPage = { objects: [], prefixes: [] };
        for (const entry of shuffled.slice(at, at + 3)) {
          if (typeof entry === "string") page.prefixes.push(entry);
          else page.objects.push(entry);
        }
        yield page;
      }
    },
  };
}

/** Gives a checkpoint pending writes of so many tasks, each in an object of its own. */
async function addWrites(store: ObjectStore, place: Place, tasks: number): Promise<void> {
  const log = new CheckpointLog(store);
  for (let at = 0; at < tasks; at++) {
    const task = `task-${String(at).padStart(4, "0")}`;
    const writes = [{ index: 0, channel: "c", value: JSON_NULL }];
    await putWrites(log, place, { task, path: "", writes });
  }
}

Deno.test("A store that lists in no order gives the same answers as one that does", async () => {
  const store = memoryStore();
  const writer = new S3Checkpointer(store);
  for (const thread of ["b", "a", "a/b", "é"]) {
    for (const id of ["1", "11", "2", "10", "3", "9"]) {
      for (const namespace of ["", "n"]) {
        await writer.save(thread, { thread, id, namespace }, {
          id: `${id}${namespace}`,
          namespace,
        });
      }
    }
  }
  await addWrites(store, { thread: "a", namespace: "", id: "9" }, 7);
  for (const seed of [1, 2, 3]) {
    const [there, here] = [new S3Checkpointer(unordered(store, seed)), new S3Checkpointer(store)];
    const both = async (ask: (from: S3Checkpointer) => Promise<unknown>) =>
      assert.deepEqual(await ask(there), await ask(here));
    await both((from) => from.load("a"));
    await both((from) => from.load("a", { namespace: "n" }));
    await both((from) => from.load("a", { id: "10" }));
    await both((from) => Array.fromAsync(from.threads()));
    await both((from) => Array.fromAsync(from.list()));
    for (const before of ["0", "10", "2", "9", "zz"]) {
      await both((from) => Array.fromAsync(from.list({ thread: "a", before })));
      const namespace = "";
      await both((from) =>
        Array.fromAsync(from.list({ thread: "a", namespace, before, limit: 2 }))
      );
    }
  }
});

Deno.test("A store that lists in no order deletes a checkpoint and a thread whole", async () => {
  const store = memoryStore();
  const checkpointer = new S3Checkpointer(unordered(store));
  const keys = async () =>
    (await Array.fromAsync(store.list())).flatMap(({ objects }) => objects.map(({ key }) => key));
  for (const id of ["1", "2", "3"]) await checkpointer.save("t", { id }, { id });
  await addWrites(store, { thread: "t", namespace: "", id: "2" }, 10);
  await checkpointer.delete("t", { id: "2" });
  assert.equal((await keys()).length, 2);
  await checkpointer.delete("t");
  assert.deepEqual(await keys(), []);
});

for (const count of [0, 21, 22, 23, 24, 25, 126, 127, 128, 129, 200]) {
  Deno.test(`The latest checkpoint is found whole with ${count} objects of writes, across the first page`, async () => {
    const store = countingStore(memoryStore());
    const saver = new S3Checkpointer(store);
    await saver.save("t", { step: 1 }, { id: "1" });
    await saver.save("t", { step: 2 }, { id: "2" });
    await addWrites(store, { thread: "t", namespace: "", id: "2" }, count);
    for (const from of [store, unordered(store)]) {
      store.reset();
      const found = await latest(new CheckpointLog(from), "t", "");
      // A page of 24: the record, its writes, and the next one, which tells that there are no more.
      if (from === store) assert.equal(store.counts.list, count <= 22 ? 1 : 2);
      assert.equal(found?.place.id, "2");
      assert.equal(found.writes.length, count);
      assert.equal(new Set(found.writes.map(({ task }) => task)).size, count);
    }
    const listed = await Array.fromAsync(saver.list({ thread: "t", limit: 5 }), ({ id }) => id);
    assert.deepEqual(listed, ["2", "1"]);
  });

  Deno.test(`The latest checkpoint is found behind ${count} objects of writes that have no checkpoint yet`, async () => {
    const store = countingStore(memoryStore());
    const saver = new S3Checkpointer<{ step: number }>(store);
    await saver.save("t", { step: 1 }, { id: "1" });
    await addWrites(store, { thread: "t", namespace: "", id: "2" }, count);
    const reader = new S3Checkpointer<{ step: number }>(store);
    assert.equal((await reader.load("t"))?.state.step, 1);
    assert.equal(await reader.load("t", { id: "2" }), undefined);
    const listed = await Array.fromAsync(reader.list({ limit: 5 }), ({ id }) => id);
    assert.deepEqual(listed, ["1"]);
  });
}

Deno.test("Objects of somebody else among a checkpoint's own are passed over", async () => {
  const store = memoryStore();
  const log = new CheckpointLog(store);
  const place = { thread: "t", namespace: "", id: "2" };
  const saver = new S3Checkpointer(store);
  await saver.save("t", { step: 1 }, { id: "1" });
  await saver.save("t", { step: 2 }, { id: "2" });
  await addWrites(store, place, 2);
  const folder = log.keys.checkpoint(place);
  const foreign = ["a", "c.bak", "c/x", "d/deep/er", "w.task-0000.r0/x", "w.task-0001", "z"]
    .map((name) => folder + name);
  foreign.push(log.keys.namespaces("t") + "0", log.keys.namespace("t", "") + "0/c");
  for (const key of foreign) await store.put(key, new Uint8Array([1]));
  const found = await latest(new CheckpointLog(store), "t", "");
  assert.equal(found?.place.id, "2");
  assert.equal(found.writes.length, 2);
  const reader = new S3Checkpointer(store);
  const listed = await Array.fromAsync(reader.list({ thread: "t" }), ({ id }) => id);
  assert.deepEqual(listed, ["2", "1"]);
  await reader.delete("t", { id: "2" });
  for (const key of foreign) assert.equal((await store.head(key)).size, 1);
});

Deno.test("In whatever order checkpoints are saved, it becomes the same thread", async () => {
  const ids = ["1", "10", "2", "20", "200", "é", "😀", "\uffff", "a", "ab"];
  const expected = ["😀", "\uffff", "é", "ab", "a", "200", "20", "2", "10", "1"];
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(ids, { minLength: ids.length }), async (order) => {
      const store = memoryStore();
      const writers = [new S3Checkpointer(store), new S3Checkpointer(store)];
      await Promise.all(
        order.map((id, at) => writers[at % 2]!.save("t", { id }, { id, parent: null })),
      );
      const reader = new S3Checkpointer(store);
      const listed = await Array.fromAsync(reader.list({ thread: "t" }), ({ id }) => id);
      assert.deepEqual(listed, expected);
      assert.deepEqual((await reader.load("t"))?.state, { id: expected[0] });
      for (const id of ids) assert.deepEqual((await reader.load("t", { id }))?.state, { id });
    }),
    { numRuns: 30 },
  );
});

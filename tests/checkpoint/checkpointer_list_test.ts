import { type ListCheckpointsOptions, memoryStore, S3Checkpointer } from "@cairn/checkpoint";
import assert from "node:assert/strict";

/** Two threads; the first has a second namespace. */
async function filled(): Promise<S3Checkpointer> {
  const checkpointer = new S3Checkpointer(memoryStore());
  for (const [at, id] of ["1", "2", "3", "4"].entries()) {
    await checkpointer.save("a", { at }, {
      id,
      namespace: at === 2 ? "sub" : "",
      metadata: { even: at % 2 === 0, run: { name: "r", steps: [at] }, ...(at ? { at } : {}) },
    });
  }
  await checkpointer.save("b", {}, { id: "9", metadata: { even: true } });
  return checkpointer;
}

async function idsOf(checkpointer: S3Checkpointer, options?: ListCheckpointsOptions) {
  return await Array.fromAsync(checkpointer.list(options), ({ id }) => id);
}

Deno.test("S3Checkpointer.list() gives all threads in order, newest first in each", async () => {
  assert.deepEqual(await idsOf(await filled()), ["4", "3", "2", "1", "9"]);
});

Deno.test("S3Checkpointer.list() keeps to a thread and to a namespace", async () => {
  const checkpointer = await filled();
  assert.deepEqual(await idsOf(checkpointer, { thread: "b" }), ["9"]);
  assert.deepEqual(await idsOf(checkpointer, { thread: "a", namespace: "" }), ["4", "2", "1"]);
  assert.deepEqual(await idsOf(checkpointer, { thread: "a", namespace: "sub" }), ["3"]);
  assert.deepEqual(await idsOf(checkpointer, { namespace: "" }), ["4", "2", "1", "9"]);
  assert.deepEqual(await idsOf(checkpointer, { thread: "c" }), []);
});

Deno.test("S3Checkpointer.list() gives no more than the limit", async () => {
  const checkpointer = await filled();
  assert.deepEqual(await idsOf(checkpointer, { limit: 2 }), ["4", "3"]);
  assert.deepEqual(await idsOf(checkpointer, { limit: 5 }), ["4", "3", "2", "1", "9"]);
  assert.deepEqual(await idsOf(checkpointer, { limit: 0 }), []);
  assert.deepEqual(await idsOf(checkpointer, { limit: Infinity, thread: "b" }), ["9"]);
  assert.deepEqual(await idsOf(checkpointer, { limit: 1, filter: { even: true } }), ["3"]);
});

Deno.test("S3Checkpointer.list() gives what is before an id, which need not exist", async () => {
  const checkpointer = await filled();
  assert.deepEqual(await idsOf(checkpointer, { thread: "a", before: "3" }), ["2", "1"]);
  assert.deepEqual(await idsOf(checkpointer, { thread: "a", before: "35" }), ["3", "2", "1"]);
  assert.deepEqual(await idsOf(checkpointer, { thread: "a", namespace: "", before: "4" }), [
    "2",
    "1",
  ]);
  assert.deepEqual(await idsOf(checkpointer, { thread: "a", before: "0" }), []);
  assert.deepEqual(await idsOf(checkpointer, { thread: "a", before: "4", limit: 1 }), ["3"]);
});

Deno.test("S3Checkpointer.list() filters by metadata, nested values compared whole", async () => {
  const checkpointer = await filled();
  const cases: [Record<string, unknown>, string[]][] = [
    [{}, ["4", "3", "2", "1", "9"]],
    [{ even: true }, ["3", "1", "9"]],
    [{ even: true, at: 2 }, ["3"]],
    [{ run: { steps: [1], name: "r" } }, ["2"]],
    [{ run: { name: "r" } }, []],
    [{ run: { name: "r", steps: { 0: 1 } } }, []],
    [{ run: null }, []],
    [{ at: undefined, even: true }, ["1", "9"]],
    [{ toString: undefined, at: 3 }, ["4"]],
    [{ constructor: Object }, []],
  ];
  for (const [filter, expected] of cases) {
    assert.deepEqual(await idsOf(checkpointer, { filter }), expected, JSON.stringify(filter));
  }
});

Deno.test("S3Checkpointer.list() gives many checkpoints across pages, in order", async () => {
  const checkpointer = new S3Checkpointer(memoryStore());
  const ids = Array.from({ length: 1_100 }, (_, at) => String(at).padStart(5, "0"));
  for (const id of ids) await checkpointer.save("t", id, { id });
  assert.deepEqual(await idsOf(checkpointer, { thread: "t" }), ids.toReversed());
  const before = ids[1_050]!;
  assert.deepEqual(
    await idsOf(checkpointer, { thread: "t", namespace: "", before, limit: 3 }),
    ["01049", "01048", "01047"],
  );
});

Deno.test("S3Checkpointer.threads() gives each thread once, in the order of their keys", async () => {
  const checkpointer = new S3Checkpointer(memoryStore());
  for (const thread of ["b", "a/b", "a", "é", "B"]) {
    await checkpointer.save(thread, {});
    await checkpointer.save(thread, {}, { namespace: "n" });
  }
  assert.deepEqual(await Array.fromAsync(checkpointer.threads()), ["B", "a", "a/b", "b", "é"]);
});

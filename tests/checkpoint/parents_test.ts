import { memoryStore, S3Checkpointer } from "@cairn/checkpoint";
import assert from "node:assert/strict";
import { keysOf } from "./_stores.ts";

Deno.test("S3Checkpointer.save() of the same checkpoint again keeps its parent", async () => {
  const store = memoryStore();
  const checkpointer = new S3Checkpointer(store);
  await checkpointer.save("t", {}, { id: "1" });
  for (let times = 0; times < 3; times++) {
    assert.equal((await checkpointer.save("t", {}, { id: "2" })).parent, "1");
  }
  const resumed = new S3Checkpointer(store);
  await resumed.load("t");
  assert.equal((await resumed.save("t", {}, { id: "2" })).parent, "1");
  assert.equal((await resumed.save("t", {}, { id: "3" })).parent, "2");
});

Deno.test("S3Checkpointer.save() on a machine whose clock is behind is the latest all the same", async () => {
  const store = memoryStore();
  const ahead = new S3Checkpointer<{ by: string }>(store);
  // An id as another machine gives it whose clock is far ahead.
  await ahead.save("t", { by: "ahead" }, { id: "fedcba98-7654-7fff-bfff-ffffffffffff" });
  const behind = new S3Checkpointer<{ by: string }>(store);
  await behind.load("t");
  const ids = [];
  for (let step = 0; step < 3; step++) {
    ids.push((await behind.save("t", { by: `behind ${step}` })).id);
    assert.equal((await ahead.load("t"))?.state.by, `behind ${step}`);
  }
  assert.deepEqual(ids.toSorted(), ids);
});

Deno.test("S3Checkpointer.save() takes a time from no id that is none", async () => {
  const checkpointer = new S3Checkpointer(memoryStore());
  for (const parent of ["zzz", "\uffff", "ffffffff-ffff-7fff-bfff-ffffffffffff"]) {
    const { id, savedAt } = await checkpointer.save("t", {}, { parent });
    const time = parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
    assert(Math.abs(time - savedAt.getTime()) < 3_600_000);
  }
});

Deno.test("S3Checkpointer.save() refuses a parent and metadata that could not be read back", async () => {
  const store = memoryStore();
  const checkpointer = new S3Checkpointer(store);
  for (const parent of ["", 5, {}, "\ud800"]) {
    await assert.rejects(checkpointer.save("t", {}, { parent: parent as string }), {
      name: "InvalidInputError",
      message: /parent/,
    });
  }
  for (const metadata of [null, 5, "text", [], new Map(), { a: 1n }]) {
    const options = { metadata: metadata as Record<string, unknown> };
    await assert.rejects(checkpointer.save("t", {}, options), { name: "InvalidInputError" });
  }
  assert.deepEqual(await keysOf(store), []);
});

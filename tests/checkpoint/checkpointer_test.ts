import { CorruptError, memoryStore, S3Checkpointer, type Serializer } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { emptyCheckpoint } from "@langchain/langgraph-checkpoint";
import fc from "fast-check";
import assert from "node:assert/strict";

Deno.test("S3Checkpointer.save() gives what list() and load() say of the checkpoint", async () => {
  const store = memoryStore();
  const saved = await new S3Checkpointer(store).save("t", { step: 1 }, {
    namespace: "n",
    metadata: { why: "test", nested: { deep: [1, null] } },
  });
  assert.match(saved.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assert(saved.savedAt instanceof Date);
  const reader = new S3Checkpointer(store);
  assert.deepEqual(await Array.fromAsync(reader.list()), [saved]);
  const found = await reader.load("t", { namespace: "n" });
  assert.deepEqual(found, { ...saved, state: { step: 1 } });
});

Deno.test("S3Checkpointer.load() gives any JSON state back as it was saved", async () => {
  const store = memoryStore();
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue({ maxDepth: 3 }),
      async (json) => {
        const state: unknown = JSON.parse(JSON.stringify(json)); // -0 is 0 in JSON
        await new S3Checkpointer(store, { inlineLimit: 8 }).save("t", state);
        const found = await new S3Checkpointer(store).load("t");
        assert.deepEqual(found?.state, state);
        assert.equal(
          JSON.stringify(found?.state),
          JSON.stringify(state),
          "fields keep their order",
        );
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("S3Checkpointer.load() gives the checkpoint of an id, the latest, or none", async () => {
  const checkpointer = new S3Checkpointer(memoryStore());
  assert.equal(await checkpointer.load("t"), undefined);
  await checkpointer.save("t", { at: "b" }, { id: "b" });
  await checkpointer.save("t", { at: "bb" }, { id: "bb" });
  await checkpointer.save("t", { at: "a" }, { id: "a" });
  assert.deepEqual((await checkpointer.load("t", { id: "a" }))?.state, { at: "a" });
  assert.equal((await checkpointer.load("t"))?.id, "bb", "the newest is the greatest id");
  assert.equal(await checkpointer.load("t", { id: "c" }), undefined);
  assert.equal(await checkpointer.load("t", { namespace: "n" }), undefined);
  assert.equal(await checkpointer.load("t", { namespace: "n", id: "a" }), undefined);
  assert.equal(await checkpointer.load("t2"), undefined);
});

Deno.test("S3Checkpointer keeps namespaces apart", async () => {
  const checkpointer = new S3Checkpointer(memoryStore());
  for (const namespace of ["", "a", "a/b", "ab"]) {
    await checkpointer.save("t", { of: namespace }, { namespace, id: "1" });
  }
  for (const namespace of ["", "a", "a/b", "ab"]) {
    assert.deepEqual((await checkpointer.load("t", { namespace }))?.state, { of: namespace });
  }
  await checkpointer.delete("t", { namespace: "a", id: "1" });
  assert.equal(await checkpointer.load("t", { namespace: "a" }), undefined);
  assert.deepEqual((await checkpointer.load("t", { namespace: "a/b" }))?.state, { of: "a/b" });
});

Deno.test("S3Checkpointer.save() under an id that is there replaces the checkpoint", async () => {
  const store = memoryStore();
  const checkpointer = new S3Checkpointer(store);
  const first = await checkpointer.save("t", { step: 1 }, { id: "1" });
  const again = await checkpointer.save("t", { step: 1 }, { id: "1" });
  assert.equal(again.parent, undefined, "a checkpoint is not its own parent");
  assert.equal((await Array.fromAsync(checkpointer.list({ thread: "t" }))).length, 1);
  assert.equal(first.id, again.id);
});

Deno.test("S3Checkpointer.save() makes what it saved or loaded last the parent", async () => {
  const store = memoryStore();
  const checkpointer = new S3Checkpointer(store);
  const first = await checkpointer.save("t", {}, { id: "1" });
  assert.equal(first.parent, undefined);
  assert.equal((await checkpointer.save("t", {}, { id: "2" })).parent, "1");
  await checkpointer.load("t", { id: "1" });
  assert.equal((await checkpointer.save("t", {}, { id: "3" })).parent, "1", "the loaded one");
  assert.equal((await checkpointer.save("t", {}, { id: "4", parent: "2" })).parent, "2");
  assert.equal((await checkpointer.save("t", {}, { id: "5", parent: null })).parent, undefined);
  assert.equal((await checkpointer.save("t", {}, { namespace: "n", id: "6" })).parent, undefined);
  assert.equal((await checkpointer.save("t2", {}, { id: "7" })).parent, undefined);
  const other = new S3Checkpointer(store);
  assert.equal((await other.save("t", {}, { id: "8" })).parent, undefined, "it knows of none yet");
  const parents = await Array.fromAsync(
    checkpointer.list({ thread: "t", namespace: "" }),
    ({ id, parent }) => [id, parent],
  );
  assert.deepEqual(parents, [
    ["8", undefined],
    ["5", undefined],
    ["4", "2"],
    ["3", "1"],
    ["2", "1"],
    ["1", undefined],
  ]);
});

Deno.test("S3Checkpointer.save() names no deleted checkpoint as parent by itself", async () => {
  const checkpointer = new S3Checkpointer(memoryStore());
  await checkpointer.save("t", {}, { id: "1" });
  await checkpointer.delete("t", { id: "1" });
  assert.equal((await checkpointer.save("t", {}, { id: "2" })).parent, undefined);
  await checkpointer.save("t", {}, { namespace: "n", id: "1" });
  await checkpointer.delete("t");
  assert.equal((await checkpointer.save("t", {}, { id: "3" })).parent, undefined);
  assert.equal((await checkpointer.save("t", {}, { namespace: "n", id: "3" })).parent, undefined);
});

Deno.test("S3Checkpointer keeps a state that is no object, an empty one, and drops undefined fields", async () => {
  const checkpointer = new S3Checkpointer<unknown>(memoryStore());
  for (const state of [null, 0, -1.5, "", "text", true, [], [1, [2]], {}, { "": "empty name" }]) {
    await checkpointer.save("t", state);
    assert.deepEqual((await checkpointer.load("t"))?.state, state);
  }
  const bytes = new Uint8Array([0, 255]);
  await checkpointer.save("t", bytes);
  assert.deepEqual((await checkpointer.load("t"))?.state, bytes);
  await checkpointer.save("t", { a: 1, b: undefined, c: { d: undefined, e: 2 } });
  const found = (await checkpointer.load("t"))?.state;
  assert.deepEqual(found, { a: 1, c: { e: 2 } });
});

Deno.test("S3Checkpointer keeps byte arrays as bytes, however deep they are", async () => {
  const store = memoryStore();
  const state = {
    image: new Uint8Array([1, 2, 3]),
    nested: [{ pages: [new Uint8Array(0), new Uint8Array(50_000).fill(7)] }, "text"],
  };
  await new S3Checkpointer(store).save("t", state, { metadata: { hash: new Uint8Array([9]) } });
  const found = await new S3Checkpointer(store).load("t");
  assert.deepEqual(found?.state, state);
  assert.deepEqual(found?.metadata, { hash: new Uint8Array([9]) });
});

Deno.test("S3Checkpointer keeps a field named __proto__ as a field", async () => {
  const checkpointer = new S3Checkpointer<unknown>(memoryStore());
  const state = JSON.parse('{"__proto__": {"polluted": 1}, "in": {"__proto__": 2}}');
  state.in.bytes = new Uint8Array([1]);
  await checkpointer.save("t", state);
  const found = (await checkpointer.load("t"))?.state as Record<string, unknown>;
  assert.deepEqual(Object.keys(found), ["__proto__", "in"]);
  assert.deepEqual(Object.keys(found.in as object), ["__proto__", "bytes"]);
  assert.equal(Object.getPrototypeOf(found), Object.prototype);
  assert(!("polluted" in {}));
});

Deno.test("S3Checkpointer uses the serializer that it is given for the state", async () => {
  const dates: Serializer = {
    dumpsTyped: (value) => {
      assert(value instanceof Date);
      return Promise.resolve(["date", new TextEncoder().encode(value.toISOString())]);
    },
    loadsTyped: (type, bytes) => {
      assert.equal(type, "date");
      return Promise.resolve(new Date(new TextDecoder().decode(bytes)));
    },
  };
  const store = memoryStore();
  const checkpointer = new S3Checkpointer(store, { serializer: dates });
  const due = new Date("2030-01-02T03:04:05.678Z");
  await checkpointer.save("t", { due }, { metadata: { plain: "JSON" } });
  const found = await checkpointer.load("t");
  assert.deepEqual(found?.state, { due });
  assert.deepEqual(found?.metadata, { plain: "JSON" });
  await assert.rejects(new S3Checkpointer(store).load("t"), /"date".*serializer/);
});

Deno.test("S3Checkpointer: who changes a loaded state, or a saved one, changes no other", async () => {
  const checkpointer = new S3Checkpointer<{ list: number[]; bytes: Uint8Array; large: Uint8Array }>(
    memoryStore(),
  );
  const make = () => ({
    list: [1],
    bytes: new Uint8Array([1, 2]),
    large: new Uint8Array(40_000).fill(3),
  });
  const mine = make();
  await checkpointer.save("t", mine);
  for (const state of [mine, (await checkpointer.load("t"))!.state]) {
    state.list.push(2);
    state.bytes.fill(9);
    state.large.fill(9);
    assert.deepEqual((await checkpointer.load("t"))?.state, make());
  }
});

Deno.test("S3Checkpointer sees what another instance wrote over a checkpoint, or deleted", async () => {
  const store = memoryStore();
  const [here, there] = [new S3Checkpointer(store), new S3Checkpointer(store)];
  await here.save("t", { by: "here" }, { id: "1" });
  await here.load("t");
  await there.save("t", { by: "there" }, { id: "1" });
  assert.deepEqual((await here.load("t"))?.state, { by: "there" });
  await there.save("t", { by: "there again" }, { id: "1" });
  assert.deepEqual((await here.load("t", { id: "1" }))?.state, { by: "there again" });
  await there.delete("t", { id: "1" });
  assert.equal(await here.load("t"), undefined);
  assert.equal(await here.load("t", { id: "1" }), undefined);
});

Deno.test("S3Checkpointer.delete() takes a checkpoint, or a whole thread with its chunks", async () => {
  const store = memoryStore();
  const checkpointer = new S3Checkpointer(store);
  const keys = async () => (await Array.fromAsync(store.list())).flatMap((page) => page.objects);
  await checkpointer.save("t", { large: "x".repeat(50_000) }, { id: "1" });
  await checkpointer.save("t", { step: 2 }, { id: "2" });
  await checkpointer.save("t", { step: 3 }, { namespace: "n", id: "3" });
  await checkpointer.save("t2", { step: 4 }, { id: "4" });
  await checkpointer.delete("t", { id: "2" });
  await checkpointer.delete("t", { id: "absent" });
  assert.equal((await checkpointer.load("t"))?.id, "1");
  await checkpointer.delete("t");
  await checkpointer.delete("t");
  assert.equal(await checkpointer.load("t", { namespace: "n" }), undefined);
  assert.equal((await checkpointer.load("t2"))?.id, "4");
  assert.equal((await keys()).length, 1, "nothing of the thread is left");
});

Deno.test("S3Checkpointer.delete() refuses a namespace without an id, and deletes nothing", async () => {
  const checkpointer = new S3Checkpointer(memoryStore());
  for (const namespace of ["", "n"]) {
    await checkpointer.save("t", {}, { namespace });
    await assert.rejects(checkpointer.delete("t", { namespace }), {
      name: "InvalidInputError",
      message: /namespace ".*" alone.*id/,
    });
    assert(await checkpointer.load("t", { namespace }));
  }
});

Deno.test("S3Checkpointer refuses a record that S3Saver saved, and says what to do", async () => {
  const store = memoryStore();
  const saver = new S3Saver({ store });
  await saver.put(
    { configurable: { thread_id: "t", checkpoint_ns: "" } },
    emptyCheckpoint(),
    { source: "input", step: -1, parents: {} },
    {},
  );
  const checkpointer = new S3Checkpointer(store);
  const refusal = (error: unknown) => {
    assert(error instanceof CorruptError, `${error}`);
    assert.match(error.message, /not saved by S3Checkpointer/);
    return true;
  };
  await assert.rejects(checkpointer.load("t"), refusal);
  await assert.rejects(Array.fromAsync(checkpointer.list({ thread: "t" })), refusal);
});

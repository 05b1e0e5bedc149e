import assert from "node:assert/strict";
import { createPolicy, memoryStore, type ObjectStore, UnavailableError } from "@cairn/checkpoint";
import { type FaultPlan, faultyStore } from "@cairn/checkpoint/testing";
import { at, checkpoint, metadata, siteOn, valuesOf, writesOf } from "./_case.ts";

/** A store that tries again, as those that speak S3 do, over one that fails as planned. */
function retrying(inner: ObjectStore, plan: FaultPlan): ObjectStore {
  const store = faultyStore(inner, plan);
  const policy = createPolicy({}, { sleep: () => Promise.resolve() });
  return {
    ...store,
    name: store.name,
    capabilities: store.capabilities,
    put: (...args) => policy.run(() => store.put(...args)),
    get: (...args) => policy.run(() => store.get(...args)),
    delete: (...args) => policy.run(() => store.delete(...args)),
  };
}

/** Does each write, and loses the answer to every first attempt. */
function loseFirst(): FaultPlan {
  const seen = new Set<string>();
  return ({ operation, key }) => {
    if (operation !== "put" || seen.has(key)) return undefined;
    seen.add(key);
    return { kind: "lose" };
  };
}

Deno.test("S3Saver takes its own write, whose answer was lost, for its success", async () => {
  const memory = memoryStore();
  const { prefix, start, keys } = siteOn(memory);
  const saver = start({ store: retrying(memory, loseFirst()), prefix, inlineLimit: 10 });
  const state = checkpoint("1", { a: "longer than ten" }, { a: 1 });
  await saver.put(at("t"), state, metadata(), { a: 1 });
  await saver.putWrites(at("t", "1"), [["a", "first"], ["__resume__", "go"]], "task");
  for (const reader of [saver, start()]) {
    assert.deepEqual(await valuesOf(reader, at("t")), { a: "longer than ten" });
    assert.deepEqual(await writesOf(reader, at("t")), [["__resume__", "go"], ["a", "first"]]);
  }
  const slots = (await keys()).filter((key) => /\.r\d+$/.test(key));
  assert.equal(slots.length, 1, "the write is there once");
});

Deno.test("S3Saver does not take another one's write for its own, where an answer is lost", async () => {
  const memory = memoryStore();
  const { prefix, start } = siteOn(memory);
  await start().put(at("t"), checkpoint("1"), metadata(), {});
  await start().putWrites(at("t", "1"), [["a", "first"]], "task");
  const saver = start({ store: retrying(memory, loseFirst()), prefix });
  // The same writes, even: another process made them, and these are one more try at them.
  await saver.putWrites(at("t", "1"), [["a", "first"]], "task");
  await saver.putWrites(at("t", "1"), [["a", "late"], ["b", "second"]], "task");
  assert.deepEqual(await writesOf(start(), at("t")), [["a", "first"], ["b", "second"]]);
});

Deno.test("S3Saver.putWrites() rejects where the outcome is not known, and may be called again", async () => {
  const memory = memoryStore();
  const { prefix, start } = siteOn(memory);
  await start().put(at("t"), checkpoint("1"), metadata(), {});
  const saver = start({ store: faultyStore(memory, loseFirst()), prefix });
  await assert.rejects(saver.putWrites(at("t", "1"), [["a", 1]], "task"), UnavailableError);
  await saver.putWrites(at("t", "1"), [["a", 1]], "task");
  assert.deepEqual(await writesOf(start(), at("t")), [["a", 1]]);
});

Deno.test("S3Saver.put() goes on from what is stored where a checkpoint was put again and its answer was lost", async () => {
  const memory = memoryStore();
  const { prefix, start } = siteOn(memory);
  const plan: FaultPlan = ({ number }) => number === 2 ? { kind: "lose" } : undefined;
  const saver = start({ store: faultyStore(memory, plan), prefix });
  const state = (id: string, a: string) => checkpoint(id, { a }, { a: 1 });
  await saver.put(at("t"), state("1", "first"), metadata(), { a: 1 });
  await assert.rejects(
    saver.put(at("t"), state("1", "second"), metadata(), { a: 1 }),
    UnavailableError,
  );
  await saver.put(at("t", "1"), state("2", "second"), metadata(), {});
  assert.deepEqual(await valuesOf(start(), at("t", "1")), { a: "second" });
  assert.deepEqual(await valuesOf(start(), at("t", "2")), { a: "second" });
});

Deno.test("S3Saver.put() whose chunk or record fails leaves what was there, and no part of the new", async () => {
  const memory = memoryStore();
  const { prefix, start } = siteOn(memory);
  const state = (id: string) => checkpoint(id, { a: `value of ${id}` }, { a: Number(id) });
  await start({ inlineLimit: 0 }).put(at("t"), state("1"), metadata(), { a: 1 });
  const failures: FaultPlan[] = [
    ({ operation, key }) =>
      operation === "put" && key.includes("/v/") ? { kind: "fail" } : undefined,
    ({ operation, key }) =>
      operation === "put" && key.endsWith("/c") ? { kind: "fail" } : undefined,
  ];
  for (const plan of failures) {
    const saver = start({ store: faultyStore(memory, plan), prefix, inlineLimit: 0 });
    await assert.rejects(
      saver.put(at("t", "1"), state("2"), metadata(), { a: 2 }),
      UnavailableError,
    );
    for (const reader of [saver, start()]) {
      assert.deepEqual(await valuesOf(reader, at("t")), { a: "value of 1" });
    }
  }
  await start({ inlineLimit: 0 }).put(at("t", "1"), state("2"), metadata(), { a: 2 });
  assert.deepEqual(await valuesOf(start(), at("t")), { a: "value of 2" });
});

Deno.test("S3Saver.deleteThread() that breaks off leaves what can be read, and goes on when called again", async () => {
  const memory = memoryStore();
  const { prefix, start, keys } = siteOn(memory);
  const saver = start({ inlineLimit: 0, compression: "none" });
  for (let number = 0; number < 700; number++) {
    const id = String(number).padStart(3, "0");
    await saver.put(at("t"), checkpoint(id, { a: id }, { a: 1 }), metadata(), { a: 1 });
  }
  const plan: FaultPlan = ({ operation, number }) =>
    operation === "delete" && number === 2 ? { kind: "fail" } : undefined;
  const broken = start({ store: faultyStore(memory, plan), prefix });
  await assert.rejects(broken.deleteThread("t"), UnavailableError);
  for await (const { checkpoint } of start().list(at("t"))) {
    assert.deepEqual(checkpoint.channel_values, { a: checkpoint.id });
  }
  await broken.deleteThread("t");
  assert.deepEqual(await keys(), []);
});

Deno.test("S3Saver on a store that knows no conditions keeps the first write of one after another", async () => {
  const memory = memoryStore();
  const { prefix, start } = siteOn(memory);
  const store: ObjectStore = {
    ...memory,
    capabilities: { ...memory.capabilities, conditionalCreate: false, orderedList: false },
    put: (key, body, options) => {
      assert.notEqual(options?.precondition, "create", "it was told that this is not honoured");
      return memory.put(key, body, options);
    },
    async *list(options = {}) {
      // Pages in no order, and a startAfter that means nothing.
      const pages = [];
      for await (const page of memory.list({ ...options, startAfter: undefined })) {
        pages.push({ ...page, objects: page.objects.toReversed() });
      }
      yield* pages.toReversed();
    },
  };
  const saver = start({ store, prefix });
  for (const id of ["1", "2", "3"]) await saver.put(at("t"), checkpoint(id), metadata(), {});
  await saver.putWrites(at("t", "3"), [["a", 1]], "task");
  await start({ store, prefix }).putWrites(at("t", "3"), [["a", "late"], ["b", 2]], "task");
  assert.deepEqual(await writesOf(saver, at("t")), [["a", 1], ["b", 2]]);
  const listed = [];
  const before = at("t", "3");
  for await (const { checkpoint } of saver.list(at("t"), { before })) listed.push(checkpoint.id);
  assert.deepEqual(listed, ["2", "1"]);
  await saver.deleteThread("t");
  assert.equal(await start().getTuple(at("t")), undefined);
});

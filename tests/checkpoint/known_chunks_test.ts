/** Which chunks are not sent again, and what a process goes by. */
import assert from "node:assert/strict";
import {
  getBytes,
  memoryStore,
  type ObjectStore,
  S3Checkpointer,
  withReplica,
} from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { countingStore, faultyStore } from "@cairn/checkpoint/testing";
import type { RunnableConfig } from "@langchain/core/runnables";
import { checkpoint, metadata } from "../langgraph/_case.ts";
import { etagsOfBytes, keysOf, noise } from "./_stores.ts";

const KIB = 1024;
const MINUTE = 60_000;
const isChunk = (key: string) => key.includes("/v/");

/** A saver with a clock of its own, on a store that tells what was asked of it. */
function start(inner: ObjectStore = memoryStore()) {
  const clock = { now: Date.UTC(2026, 0, 1) };
  const store = countingStore(inner);
  const saver = new S3Saver({ store }, { now: () => clock.now });
  const put = putTo(saver);
  const read = async (id: string) =>
    (await new S3Saver({ store: inner }).getTuple(configOf(id)))?.checkpoint.channel_values;
  return { clock, inner, store, saver, put, read };
}

/** Puts checkpoints whose id is the version of their new channels; the others have been there since 1. */
function putTo(saver: S3Saver) {
  return async (
    id: string,
    parent: string | undefined,
    values: Record<string, unknown>,
    changed = Object.keys(values),
  ) => {
    const versions = Object.fromEntries(
      Object.keys(values).map((name) => [name, changed.includes(name) ? Number(id) : 1]),
    );
    const newVersions = Object.fromEntries(changed.map((name) => [name, versions[name]!]));
    const next = checkpoint(id, values, versions);
    await saver.put(configOf(parent), next, metadata({ step: Number(id) }), newVersions);
  };
}

function configOf(id: string | undefined): RunnableConfig {
  return { configurable: { thread_id: "t", checkpoint_ns: "", checkpoint_id: id } };
}

Deno.test("A value that a task wrote is not sent again in the next checkpoint", async () => {
  const { store, saver, put, read } = start();
  const big = noise(200 * KIB, 1);
  await put("1", undefined, { small: 1 });
  await saver.putWrites(configOf("1"), [["big", big]], "task");
  const chunks = (await keysOf(store)).filter(isChunk);
  assert(chunks.length > 2);
  store.reset();
  await put("2", "1", { big });
  assert.equal(store.requests, 1, "the record alone");
  assert.deepEqual((await keysOf(store)).filter(isChunk), chunks);
  assert.deepEqual(await read("2"), { big });
});

Deno.test("A chunk that was sent half an hour ago, and that the parent does not have, is sent again", async () => {
  for (const [minutes, sent] of [[29, false], [31, true]] as const) {
    const { clock, store, saver, put } = start();
    const big = noise(60 * KIB, 2);
    await put("1", undefined, { small: 1 });
    await saver.putWrites(configOf("1"), [["big", big]], "task");
    clock.now += minutes * MINUTE;
    await put("2", "1", { small: 2 });
    store.reset();
    await put("3", "2", { big });
    assert.equal(store.counts.put, sent ? 2 : 1, `${minutes} minutes`);
  }
});

Deno.test("S3Saver.put() asks whether the parent is there where it has not seen it for half an hour", async () => {
  for (const [minutes, heads] of [[29, 0], [31, 1]] as const) {
    const { clock, store, put, read } = start();
    const big = noise(60 * KIB, 3);
    await put("1", undefined, { big });
    clock.now += minutes * MINUTE;
    store.reset();
    await put("2", "1", { big });
    assert.equal(store.counts.head, heads);
    assert.equal(store.counts.put, 1, "the record alone");
    clock.now += 10 * MINUTE;
    store.reset();
    await put("3", "1", { big });
    assert.equal(store.requests, heads === 0 ? 2 : 1, "what was asked counts as seen");
    assert.deepEqual(await read("3"), { big });
  }
});

Deno.test("S3Saver.put() after a pause sends all again where the thread was deleted meanwhile", async () => {
  const { clock, inner, put, read } = start();
  const big = noise(200 * KIB, 4);
  await put("1", undefined, { big });
  clock.now += 31 * MINUTE;
  await new S3Saver({ store: inner }).deleteThread("t");
  await put("2", "1", { big });
  await put("3", "2", { big, step: 3 });
  assert.deepEqual(await read("2"), { big });
  assert.deepEqual(await read("3"), { big, step: 3 });
});

Deno.test("A thread that another process deleted and that begins anew depends on nothing it had", async () => {
  const { inner, saver, put, read } = start();
  const big = noise(200 * KIB, 5);
  await put("1", undefined, { big });
  await put("2", "1", { big, other: noise(90 * KIB, 6) });
  await new S3Saver({ store: inner }).deleteThread("t");
  assert.equal(await saver.getTuple(configOf(undefined)), undefined);
  await put("3", undefined, { small: 1 });
  await put("4", "3", { big, other: noise(90 * KIB, 6) });
  assert.deepEqual(await read("4"), { big, other: noise(90 * KIB, 6) });
});

Deno.test("A thread that another process deleted and began anew depends on nothing this one had sent", async () => {
  const { inner, store, saver, put, read } = start();
  const elsewhere = start(inner);
  const big = noise(200 * KIB, 10);
  for (const [root, next, last] of [["1", "2", "3"], ["4", "5", "6"]] as const) {
    await put(root, undefined, { big });
    await elsewhere.saver.deleteThread("t");
    await elsewhere.put(next, undefined, { small: 1 });
    // A run goes on from the latest, which is of the new thread; that was read, and written by another.
    assert.equal((await saver.getTuple(configOf(undefined)))?.checkpoint.id, next);
    await saver.putWrites(configOf(next), [["big", big]], "task");
    store.reset();
    await put(last, next, { big });
    assert.equal(store.requests, 1, "what a task has sent to the new thread is there");
    assert.deepEqual(await read(last), { big });
    await saver.deleteThread("t");
  }
});

Deno.test("A thread that was reset to what it had begun with depends on nothing this process sent since", async () => {
  // A copy, and so the record that a run goes on from, has the ETag that it had before.
  const { inner, saver, put, read } = start(etagsOfBytes(memoryStore()));
  const elsewhere = new S3Saver({ store: inner });
  const document = { big: noise(200 * KIB, 11) };
  await put("1", undefined, { small: 1 });
  await elsewhere.copyThread("t", "template");
  for (const id of ["2", "3"]) {
    await saver.getTuple(configOf(undefined));
    await put(id, "1", document);
    assert.deepEqual(await read(id), document);
    await elsewhere.deleteThread("t");
    await elsewhere.copyThread("template", "t");
  }
  assert.equal((await saver.getTuple(configOf(undefined)))?.checkpoint.id, "1");
  await saver.putWrites(configOf("1"), [["big", document.big]], "task");
  const written = await new S3Saver({ store: inner }).getTuple(configOf("1"));
  assert.deepEqual(written?.pendingWrites, [["task", "big", document.big]]);
});

Deno.test("What a replica still has of a deleted thread is nothing to build on", async () => {
  const [origin, replica] = [etagsOfBytes(memoryStore()), etagsOfBytes(memoryStore())];
  for (const cacheBytes of [0, 16 * KIB * KIB]) {
    for (const isWriter of [true, false]) {
      let isDown = false;
      const store = withReplica(
        faultyStore(
          origin,
          ({ operation }) =>
            isDown && operation !== "put" && operation !== "head" ? { kind: "fail" } : undefined,
        ),
        replica,
      );
      const saver = new S3Saver({ store, cacheBytes });
      const put = putTo(isWriter ? saver : new S3Saver({ store: origin }));
      const values = { big: noise(200 * KIB, 12), step: 1 };
      await put("1", undefined, values);
      for (const key of await keysOf(origin)) {
        await replica.put(key, (await getBytes(origin, key)).bytes);
      }
      await new S3Saver({ store: origin }).deleteThread("t");
      isDown = true;
      assert.equal((await saver.getTuple(configOf(undefined)))?.checkpoint.id, "1");
      for (const id of ["2", "3"]) {
        await putTo(saver)(id, `${Number(id) - 1}`, values, ["step"]);
        isDown = false;
        const tuple = await new S3Saver({ store: origin }).getTuple(configOf(id));
        assert.deepEqual(tuple?.checkpoint.channel_values, values);
      }
      await new S3Saver({ store: origin }).deleteThread("t");
    }
  }
});

Deno.test("A thread that this process deleted and that begins anew depends on nothing it had", async () => {
  const { saver, put, read } = start();
  const big = noise(200 * KIB, 7);
  await put("1", undefined, { big });
  await saver.deleteThread("t");
  await put("2", "1", { big });
  await put("3", "2", { big });
  assert.deepEqual(await read("3"), { big });
});

Deno.test("The end of a value that grows stays in the record, and is sent once where it has stopped", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store);
  const lines = (count: number) =>
    Array.from({ length: count }, (_, line) => `${noise(300, line)}`);
  await checkpointer.save("t", { log: lines(120) });
  for (const count of [121, 122, 123]) {
    store.reset();
    await checkpointer.save("t", { log: lines(count) });
    assert.equal(store.counts.put, 1, `${count}: the record alone`);
  }
  for (const puts of [2, 1, 1]) {
    store.reset();
    await checkpointer.save("t", { log: lines(123) });
    assert.equal(store.counts.put, puts, "its end as a chunk, then nothing but the record");
  }
  assert(store.counts.bytesWritten < 1_500, `${store.counts.bytesWritten}`);
  assert.deepEqual((await new S3Checkpointer(store).load("t"))?.state, { log: lines(123) });
});

Deno.test("A value that grows past the inline limit stays in the record until it is cut", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store);
  const text = (length: number) =>
    Array.from(noise(length, 8), (byte) => String.fromCharCode(97 + byte % 26)).join("");
  let puts = 0, step = 0;
  for (let length = 10 * KIB; length < 40 * KIB; length += KIB, step++) {
    store.reset();
    await checkpointer.save("t", { text: text(length) });
    puts += store.counts.put;
  }
  assert.equal(puts, step);
  // One that does not grow is kept in chunks, as the limit says.
  store.reset();
  await checkpointer.save("other", { text: text(30 * KIB) });
  assert.equal(store.counts.put, 2);
});

Deno.test("A value that has shrunk keeps the long pieces that its parent has", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store, { compression: "none" });
  const bytes = noise(6_000 * KIB, 9);
  await checkpointer.save("t", { bytes });
  store.reset();
  await checkpointer.save("t", { bytes: bytes.subarray(3_000 * KIB) });
  assert(store.counts.bytesWritten < 900 * KIB, `${store.counts.bytesWritten}`);
  const found = await new S3Checkpointer(store).load("t");
  assert.deepEqual(found?.state, { bytes: bytes.slice(3_000 * KIB) });
});

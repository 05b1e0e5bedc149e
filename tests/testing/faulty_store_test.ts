import assert from "node:assert/strict";
import { getBytes, memoryStore, UnavailableError } from "@cairn/checkpoint";
import { type Fault, faultyStore, type StoreCall } from "@cairn/checkpoint/testing";
import { streamOf } from "../../src/store/body.ts";

const bytes = new Uint8Array([1, 2, 3, 4]);

/** A store with the object "key" whose next calls have this fault. */
async function withFault(fault: Fault) {
  const store = memoryStore();
  await store.put("key", bytes);
  const calls: StoreCall[] = [];
  const faulty = faultyStore(store, (call) => {
    calls.push(call);
    return fault;
  });
  return { store, faulty, calls };
}

Deno.test("faultyStore() fails a call before anything is done", async () => {
  const { store, faulty } = await withFault({ kind: "fail" });
  await assert.rejects(faulty.put("other", bytes), UnavailableError);
  await assert.rejects(faulty.delete(["key"]), UnavailableError);
  await assert.rejects(faulty.copy("key", "other"), UnavailableError);
  await assert.rejects(faulty.get("key"), UnavailableError);
  await assert.rejects(faulty.head("key"), UnavailableError);
  await assert.rejects(faulty.list()[Symbol.asyncIterator]().next(), UnavailableError);
  const keys = (await Array.fromAsync(store.list())).flatMap((page) => page.objects);
  assert.deepEqual(keys.map(({ key }) => key), ["key"]);
});

Deno.test("faultyStore() cancels the stream of a put that fails", async () => {
  const { faulty } = await withFault({ kind: "fail" });
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) });
  await assert.rejects(faulty.put("other", stream), UnavailableError);
  assert(cancelled);
});

Deno.test("faultyStore() loses the answer to what is done", async () => {
  const error = new Error("lost");
  const { store, faulty } = await withFault({ kind: "lose", error });
  await assert.rejects(faulty.put("other", streamOf(bytes)), error);
  await assert.rejects(faulty.delete(["key"]), error);
  assert.equal((await store.head("other")).size, 4);
  await assert.rejects(store.head("key"));
});

Deno.test("faultyStore() hangs until the signal aborts", async () => {
  const { store, faulty } = await withFault({ kind: "hang" });
  const controller = new AbortController();
  const hanging = faulty.put("other", bytes, { signal: controller.signal });
  controller.abort("enough");
  await assert.rejects(hanging, (error) => error === "enough");
  await assert.rejects(store.head("other"));
});

Deno.test("faultyStore() delays a call, unless it is aborted first", async () => {
  const { faulty } = await withFault({ kind: "delay", milliseconds: 5 });
  assert.equal((await faulty.head("key")).size, 4);
  const { faulty: slow } = await withFault({ kind: "delay", milliseconds: 60_000 });
  const signal = AbortSignal.timeout(5);
  await assert.rejects(slow.head("key", { signal }), { name: "TimeoutError" });
});

Deno.test("faultyStore() cuts a body", async () => {
  const { faulty } = await withFault({ kind: "cut", after: 3 });
  const { body } = await faulty.get("key");
  const reader = body.getReader();
  assert.deepEqual((await reader.read()).value, bytes.subarray(0, 3));
  await assert.rejects(reader.read(), UnavailableError);
  await assert.rejects(getBytes(faulty, "key"), UnavailableError);
});

Deno.test("faultyStore() counts the calls of each operation for its plan", async () => {
  const { faulty, calls } = await withFault({ kind: "delay", milliseconds: 0 });
  await faulty.put("a", bytes);
  await faulty.put("b", bytes);
  await faulty.head("a");
  await Array.fromAsync(faulty.list({ prefix: "a" }));
  assert.deepEqual(calls.slice(0, 4), [
    { operation: "put", key: "a", number: 1 },
    { operation: "put", key: "b", number: 2 },
    { operation: "head", key: "a", number: 1 },
    { operation: "list", key: "a", number: 1 },
  ]);
});

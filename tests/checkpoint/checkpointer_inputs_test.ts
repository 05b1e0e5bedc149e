import {
  checkpointLinks,
  InvalidInputError,
  memoryStore,
  type ObjectStore,
  S3Checkpointer,
  type S3CheckpointerOptions,
} from "@cairn/checkpoint";
import { countingStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";

const circle: Record<string, unknown> = {};
circle.self = { again: circle };
class Person {}

const STATES: readonly [what: string, state: unknown, says: RegExp][] = [
  ["NaN", { a: NaN }, /NaN at/],
  ["Infinity", { a: [1, Infinity] }, /Infinity at "1"/],
  ["a Map", { a: new Map([[1, 2]]) }, /a Map/],
  ["a Set", { a: { b: new Set() } }, /a Set at "b"/],
  ["a function", { a: { b: () => 1 } }, /a function at "b"/],
  ["a symbol", { a: Symbol("s") }, /a symbol/],
  ["a bigint", { a: 1n }, /a bigint/],
  ["a cycle", { a: circle }, /a circle at "self.again"/],
  ["an instance of a class", { a: new Person() }, /a Person/],
  ["a typed array that is no Uint8Array", { a: new Float32Array(2) }, /a Float32Array/],
  ["an ArrayBuffer", { a: new ArrayBuffer(2) }, /ArrayBuffer/],
  ["undefined", undefined, /undefined/],
];

for (const [what, state, says] of STATES) {
  Deno.test(`S3Checkpointer.save() refuses ${what} and sends nothing`, async () => {
    const store = countingStore(memoryStore());
    const checkpointer = new S3Checkpointer(store);
    const refusal = { name: "InvalidInputError", message: says };
    await assert.rejects(checkpointer.save("t", state), refusal);
    if (state !== undefined) {
      const metadata = state as Record<string, unknown>;
      await assert.rejects(checkpointer.save("t", {}, { metadata }), InvalidInputError);
    }
    assert.equal(store.requests, 0);
  });
}

Deno.test("S3Checkpointer.load() without a thread is refused, and is never another's state", async () => {
  const store = countingStore(memoryStore());
  await new S3Checkpointer(store).save("somebody", { secret: 1 });
  const before = store.requests;
  for (const none of [undefined, null] as unknown as string[]) {
    const checkpointer = new S3Checkpointer(store);
    await assert.rejects(checkpointer.load(none), /Cannot use the thread (undefined|null): give a/);
    await assert.rejects(checkpointLinks(checkpointer, none, { expiresIn: 60 }), InvalidInputError);
  }
  assert.equal(store.requests, before);
});

Deno.test("S3Checkpointer refuses an id or a thread in the place of its options", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store);
  const wrong = "first" as unknown as Record<string, never>;
  const says = { name: "InvalidInputError", message: /options: current value is "first"; give an/ };
  await assert.rejects(checkpointer.save("t", {}, wrong), says);
  await assert.rejects(checkpointer.load("t", wrong), says);
  await assert.rejects(checkpointer.delete("t", wrong), says);
  assert.throws(() => checkpointer.list(wrong), says);
  assert.equal(store.requests, 0);
});

/** What is easily given where something else belongs, and the word for that. */
const PARTS: readonly [what: string, make: () => unknown, says: RegExp][] = [
  ["no store", () => make(undefined), /store: give what edgeStore\(\)/],
  [
    "a store in an object, as S3Saver takes it",
    () => make({ store: memoryStore() }),
    /store: give/,
  ],
  ["days in place of a ttl", () => make(memoryStore(), { ttl: 30 }), /ttl: .*expireAfter\(\)/],
  ["a ttl's options", () => make(memoryStore(), { ttl: { days: 30 } }), /ttl: .*expireAfter\(\)/],
  ["a spread's number", () => make(memoryStore(), { spread: 256 }), /spread: .*spread\(\)/],
  ["a prefix in the place of options", () => make(memoryStore(), "agents/"), /options: .*prefix/],
  ["half a serializer", () => make(memoryStore(), { serializer: {} }), /serializer: .*jsonSerial/],
];

function make(store: unknown, options: unknown = {}): S3Checkpointer {
  return new S3Checkpointer(store as ObjectStore, options as S3CheckpointerOptions);
}

for (const [what, made, says] of PARTS) {
  Deno.test(`S3Checkpointer refuses ${what} before anything is saved`, () => {
    assert.throws(made, { name: "InvalidInputError", message: says });
  });
}

Deno.test("S3Checkpointer refuses ids that fit no key and sends nothing", async () => {
  const store = countingStore(memoryStore());
  const checkpointer = new S3Checkpointer(store);
  const huge = "x".repeat(3_000);
  const limit = { name: "InvalidInputError", message: /1024/ };
  await assert.rejects(checkpointer.save(huge, {}), limit);
  await assert.rejects(checkpointer.save("t", {}, { namespace: huge }), limit);
  await assert.rejects(checkpointer.save("t", {}, { id: huge }), limit);
  await assert.rejects(checkpointer.load("t", { id: huge }), limit);
  for (const id of ["", "\ud800"]) {
    await assert.rejects(checkpointer.save("t", {}, { id }), InvalidInputError);
    await assert.rejects(checkpointer.load("t", { id }), InvalidInputError);
    await assert.rejects(checkpointer.delete("t", { id }), InvalidInputError);
  }
  const noText = 7 as unknown as string;
  await assert.rejects(checkpointer.save(noText, {}), /thread 7.*string/);
  await assert.rejects(checkpointer.load(noText), /thread 7.*string/);
  await assert.rejects(checkpointer.delete(noText), /thread 7.*string/);
  assert.equal(store.requests, 0);
});

Deno.test("S3Checkpointer.list() refuses a limit that is no whole number", async () => {
  const checkpointer = new S3Checkpointer(memoryStore());
  for (const limit of [1.5, NaN, -Infinity, "2" as unknown as number]) {
    await assert.rejects(Array.fromAsync(checkpointer.list({ limit })), {
      name: "InvalidInputError",
      message: new RegExp(`limit.* "?${limit}"?; give a whole number`),
    });
  }
});

Deno.test("S3Checkpointer refuses options that cannot be", () => {
  const wrong: [S3CheckpointerOptions, RegExp][] = [
    [{ prefix: "../x" }, /"\.\.\/x\/.*segment/],
    [{ prefix: "/x" }, /segment/],
    [{ prefix: "x".repeat(1_024) }, /1024/],
    [{ inlineLimit: -1 }, /inlineLimit.* -1.* 0/],
    [{ inlineLimit: NaN }, /inlineLimit.* NaN/],
    [{ cacheBytes: 0.5 }, /cacheBytes.* 0\.5/],
    [{ maxOpenRequests: 0 }, /maxOpenRequests.* 0.* 1/],
    [{ maxOpenRequests: Infinity }, /maxOpenRequests.* Infinity/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(() => new S3Checkpointer(memoryStore(), options), {
      name: "InvalidInputError",
      message,
    });
  }
});

Deno.test("S3Checkpointer rejects each cancelled call with the signal's reason, and does nothing", async () => {
  const memory = memoryStore();
  await new S3Checkpointer(memory).save("t", { kept: true }, { id: "1" });
  const checkpointer = new S3Checkpointer(memory);
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  const isReason = (error: unknown) => error === reason;
  await assert.rejects(checkpointer.save("t", {}, { signal }), isReason);
  await assert.rejects(checkpointer.save("t", { x: "x".repeat(99_999) }, { signal }), isReason);
  await assert.rejects(checkpointer.load("t", { signal }), isReason);
  await assert.rejects(checkpointer.load("t", { id: "1", signal }), isReason);
  await assert.rejects(Array.fromAsync(checkpointer.list({ signal })), isReason);
  await assert.rejects(Array.fromAsync(checkpointer.list({ thread: "t", signal })), isReason);
  await assert.rejects(Array.fromAsync(checkpointer.threads({ signal })), isReason);
  await assert.rejects(checkpointer.delete("t", { id: "1", signal }), isReason);
  await assert.rejects(checkpointer.delete("t", { signal }), isReason);
  const left = await Array.fromAsync(checkpointer.list(), ({ id }) => id);
  assert.deepEqual(left, ["1"]);
});

Deno.test("S3Checkpointer rejects with the reason when it is cancelled while a request is open", async () => {
  for (const call of ["save", "load", "delete"] as const) {
    const controller = new AbortController();
    const reason = new Error(call);
    const checkpointer = new S3Checkpointer(silent(() => controller.abort(reason)));
    const { signal } = controller;
    const result = call === "save"
      ? checkpointer.save("t", {}, { signal })
      : call === "load"
      ? checkpointer.load("t", { id: "1", signal })
      : checkpointer.delete("t", { signal });
    await assert.rejects(result, (error) => error === reason);
  }
});

/** A store that answers nothing until the call is cancelled. */
function silent(asked: () => void): ObjectStore {
  const wait = (signal: AbortSignal | undefined) =>
    new Promise<never>((_, reject) => {
      signal!.addEventListener("abort", () => reject(signal!.reason), { once: true });
      queueMicrotask(asked);
    });
  return {
    ...memoryStore(),
    put: (_key, _body, options) => wait(options?.signal),
    get: (_key, options) => wait(options?.signal),
    async *list(options) {
      yield await wait(options?.signal);
    },
  };
}

Deno.test("S3Checkpointer.delete() takes no undefined id for the whole thread", async () => {
  const checkpointer = new S3Checkpointer(memoryStore());
  await checkpointer.save("t", { step: 1 });
  await assert.rejects(checkpointer.delete("t", { id: undefined }), /id is undefined/);
  assert.notEqual(await checkpointer.load("t"), undefined);
});

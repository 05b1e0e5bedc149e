import assert from "node:assert/strict";
import fc from "fast-check";
import {
  breaker,
  CorruptError,
  getBytes,
  InvalidInputError,
  keyClass,
  memoryStore,
  NotFoundError,
  type ObjectStore,
  observed,
  type Observer,
  S3Checkpointer,
  type StoreEvent,
  ThrottledError,
  UnavailableError,
} from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { type FaultPlan, faultyStore } from "@cairn/checkpoint/testing";
import { streamOf } from "../../src/store/body.ts";
import { Keys, writesKey } from "../../src/checkpoint/keys.ts";
import { withStore } from "../edge/_fixture.ts";
import { failure, object, STORED } from "../sdk/_fixture.ts";

const bytes = new Uint8Array(10);

/** A store that is observed, and what was told of it. */
function watching(store: ObjectStore, classify?: (key: string) => string) {
  const events: StoreEvent[] = [];
  return { events, store: observed(store, (event) => events.push(event), { classify }) };
}

/** What does not depend on the clock. */
function timeless({ startedAt, milliseconds, waited, ...event }: StoreEvent) {
  assert(Math.abs(startedAt - Date.now()) < 60_000);
  assert(milliseconds >= 0 && waited >= 0 && waited <= milliseconds + 1);
  return Object.fromEntries(Object.entries(event).filter(([, value]) => value !== undefined));
}

const usual = {
  store: "memory",
  keys: 1,
  bytes: 0,
  attempts: 1,
  retries: 0,
  outcome: "ok",
  stopped: false,
};

Deno.test("observed() tells of each operation once, when it has ended", async () => {
  const { store, events } = watching(memoryStore());
  await store.put("a", bytes);
  await store.put("b", streamOf(bytes, bytes));
  const { body } = await store.get("b", { range: { start: 5 } });
  assert.equal(events.length, 2); // not before its body has ended
  await new Response(body).bytes();
  await store.head("a");
  await store.copy("a", "c");
  await Array.fromAsync(store.list());
  await store.delete(["a", "b", "c"]);
  await assert.rejects(store.presign("a", { method: "GET", expiresIn: 1 }));
  await assert.rejects(store.get("a"), NotFoundError);
  assert.deepEqual(events.map(timeless), [
    { ...usual, operation: "put", bytes: 10 },
    { ...usual, operation: "put", bytes: 20 },
    { ...usual, operation: "get", bytes: 15 },
    { ...usual, operation: "head" },
    { ...usual, operation: "copy" },
    { ...usual, operation: "list", keys: 3, pages: 1 },
    { ...usual, operation: "delete", keys: 3 },
    { ...usual, operation: "presign", attempts: 0, outcome: "unsupported" },
    { ...usual, operation: "get", outcome: "not-found" },
  ]);
});

Deno.test("observed() tells how a body ended: read, cancelled, broken, aborted", async () => {
  let cut = false;
  const inner = faultyStore(memoryStore(), () => cut ? { kind: "cut", after: 4 } : undefined);
  const { store, events } = watching(inner);
  await store.put("key", bytes);
  await getBytes(store, "key");
  await (await store.get("key")).body.cancel();
  cut = true;
  await assert.rejects(getBytes(store, "key"), UnavailableError);
  const controller = new AbortController();
  const reason = new UnavailableError("a sibling failed");
  const hanging = watching({
    ...memoryStore(),
    get: () =>
      Promise.resolve({
        info: { key: "key", size: 1, etag: "e", lastModified: new Date() },
        body: new ReadableStream({
          pull: (_) =>
            new Promise((_, reject) =>
              controller.signal.addEventListener("abort", () => reject(controller.signal.reason))
            ),
        }, { highWaterMark: 0 }),
      }),
  });
  const reading = getBytes(hanging.store, "key", { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 1);
  await assert.rejects(reading, (error) => error === reason);
  const told = [...events.slice(1), ...hanging.events].map(({ outcome, stopped, bytes }) => ({
    outcome,
    stopped,
    bytes,
  }));
  assert.deepEqual(told, [
    { outcome: "ok", stopped: false, bytes: 10 },
    { outcome: "ok", stopped: true, bytes: 0 },
    { outcome: "unavailable", stopped: false, bytes: 4 },
    { outcome: "aborted", stopped: false, bytes: 0 },
  ]);
});

Deno.test("observed() tells of a listing once, with its pages, and where its reader stopped", async () => {
  const { store, events } = watching(memoryStore());
  for (let i = 0; i < 2_100; i++) await store.put(`key-${i}`, bytes);
  events.length = 0;
  await Array.fromAsync(store.list());
  for await (const _ of store.list()) break;
  for await (const _ of store.list({ prefix: "nothing" })) assert.fail();
  const { store: failing, events: told } = watching(faultyStore(
    memoryStore(),
    () => ({ kind: "fail", error: new ThrottledError("slow", { code: "SlowDown", status: 503 }) }),
  ));
  await assert.rejects(Array.fromAsync(failing.list()), ThrottledError);
  assert.deepEqual(
    [...events, ...told].map(({ keys, pages, outcome, stopped, code, status }) => [
      keys,
      pages,
      outcome,
      stopped,
      code,
      status,
    ]),
    [
      [2_100, 3, "ok", false, undefined, undefined],
      [1_000, 1, "ok", true, undefined, undefined],
      [0, 0, "ok", false, undefined, undefined],
      [0, 0, "throttled", false, "SlowDown", 503],
    ],
  );
});

Deno.test("observed() counts the reader's own time in the whole, and not as the store's", async () => {
  const { store, events } = watching(memoryStore());
  for (let i = 0; i < 1_500; i++) await store.put(`key-${i}`, bytes);
  events.length = 0;
  const pause = () => new Promise((resolve) => setTimeout(resolve, 60));
  for await (const _ of store.list()) await pause();
  const { body } = await store.get("key-1");
  await pause();
  await new Response(body).bytes();
  for (const { milliseconds, waited } of events) {
    assert(milliseconds >= 55, `${milliseconds}`);
    assert(waited < milliseconds - 50, `${waited} of ${milliseconds}`);
  }
});

Deno.test("observed() waits for the store with each piece of a body, and with its end", async () => {
  const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
  let pieces = 3;
  const slow: ObjectStore = {
    ...memoryStore(),
    get: () =>
      Promise.resolve({
        info: { key: "key", size: 3, etag: "e", lastModified: new Date() },
        body: new ReadableStream({
          async pull(controller) {
            await pause();
            if (pieces-- > 0) controller.enqueue(new Uint8Array(1));
            else controller.close();
          },
        }, { highWaterMark: 0 }),
      }),
  };
  const { store, events } = watching(slow);
  await getBytes(store, "key");
  const [{ waited, milliseconds }] = events as [StoreEvent];
  assert(waited >= 75, `${waited}`);
  assert(waited <= milliseconds);
});

Deno.test("observed() and breaker() end the store's listing where their reader stops", async () => {
  for (const layer of [(store: ObjectStore) => observed(store, () => {}), breaker]) {
    let ended = false;
    const store = layer({
      ...memoryStore(),
      async *list() {
        try {
          yield { objects: [], prefixes: ["a/"] };
          yield { objects: [], prefixes: ["b/"] };
        } finally {
          ended = true;
        }
      },
    });
    for await (const _ of store.list()) break;
    assert.equal(ended, true);
  }
});

Deno.test("observed() tells aborted calls, and what the caller's own stream came to", async () => {
  const { store, events } = watching(memoryStore());
  await assert.rejects(store.head("key", { signal: AbortSignal.abort(new Error("enough")) }));
  const broken = new CorruptError("another store's body");
  const stream = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(broken) });
  await assert.rejects(store.put("key", stream), (error) => error === broken);
  const { store: strange, events: told } = watching(faultyStore(
    memoryStore(),
    () => ({ kind: "fail", error: new RangeError("none of ours") }),
  ));
  await assert.rejects(strange.head("key"), RangeError);
  assert.deepEqual([...events, ...told].map(({ outcome }) => outcome), [
    "aborted",
    "failed",
    "failed",
  ]);
});

Deno.test("observed() tells attempts, retries and the request id of S3 stores", async () => {
  const events: StoreEvent[] = [];
  await withStore(
    (_, number) =>
      number < 3
        ? failure(503, "SlowDown")
        : number === 3
        ? { ...STORED, headers: { ...STORED.headers, "x-amz-request-id": "R3" } }
        : number === 4
        ? object("hello", { "x-amz-request-id": "R4" })
        : failure(403, "AccessDenied", { "x-amz-request-id": "R5" }),
    async (inner) => {
      const store = observed(inner, (event) => events.push(event));
      await store.put("key", bytes);
      await getBytes(store, "key");
      await assert.rejects(store.delete(["key"]));
    },
  );
  assert.deepEqual(
    events.map(({ store, attempts, retries, requestId, outcome, code, status }) => ({
      store,
      attempts,
      retries,
      requestId,
      outcome,
      code,
      status,
    })),
    [
      {
        attempts: 3,
        retries: 2,
        requestId: "R3",
        outcome: "ok",
        code: undefined,
        status: undefined,
      },
      {
        attempts: 1,
        retries: 0,
        requestId: "R4",
        outcome: "ok",
        code: undefined,
        status: undefined,
      },
      {
        attempts: 1,
        retries: 0,
        requestId: "R5",
        outcome: "access",
        code: "AccessDenied",
        status: 403,
      },
    ].map((event) => ({ store: 's3 bucket "state"', ...event })),
  );
});

Deno.test("observed() outside of breaker() tells what was refused, inside only what was sent", async () => {
  const outside: string[] = [], inside: string[] = [];
  const note = (to: string[]): Observer => ({ attempts, outcome, code }) =>
    to.push(`${attempts} ${outcome} ${code}`);
  const down = faultyStore(memoryStore(), () => ({ kind: "fail" }));
  const store = observed(breaker(observed(down, note(inside)), { threshold: 1 }), note(outside));
  for (let i = 0; i < 2; i++) await assert.rejects(store.head("key"), UnavailableError);
  assert.deepEqual(inside, ["0 unavailable undefined"]);
  assert.deepEqual(outside, ["0 unavailable undefined", "0 unavailable CircuitOpen"]);
});

Deno.test("observed() fills a trace that the caller gives, and tells what was added to it", async () => {
  const { store, events } = watching(memoryStore());
  const trace = { attempts: 5, retries: 2 };
  await store.put("key", bytes, { trace });
  assert.equal(trace.attempts, 6);
  assert.equal(events[0]!.attempts, 1);
  assert.equal(events[0]!.retries, 0);
});

Deno.test("observed() is not harmed by an observer or a classifier that fails", async () => {
  const observers: Observer[] = [
    () => {
      throw new Error("observer");
    },
    () => Promise.reject(new Error("observer")),
  ];
  for (const observer of observers) {
    const store = observed(memoryStore(), observer, {
      classify: () => {
        throw new Error("classifier");
      },
    });
    await store.put("key", bytes);
    assert.equal((await getBytes(store, "key")).bytes.length, 10);
    await Array.fromAsync(store.list());
    await assert.rejects(store.head("absent"), NotFoundError);
  }
});

Deno.test("observed() refuses what is no function", () => {
  for (const wrong of [undefined, null, "log", {}]) {
    assert.throws(
      () => observed(memoryStore(), wrong as unknown as Observer),
      (error) => error instanceof InvalidInputError && /observer/.test(error.message),
    );
  }
  assert.throws(
    () => observed(memoryStore(), () => {}, { classify: "x" as unknown as () => string }),
    (error) => error instanceof InvalidInputError && /classify/.test(error.message),
  );
});

Deno.test("observed() gives a class where all keys have the same, and else says mixed", async () => {
  const { store, events } = watching(memoryStore(), (key) => key[0]!);
  await store.delete(["a1", "a2"]);
  await store.delete(["a1", "b2"]);
  await store.delete([]);
  await Array.fromAsync(store.list({ prefix: "a" }));
  assert.deepEqual(events.map(({ keyClass }) => keyClass), ["a", "mixed", undefined, undefined]);
});

Deno.test("keyClass() knows every key that Keys makes, whatever the prefix and the ids", () => {
  const id = fc.string({ unit: "grapheme", maxLength: 12 });
  const prefix = fc.constantFrom("", "cairn/", "a/n/b/", "v/w.x.r0/");
  const hash = fc.stringMatching(/^[0-9a-f]{64}$/);
  fc.assert(
    fc.property(prefix, id, id, id, id, hash, (prefix, thread, namespace, name, task, hash) => {
      const keys = new Keys(prefix);
      const place = { thread, namespace, id: `1${name}` };
      assert.equal(keyClass(keys.record(place)), "checkpoint");
      assert.equal(keyClass(writesKey(keys, place, task, "r0")), "writes");
      assert.equal(keyClass(writesKey(keys, place, task, "s12")), "writes");
      assert.equal(keyClass(keys.chunk(thread, hash)), "chunk");
      assert.equal(keyClass(`${keys.record(place)}x`), "other");
      assert.equal(keyClass(keys.thread(thread)), "other");
    }),
  );
});

/** Holds that nothing of a value says any of the marks, however it is nested or escaped. */
function assertClean(events: readonly StoreEvent[], marks: readonly string[]): void {
  const text = JSON.stringify(events);
  for (const mark of marks) {
    const hex = Array.from(new TextEncoder().encode(mark), (b) => b.toString(16).padStart(2, "0"));
    const base64 = btoa(mark).replace(/=+$/, "");
    for (const form of [mark, encodeURIComponent(mark), hex.join(""), base64]) {
      assert(!text.includes(form), `an event has ${form}: ${text}`);
    }
  }
}

const mark = fc.stringMatching(/^[A-Za-z0-9]{8,16}$/).map((text) => `MARK${text}`);

Deno.test("no event has a thread's id, a key, a piece of state or metadata in it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(mark, { minLength: 4, maxLength: 4 }),
      fc.array(fc.constantFrom("fail", "cut", "lose", "ok", "ok"), { maxLength: 30 }),
      async (marks, faults) => {
        const [thread, value, meta, prefix] = marks as [string, string, string, string];
        let number = 0;
        const plan: FaultPlan = ({ key, operation }) => {
          const kind = faults[number++];
          // An error that says all that it must not.
          const error = new UnavailableError(`${operation} of ${key} ${value}`, {
            key,
            code: `Code ${key}`,
            requestId: `id ${thread} ${key}`,
            cause: new Error(value),
          });
          return kind === "cut"
            ? { kind, after: 1, error }
            : kind === "fail" || kind === "lose"
            ? { kind, error }
            : undefined;
        };
        const { store, events } = watching(faultyStore(memoryStore(), plan), keyClass);
        const checkpointer = new S3Checkpointer(store, { prefix, inlineLimit: 100 });
        const state = { text: value.repeat(50), [value]: 1 };
        const ignore = () => {};
        await checkpointer.save(thread, state, { metadata: { meta } }).catch(ignore);
        await checkpointer.load(thread).catch(ignore);
        await Array.fromAsync(checkpointer.list({ thread })).catch(ignore);
        await checkpointer.delete(thread).catch(ignore);
        assert(events.length > 0);
        assertClean(events, marks);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("no event has a credential in it, nor what a hostile server says of one", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(mark, { minLength: 4, maxLength: 4 }), async (marks) => {
      const [accessKeyId, secretAccessKey, sessionToken, key] = marks as [
        string,
        string,
        string,
        string,
      ];
      const { store, events } = watching(edgeStore({
        bucket: "state",
        endpoint: "http://127.0.0.1:1",
        credentials: { accessKeyId, secretAccessKey, sessionToken },
        retry: { maxAttempts: 1 },
        fetch: (input, init) => {
          const sent = `${input} ${JSON.stringify([...new Headers(init?.headers)])}`;
          const body = `<Error><Code>No ${sent}</Code><Message>${sent}</Message></Error>`;
          return Promise.resolve(
            new Response(body, { status: 500, headers: { "x-amz-request-id": `for ${key}` } }),
          );
        },
      }));
      await assert.rejects(store.head(key));
      await assert.rejects(store.put(key, bytes));
      await store.presign(key, { method: "GET", expiresIn: 60 });
      await assert.rejects(Array.fromAsync(store.list({ prefix: key })));
      assert.equal(events.length, 4);
      assertClean(events, marks);
    }),
    { numRuns: 20 },
  );
});

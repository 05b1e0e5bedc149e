import assert from "node:assert/strict";
import fc from "fast-check";
import {
  AccessError,
  breaker,
  type BreakerOptions,
  type BreakerState,
  CorruptError,
  createPolicy,
  getBytes,
  InvalidInputError,
  memoryStore,
  NotFoundError,
  type ObjectStore,
  PreconditionFailedError,
  ThrottledError,
  TimeoutError,
  UnavailableError,
  UnsupportedError,
} from "@cairn/checkpoint";
import { countingStore, type Fault, faultyStore } from "@cairn/checkpoint/testing";
import { streamOf } from "../../src/store/body.ts";

const bytes = new Uint8Array(10);
const down: Fault = { kind: "fail" };

/** A breaker on a clock of its own over a store in memory, whose next calls may be given a fault. */
function timed(options: BreakerOptions = {}) {
  let time = 0;
  let fault: Fault | undefined;
  const counting = countingStore(memoryStore());
  const changes: string[] = [];
  const store = breaker(
    faultyStore(counting, () => fault),
    { onChange: (state, before) => changes.push(`${before} to ${state}`), ...options },
    { now: () => time },
  );
  return {
    store,
    counting,
    changes,
    pass: (milliseconds: number) => void (time += milliseconds),
    set: (next?: Fault) => void (fault = next),
    async open() {
      fault = down;
      while (store.state !== "open") await assert.rejects(store.head("key"), UnavailableError);
      fault = undefined;
      counting.reset();
    },
  };
}

function isRefusal(error: unknown): boolean {
  return error instanceof UnavailableError && error.code === "CircuitOpen";
}

Deno.test("breaker() opens at the threshold, rests, lets one call through, and closes", async () => {
  const { store, counting, changes, pass, set, open } = timed({ threshold: 3, rest: 1_000 });
  await store.put("key", bytes);
  set(down);
  for (let i = 0; i < 2; i++) await assert.rejects(store.head("key"), UnavailableError);
  assert.equal(store.state, "closed");
  set();
  await store.head("key");
  // What went before the success no longer counts.
  await open();
  assert.equal(store.state, "open");
  pass(400);
  await assert.rejects(store.head("key"), (error) => {
    assert(error instanceof UnavailableError && isRefusal(error));
    assert.equal(error.retryAfter, 600);
    assert.match(error.message, /memory: the circuit is open.*try again in 600 ms/);
    return true;
  });
  assert.equal(counting.requests, 0);
  pass(600);
  assert.equal(store.state, "open");
  await store.head("key");
  assert.equal(store.state, "closed");
  assert.deepEqual(changes, ["closed to open", "open to half-open", "half-open to closed"]);
});

Deno.test("breaker() opens again, for a whole rest, where the one call fails", async () => {
  const { store, pass, set, open } = timed({ threshold: 2, rest: 1_000 });
  await open();
  pass(1_000);
  set(down);
  await assert.rejects(store.head("key"), (error) => !isRefusal(error));
  set();
  pass(999);
  await assert.rejects(store.head("key"), isRefusal);
  pass(1);
  await assert.rejects(store.head("key"), NotFoundError);
  assert.equal(store.state, "closed"); // that there is no such object, the store itself says
});

Deno.test("breaker() counts trouble of the store, and nothing else", async () => {
  const trouble = [new UnavailableError("a"), new TimeoutError("b"), new ThrottledError("c")];
  const fine = [new NotFoundError("a"), new PreconditionFailedError("b")];
  const answered = [
    new AccessError("403", { status: 403 }),
    new InvalidInputError("4", { status: 400 }),
  ];
  const nothing = [
    new AccessError("no credentials"),
    new InvalidInputError("a key"),
    new CorruptError("bytes"),
    new UnsupportedError("no"),
    new Error("theirs"),
    "text",
    undefined,
  ];
  for (const error of trouble) {
    const { store, set } = timed({ threshold: 1 });
    set({ kind: "fail", error });
    await assert.rejects(store.head("key"));
    assert.equal(store.state, "open", String(error));
  }
  for (const [errors, left] of [[[...fine, ...answered], "closed"], [nothing, "open"]] as const) {
    for (const error of errors) {
      const { store, set } = timed({ threshold: 2 });
      set(down);
      await assert.rejects(store.head("key"));
      set({ kind: "fail", error });
      await store.head("key").then(() => assert.fail(), (thrown) => assert.equal(thrown, error));
      set(down);
      await assert.rejects(store.head("key"));
      // A sign of life ends the row of failures; what says nothing leaves it as it is.
      assert.equal(store.state, left, String(error));
    }
  }
});

Deno.test("breaker() refuses every operation while it is open, and sends nothing", async () => {
  const { store, counting, open } = timed({ threshold: 1 });
  await open();
  let cancelled: unknown;
  const stream = new ReadableStream<Uint8Array>({ cancel: (reason) => void (cancelled = reason) });
  const calls = [
    () => store.put("key", bytes),
    () => store.put("key", stream),
    () => store.get("key"),
    () => store.head("key"),
    () => Array.fromAsync(store.list()),
    () => store.delete(Array.from({ length: 2_500 }, (_, index) => `key-${index}`)),
    () => store.copy("key", "other"),
  ];
  for (const call of calls) await assert.rejects(call(), isRefusal);
  assert(isRefusal(cancelled), "the stream was not cancelled");
  assert.equal(counting.requests, 0);
  // These ask the store for nothing.
  await assert.rejects(store.presign("key", { method: "GET", expiresIn: 1 }), UnsupportedError);
  await store.delete([]);
  assert.equal(store.state, "open");
});

Deno.test("breaker() rejects with the signal's reason first", async () => {
  const { store, open } = timed({ threshold: 1 });
  await open();
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  await assert.rejects(store.head("key", { signal }), (error) => error === reason);
  await assert.rejects(store.put("key", bytes, { signal }), (error) => error === reason);
});

Deno.test("breaker() counts a body that breaks, and none that its reader cancels", async () => {
  const { store, pass, set, open } = timed({ threshold: 2, rest: 1_000 });
  await store.put("key", bytes);
  set({ kind: "cut", after: 4 });
  await assert.rejects(getBytes(store, "key"), UnavailableError);
  await (await store.get("key")).body.cancel();
  assert.equal(store.state, "closed");
  await assert.rejects(getBytes(store, "key"), UnavailableError);
  assert.equal(store.state, "open");

  pass(1_000);
  set();
  // Its headers alone say nothing of a body yet.
  const { body } = await store.get("key");
  assert.equal(store.state, "half-open");
  await assert.rejects(store.head("key"), isRefusal);
  await body.cancel();
  assert.equal(store.state, "half-open");
  assert.equal((await getBytes(store, "key")).bytes.length, 10);
  assert.equal(store.state, "closed");
  await open();
  pass(1_000);
  set({ kind: "cut", after: 4 });
  await assert.rejects(getBytes(store, "key"), (error) => !isRefusal(error));
  assert.equal(store.state, "open");
});

Deno.test("breaker() asks again with each page of a listing", async () => {
  const { store, set, pass } = timed({ threshold: 1, rest: 1_000 });
  for (let i = 0; i < 2_500; i++) await store.put(`key-${i}`, bytes);
  const pages = store.list()[Symbol.asyncIterator]();
  assert.equal((await pages.next()).value.objects.length, 1_000);
  set(down);
  await assert.rejects(store.head("key-1"), (error) => !isRefusal(error));
  set();
  await assert.rejects(pages.next(), isRefusal);

  pass(1_000);
  const again = store.list()[Symbol.asyncIterator]();
  await again.next();
  assert.equal(store.state, "closed");
  // A consumer that thinks between two pages holds no place.
  set(down);
  await assert.rejects(again.next(), (error) => !isRefusal(error));
  assert.equal(store.state, "open");
});

Deno.test("breaker() takes an end that was known without asking for no sign of life", async () => {
  const { store, open, pass } = timed({ threshold: 1, rest: 1_000 });
  await open();
  pass(1_000);
  assert.deepEqual(await Array.fromAsync(store.list({ limit: 0 })), []);
  assert.equal(store.state, "half-open");
});

Deno.test("breaker() takes a caller's stream that breaks for no trouble of the store", async () => {
  const { store } = timed({ threshold: 1 });
  const broken = new UnavailableError("another store's body broke");
  const stream = new ReadableStream<Uint8Array>({
    pull: () => Promise.reject(broken),
  }, { highWaterMark: 0 });
  await assert.rejects(store.put("key", stream), (error) => error === broken);
  assert.equal(store.state, "closed");
  await store.put("key", streamOf(bytes));
  assert.equal((await store.head("key")).size, 10);
});

Deno.test("breaker() gives the place of an aborted call to the next", async () => {
  const { store, set, pass, open } = timed({ threshold: 1, rest: 1_000 });
  await open();
  pass(1_000);
  set({ kind: "hang" });
  const controller = new AbortController();
  const hanging = store.head("key", { signal: controller.signal });
  await assert.rejects(store.head("key"), (error) => {
    assert(error instanceof UnavailableError && isRefusal(error));
    assert.equal(error.retryAfter, undefined);
    return /one call is under way/.test(error.message);
  });
  const reason = new UnavailableError("a sibling failed"); // as mapParallel aborts
  controller.abort(reason);
  await assert.rejects(hanging, (error) => error === reason);
  assert.equal(store.state, "half-open");
  set();
  await assert.rejects(store.head("key"), NotFoundError);
  assert.equal(store.state, "closed");
});

Deno.test("breaker() waits no longer than a rest for the one call to end", async () => {
  const { store, set, pass, open } = timed({ threshold: 1, rest: 1_000 });
  await open();
  await store.delete([]);
  pass(1_000);
  await store.put("key", bytes);
  await open();
  pass(1_000);
  const lost = await store.get("key"); // whoever has it neither reads nor cancels it
  pass(999);
  await assert.rejects(store.head("key"), isRefusal);
  pass(1);
  set(down);
  await assert.rejects(store.head("key"), (error) => !isRefusal(error));
  assert.equal(store.state, "open");
  // What the lost one comes to does not count any more.
  await new Response(lost.body).bytes();
  assert.equal(store.state, "open");
});

Deno.test("breaker() is not kept open by calls that fail late", async () => {
  const { store, set, pass } = timed({ threshold: 2, rest: 1_000 });
  set({ kind: "delay", milliseconds: 1 });
  const late = [1, 2].map(() => store.head("key"));
  set(down);
  for (let i = 0; i < 2; i++) await assert.rejects(store.head("key"));
  pass(500);
  assert.equal(store.state, "open");
  for (const call of late) await assert.rejects(call, NotFoundError);
  assert.equal(store.state, "open");
});

Deno.test("a policy around breaker() sends nothing before the rest is over", async () => {
  const { store, counting, pass, open } = timed({ threshold: 1, rest: 5_000 });
  await store.put("key", bytes);
  await open();
  const waits: number[] = [];
  const policy = createPolicy({}, {
    random: () => 0,
    sleep: (milliseconds) => {
      waits.push(milliseconds);
      assert.equal(counting.requests, 0);
      pass(milliseconds);
      return Promise.resolve();
    },
  });
  assert.equal((await policy.run(() => store.head("key"))).size, 10);
  assert.deepEqual(waits, [5_000]);
  assert.equal(counting.requests, 1);
  // And one that has no time for that gives up at once.
  await open();
  const hasty = createPolicy({ timeout: 1_000 });
  await assert.rejects(hasty.run(() => store.head("key")), isRefusal);
});

Deno.test("breaker() is not harmed by a listener that throws", async () => {
  const { store, open } = timed({
    threshold: 1,
    onChange: () => {
      throw new Error("listener");
    },
  });
  await open();
  await assert.rejects(store.head("key"), isRefusal);
});

Deno.test("breaker() refuses options that cannot be, and quotes them", () => {
  const wrong = [
    { threshold: 0 },
    { threshold: -1 },
    { threshold: 1.5 },
    { rest: -1 },
    { rest: 0 },
    { rest: NaN },
    { rest: Infinity },
    { onChange: "log" as unknown as () => void },
  ];
  for (const options of wrong) {
    const [name, value] = Object.entries(options)[0]!;
    assert.throws(() => breaker(memoryStore(), options), (error) => {
      assert(error instanceof InvalidInputError);
      assert(error.message.includes(name), error.message);
      assert(error.message.includes(String(value)), error.message);
      return true;
    });
  }
});

/** The breaker again, as a table: what it must do, written down in another way. */
class Model {
  phase: BreakerState = "closed";
  row = 0;
  restEnds = 0;
  probe: { readonly takenAt: number } | undefined;
  constructor(readonly threshold: number, readonly rest: number) {}

  /** The ticket of a call that goes through; `undefined` where it is refused. */
  start(now: number): object | undefined {
    if (this.phase === "closed") return this.#ticket;
    const free = this.phase === "open"
      ? now >= this.restEnds
      : this.probe === undefined || now >= this.probe.takenAt + this.rest;
    if (!free) return undefined;
    this.phase = "half-open";
    return this.probe = { takenAt: now };
  }

  #ticket: object = {};

  finish(ticket: object, outcome: "well" | "ill" | "none", now: number): void {
    if (this.phase === "closed" && ticket === this.#ticket) {
      if (outcome === "well") this.row = 0;
      if (outcome === "ill" && ++this.row === this.threshold) this.#open(now);
    } else if (this.phase === "half-open" && ticket === this.probe) {
      this.probe = undefined;
      if (outcome === "ill") this.#open(now);
      if (outcome === "well") {
        this.phase = "closed";
        this.row = 0;
        this.#ticket = {};
      }
    }
  }

  #open(now: number): void {
    this.phase = "open";
    this.restEnds = now + this.rest;
  }
}

type Step =
  | { readonly do: "start" }
  | { readonly do: "finish"; readonly which: number; readonly as: "well" | "ill" | "none" }
  | { readonly do: "wait"; readonly milliseconds: number };

Deno.test("breaker() does as its model in any order of calls, outcomes and times", async () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("start" as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("finish" as const),
        which: fc.nat(20),
        as: fc.constantFrom("well", "ill", "ill", "none"),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("wait" as const),
        milliseconds: fc.constantFrom(1, 50, 99, 100, 150),
      }),
    },
  );
  const reached = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.array(step, { minLength: 20, maxLength: 60 }),
      async (threshold, steps) => {
        const rest = 100;
        let time = 0;
        const open: {
          settle: PromiseWithResolvers<never>;
          call: Promise<unknown>;
          ticket: object;
        }[] = [];
        let asked: PromiseWithResolvers<never> | undefined;
        const slow: ObjectStore = {
          ...memoryStore(),
          head: () => (asked = Promise.withResolvers<never>()).promise,
        };
        const store = breaker(slow, { threshold, rest }, { now: () => time });
        const model = new Model(threshold, rest);
        for (const one of steps) {
          if (one.do === "wait") time += one.milliseconds;
          else if (one.do === "start") {
            asked = undefined;
            const ticket = model.start(time);
            const call = store.head("key").catch((error) => error);
            assert.equal(asked !== undefined, ticket !== undefined, `${model.phase} at ${time}`);
            if (asked && ticket) open.push({ settle: asked, call, ticket });
            else assert(isRefusal(await call));
          } else if (open.length > 0) {
            const [{ settle, call, ticket }] = open.splice(one.which % open.length, 1) as [
              typeof open[number],
            ];
            if (one.as === "well") settle.resolve(undefined as never);
            else settle.reject(one.as === "ill" ? new TimeoutError("late") : new Error("theirs"));
            await call;
            model.finish(ticket, one.as, time);
          }
          assert.equal(store.state, model.phase);
          reached.add(store.state);
        }
      },
    ),
    { numRuns: 300 },
  );
  assert.deepEqual([...reached].sort(), ["closed", "half-open", "open"]);
});

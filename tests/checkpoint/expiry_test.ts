import {
  expireAfter,
  InvalidInputError,
  lifecycleDays,
  memoryStore,
  type ObjectStore,
  S3Checkpointer,
  type S3CheckpointerOptions,
} from "@cairn/checkpoint";
import { countingStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import fc from "fast-check";
import { CheckpointLog } from "../../src/checkpoint/log.ts";
import { chunksOf, valuesOf } from "../../src/checkpoint/record.ts";
import { copyObjects } from "../../src/checkpoint/copies.ts";
import { Clock, DAY, expiringStore, HOUR } from "./_expiring_store.ts";
import { altered, keysOf } from "./_stores.ts";
import { OUTAGE, processOn, someTrouble } from "./_trouble.ts";

const ttl = expireAfter({ days: 30 });
const large = (of: string) => `${of} `.repeat(10_000);

/** A store on a clock, and processes on it. */
function world(days = lifecycleDays(ttl)) {
  const clock = new Clock();
  const { store } = expiringStore(clock, days);
  const start = (options: S3CheckpointerOptions = { ttl }, off = 0, on: ObjectStore = store) =>
    new S3Checkpointer<unknown>(on, { compression: "none", ...options }, clock.off(off));
  return { clock, store, start, reader: () => start({}) };
}

Deno.test("expireAfter() takes whole days from one on, and says what the rule has to be", () => {
  assert.deepEqual([1, 2, 4, 5, 30, 365].map((days) => lifecycleDays({ days })), [
    2,
    3,
    5,
    7,
    38,
    457,
  ]);
  assert.equal(lifecycleDays(expireAfter({ days: 30, refreshDays: 1 })), 31);
  const bad = [0, -1, 1.5, NaN, Infinity, 36_501, "30" as never, undefined as never];
  for (const days of bad) assert.throws(() => expireAfter({ days }), InvalidInputError);
  for (const refreshDays of [0, 0.5, -1, 36_501]) {
    assert.throws(
      () => lifecycleDays({ days: 30, refreshDays }),
      (error) =>
        error instanceof InvalidInputError && error.message.includes(`refreshDays: current`),
    );
  }
});

Deno.test("A checkpoint ends when its days are over, for every reader and every way to read", async () => {
  const { clock, start, reader } = world();
  const writer = start();
  const started = clock.now;
  const { id } = await writer.save("t", { step: 1, text: large("a") });
  for (const [moment, isThere] of [[30 * DAY - HOUR, true], [30 * DAY + HOUR, false]] as const) {
    clock.now = started + moment;
    for (const checkpointer of [writer, reader()]) {
      const found = [
        await checkpointer.load("t"),
        await checkpointer.load("t", { id }),
        (await Array.fromAsync(checkpointer.list({ thread: "t" })))[0],
        (await Array.fromAsync(checkpointer.list()))[0],
      ];
      assert.deepEqual(found.map((one) => one !== undefined), [isThere, isThere, isThere, isThere]);
    }
  }
});

Deno.test("A checkpoint without a time to live has no end", async () => {
  const { clock, reader } = world(100_000);
  await reader().save("t", { step: 1 });
  clock.now += 50 * 365 * DAY;
  assert.deepEqual((await reader().load("t"))?.state, { step: 1 });
});

Deno.test("A checkpoint with an older id that was saved later outlives the newest", async () => {
  const { clock, start, reader } = world();
  await start().save("t", "newest by its id", { id: "9" });
  clock.now += 20 * DAY;
  await start().save("t", "saved last", { id: "1" });
  assert.equal((await reader().load("t"))?.id, "9");
  clock.now += 15 * DAY;
  assert.equal((await reader().load("t"))?.id, "1");
  const listed = await Array.fromAsync(reader().list({ thread: "t", limit: 1 }));
  assert.deepEqual(listed.map(({ id }) => id), ["1"]);
  clock.now += 15 * DAY;
  assert.equal(await reader().load("t"), undefined);
});

Deno.test("load() of a thread that is over reads one record of thousands", async () => {
  const clock = new Clock();
  const store = countingStore(memoryStore(clock.off()));
  const writer = new S3Checkpointer(store, { ttl }, clock.off());
  for (let step = 0; step < 3_000; step++) {
    clock.now += 1_000;
    await writer.save("t", { step });
  }
  clock.now += 31 * DAY;
  const reader = new S3Checkpointer(store, { cacheBytes: 0 }, clock.off());
  store.reset();
  assert.equal(await reader.load("t"), undefined);
  assert.deepEqual([store.counts.get, store.counts.list], [1, 5]);
});

Deno.test("list() with a limit reads no more than that, and goes on where some are over", async () => {
  const clock = new Clock();
  const store = countingStore(memoryStore(clock.off()));
  const writer = new S3Checkpointer(store, { ttl }, clock.off());
  for (let step = 9; step > 0; step--) {
    await writer.save("t", { step }, { id: `${step}`, parent: null });
    clock.now += 4 * DAY;
  }
  // The ids 9 and 8, the first of the listing, were saved first.
  const read = async () => {
    store.reset();
    const reader = new S3Checkpointer(store, {}, clock.off());
    const listed = await Array.fromAsync(reader.list({ thread: "t", namespace: "", limit: 3 }));
    return { ids: listed.map(({ id }) => id), gets: store.counts.get };
  };
  assert.deepEqual(await read(), { ids: ["7", "6", "5"], gets: 5 });
  clock.now -= 10 * DAY;
  assert.deepEqual(await read(), { ids: ["9", "8", "7"], gets: 3 });
});

Deno.test("A large value that does not change is sent again once its chunks are old, and not before", async () => {
  const clock = new Clock();
  const store = countingStore(memoryStore(clock.off()));
  const writer = new S3Checkpointer(store, { ttl }, clock.off());
  const save = async (step: number) => {
    store.reset();
    await writer.save("t", { step, text: large("a") });
    return { put: store.counts.put, get: store.counts.get, list: store.counts.list };
  };
  const chunks = Math.ceil(large("a").length / (64 * 1024));
  const alone = { put: 1, get: 0, list: 0 };
  assert.deepEqual(await save(0), { ...alone, put: 1 + chunks });
  const sent: number[] = [];
  for (let day = 1; day <= 60; day++) {
    clock.now += DAY;
    const cost = await save(day);
    if (cost.put > 1) sent.push(day);
    assert.deepEqual(cost, sent.at(-1) === day ? { ...alone, put: 1 + chunks } : alone);
  }
  // Past seven days and a half of eight.
  assert.deepEqual(sent, [8, 16, 24, 32, 40, 48, 56]);
});

Deno.test("What was stored before there was a time to live is sent again with the first save", async () => {
  const { clock, store, start, reader } = world();
  await reader().save("t", { text: large("a"), step: 1 });
  clock.now += 37 * DAY;
  assert((await keysOf(store, "cairn/t/v/")).length > 0, "the rule has not fired yet");
  const writer = start();
  await writer.load("t");
  await writer.save("t", { text: large("a"), step: 2 });
  clock.now += 29 * DAY;
  assert.deepEqual((await reader().load("t"))?.state, { text: large("a"), step: 2 });
});

Deno.test("Two clocks may each be wrong by six hours, whichever way", async () => {
  const wrong = [-6 * HOUR, 0, 6 * HOUR];
  const all = wrong.flatMap((first) =>
    wrong.flatMap((second) => wrong.map((reader) => [first, second, reader] as const))
  );
  for (const [first, second, reader] of all) {
    // Around the moment from which on the chunks are sent again.
    for (let hours = 176; hours <= 194; hours += 0.5) {
      const { clock, start } = world();
      const started = clock.now;
      const text = large("a");
      await start({ ttl }, first).save("t", { text, step: 1 }, { id: "1" });
      clock.now = started + hours * HOUR;
      const writer = start({ ttl }, second);
      await writer.load("t", { id: "1" });
      await writer.save("t", { text, step: 2 }, { id: "2" });
      // The last that this reader sees of it.
      clock.now = started + hours * HOUR + second - reader + 30 * DAY - HOUR / 6;
      const found = await start({}, reader).load("t");
      assert.deepEqual(found?.state, { text, step: 2 }, `${[first, second, reader, hours]}`);
    }
  }
});

Deno.test("A copy ends when its original does, and a rule that fires meanwhile stops no copy", async () => {
  const clock = new Clock();
  const inner = memoryStore(clock.off());
  const writer = new S3Checkpointer(inner, { ttl }, clock.off());
  await writer.save("t", { text: large("old") }, { id: "1" });
  clock.now += 31 * DAY;
  await writer.save("t", { text: large("new") }, { id: "2", parent: null });
  let copies = 0;
  const store = altered(inner, {
    async copy(from, to, options) {
      // What is over goes one by one, while the copy is under way.
      if (copies++ === 0) {
        for (const page of await Array.fromAsync(inner.list({ prefix: "cairn/t/" }))) {
          for (const { key, lastModified } of page.objects) {
            if (lastModified.getTime() < clock.now - 30 * DAY) await inner.delete([key]);
          }
        }
      }
      return await inner.copy(from, to, options);
    },
  });
  await copyObjects(new CheckpointLog(store, {}, clock.off()), "t", "copy");
  assert(copies > 2, "it went on");
  const reader = new S3Checkpointer(inner, {}, clock.off());
  assert.deepEqual((await reader.load("copy"))?.state, { text: large("new") });
  assert.equal(await reader.load("copy", { id: "1" }), undefined);
  clock.now += 30 * DAY;
  assert.equal(await reader.load("copy"), undefined);
});

/** A life of one thread in two processes. */
const life = fc.record({
  seed: fc.nat(),
  off: fc.tuple(fc.constantFrom(0, -5, 5), fc.constantFrom(0, -5, 5)),
  cacheBytes: fc.constantFrom(0, 16 * 1024 * 1024),
  steps: fc.array(
    fc.record({
      process: fc.nat(1),
      /** Which fields get a new value. */
      changes: fc.subarray(["a", "b"]),
      hours: fc.constantFrom(1, 100, 178, 197, 178, 22 * 24, 30 * 24 - 13, 30 * 24 + 13, 400 * 24),
      /** Whether it goes on from the first that can be seen, and not from its own last. */
      fork: fc.boolean(),
      trouble: fc.option(someTrouble(5), { freq: 6 }),
      restarts: fc.boolean(),
    }),
    { minLength: 2, maxLength: 24, size: "max" },
  ),
});

type State = Record<string, string>;

/**
 * Whatever the rule may remove from now on, by its days: a record that is not
 * over goes after its end, by the slowest clock, and its chunks no sooner.
 */
async function checkLives(log: CheckpointLog, now: number, days: number): Promise<void> {
  const due = new Map<string, number>();
  for await (const { objects } of log.objects.store.list({ prefix: "cairn/" })) {
    for (const { key, lastModified } of objects) due.set(key, +lastModified + days * DAY);
  }
  for await (const group of log.groups("t", "")) {
    const record = await log.recordOf(group, { ended: true });
    if (record === undefined || record.life![2] + 6 * HOUR <= now) continue;
    const chunks = valuesOf(record).flatMap((value) => [...chunksOf(value)]);
    for (const key of [group.record!.key, ...chunks.map(({ hash }) => log.keys.chunk("t", hash))]) {
      const left = due.get(key);
      assert(left !== undefined, `A chunk is gone: ${key}`);
      assert(left >= record.life![2] + 6 * HOUR, `${key} may be removed too early`);
    }
  }
}

async function live(
  { seed, off, cacheBytes, steps }: typeof life extends fc.Arbitrary<infer T> ? T : never,
  ttl: ReturnType<typeof expireAfter>,
  days: number,
): Promise<number> {
  const clock = new Clock();
  const { store, removed } = expiringStore(clock, days, seed);
  const begin = (at: number) => {
    const on = processOn(store);
    const options = { ttl, cacheBytes, inlineLimit: 100, compression: "none" } as const;
    const components = clock.off(off[at]! * HOUR);
    return { on, checkpointer: new S3Checkpointer<State>(on.store, options, components) };
  };
  const processes = [begin(0), begin(1)];
  const log = new CheckpointLog(store, {}, clock.off());
  const saved = new Map<string, { state: State; ends: number }>();
  let state: State = { a: "a ".repeat(100), b: "b ".repeat(100) };
  for (const [at, { process, changes, hours, fork, trouble, restarts }] of steps.entries()) {
    if (restarts) processes[process] = begin(process);
    const { on, checkpointer } = processes[process]!;
    state = { ...state };
    for (const name of changes) state[name] = `${name} ${at} `.repeat(60);
    const [first] = (await Array.fromAsync(checkpointer.list({ thread: "t" }))).reverse();
    const id = String(at).padStart(3, "0");
    const ends = clock.now + ttl.days * DAY;
    if (trouble !== null) on.arm(trouble, () => {});
    try {
      const parent = fork && first !== undefined ? { parent: first.id } : {};
      await checkpointer.save("t", state, { id, ...parent });
      saved.set(id, { state, ends });
    } catch (error) {
      assert(error === OUTAGE, `${(error as Error).stack}`);
      // Nobody knows whether it was done; those who read from now on see it, or do not.
      const key = log.keys.record({ thread: "t", namespace: "", id });
      if ((await keysOf(store, key)).length > 0) saved.set(id, { state, ends });
    }
    if (on.disarm() && trouble?.end === "dead") processes[process] = begin(process);
    await checkLives(log, clock.now, days);
    clock.now += hours * HOUR;
    const fresh = new S3Checkpointer(store, { cacheBytes }, clock.off());
    for (const reader of [fresh, processes[at % 2]!.checkpointer]) {
      const seen = new Set<string>();
      for await (const { id } of reader.list({ thread: "t" })) {
        const found = await reader.load("t", { id });
        // It may end between the two.
        if (found !== undefined) assert.deepEqual(found.state, saved.get(id)?.state);
        seen.add(id);
      }
      for (const [id, { ends }] of saved) {
        if (ends - 12 * HOUR > clock.now) assert(seen.has(id), `${id} is gone`);
        if (ends + 12 * HOUR < clock.now) assert(!seen.has(id), `${id} has not ended`);
      }
    }
  }
  return removed();
}

Deno.test("S3Checkpointer with a time to live: whatever can be seen can be read, through any life, whenever the rule fires", async () => {
  let removed = 0;
  const property = fc.asyncProperty(life, async (one) => {
    removed += await live(one, ttl, lifecycleDays(ttl));
  });
  await fc.assert(property, { numRuns: 300, seed: 20_260_202 });
  assert(removed > 2_000, `the rule removed no more than ${removed} objects`);
});

Deno.test("The simulation finds what is torn where no chunk is sent again, or the rule is of the days alone", async () => {
  const never = expireAfter({ days: 30, refreshDays: 36_500 });
  for (const [wrong, days] of [[never, lifecycleDays(ttl)], [ttl, 30]] as const) {
    const property = fc.asyncProperty(life, async (one) => void await live(one, wrong, days));
    const options = { numRuns: 300, seed: 20_260_202, endOnFailure: true };
    const { failed, errorInstance } = await fc.check(property, options);
    assert(failed, "nothing was torn");
    assert.match(`${errorInstance}`, /A chunk is gone|may be removed too early/);
  }
});

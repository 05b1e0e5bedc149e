import assert from "node:assert/strict";
import {
  CorruptError,
  expireAfter,
  InvalidInputError,
  lifecycleDays,
  memoryStore,
  type ObjectStore,
  renewThread,
} from "@cairn/checkpoint";
import { S3Saver, type S3SaverOptions } from "@cairn/checkpoint/langgraph";
import { countingStore } from "@cairn/checkpoint/testing";
import { Clock, DAY, expiringStore, HOUR } from "../checkpoint/_expiring_store.ts";
import { altered } from "../checkpoint/_stores.ts";
import { all, at, checkpoint, ids, metadata, valuesOf, writesOf } from "./_case.ts";

const ttl = expireAfter({ days: 30 });

/** A text that is a chunk of its own. */
const large = (of: string) => `${of} `.repeat(5_000);

/** A bucket whose rule fires as soon as it may, and savers on it. */
function world(options: Partial<S3SaverOptions> = {}) {
  const clock = new Clock();
  const store = countingStore(expiringStore(clock, lifecycleDays(ttl)).store);
  const start = (on: ObjectStore = store) =>
    new S3Saver({ store: on, ttl, compression: "none", ...options }, clock.off());
  const reader = () => new S3Saver({ store, compression: "none" }, clock.off());
  const countsOf = async (work: () => Promise<unknown>) => {
    store.reset();
    await work();
    const { put, get, list, head } = store.counts;
    return { put, get, list, head };
  };
  return { clock, store, start, reader, countsOf };
}

const idOf = (number: number) => String(number).padStart(2, "00");

/** A step of a thread with a delta channel, which is stored whole at number 0 alone; each takes a large write. */
async function step(saver: S3Saver, number: number, parent = number - 1): Promise<void> {
  const values = number === 0 ? { log: [large("log")] } : {};
  const counters = number === 0
    ? {}
    : { counters_since_delta_snapshot: { log: [number, number] as [number, number] } };
  await saver.put(
    at("t", number === 0 ? undefined : idOf(parent)),
    checkpoint(idOf(number), { step: number, ...values }, { step: number + 1, log: number + 1 }),
    metadata(counters),
    { step: number + 1, log: number + 1 },
  );
  await saver.putWrites(at("t", idOf(number)), [["log", large(`write ${number}`)]], "task", "p");
}

const historyOf = (saver: S3Saver, id?: string, channels = ["log"]) =>
  saver.getDeltaChannelHistory({ config: at("t", id), channels });

const history = (upTo: number) => ({
  log: {
    seed: [large("log")],
    writes: Array.from({ length: upTo }, (_, of) => ["task", "log", large(`write ${of}`)]),
  },
});

Deno.test("S3Saver: a checkpoint that is over is gone for getTuple(), list(), history and prune()", async () => {
  const { clock, store, start, reader } = world();
  const saver = start();
  await step(saver, 0);
  await step(saver, 1);
  clock.now += 31 * DAY;
  for (const each of [saver, reader()]) {
    assert.equal(await each.getTuple(at("t")), undefined);
    assert.equal(await each.getTuple(at("t", "01")), undefined);
    assert.deepEqual(await ids(each.list(at("t"))), []);
    for (const id of [undefined, "01"]) {
      assert.deepEqual(await historyOf(each, id), { log: { writes: [] } });
    }
  }
  await saver.prune(["t"], { grace: 0 });
  const pages = await Array.fromAsync(store.list({ prefix: "cairn/t/" }));
  assert.deepEqual(pages.flatMap(({ objects }) => objects), []);
});

Deno.test("S3Saver: a delta channel's ancestors that are over are there for those that need them, and for nobody else", async () => {
  const { clock, start, reader } = world();
  for (let number = 0; number < 40; number++) {
    await step(start(), number);
    clock.now += 2 * DAY;
  }
  const listed = await all(reader().list(at("t")));
  assert.equal(listed.length, 14);
  for (const { checkpoint: { id } } of listed) {
    assert.deepEqual(await historyOf(reader(), id), history(Number(id)));
  }
  // Of a channel that is not rebuilt from ancestors, what is over tells nothing.
  const { log, other } = await historyOf(reader(), "39", ["log", "other"]);
  assert.deepEqual({ log }, history(39));
  assert.deepEqual(other, { writes: [] });
});

Deno.test("S3Saver: history of a channel that stands in no counter stops at what is over", async () => {
  const { clock, start, reader } = world();
  const saver = start();
  const put = (id: string, parent?: string) =>
    saver.put(at("t", parent), checkpoint(id, { a: 1 }, { a: 1 }), metadata(), { a: 1 });
  await put("01");
  await saver.putWrites(at("t", "01"), [["free", large("over")]], "task");
  clock.now += 20 * DAY;
  await put("02", "01");
  await saver.putWrites(at("t", "02"), [["free", large("young")]], "task");
  await put("03", "02");
  const free = () => historyOf(reader(), "03", ["free"]);
  const writes = [["task", "free", large("over")], ["task", "free", large("young")]];
  assert.deepEqual(await free(), { free: { writes } });
  // It is over from here on; first all of it is stored still, then the chunk has gone and the record has not.
  clock.now += 11 * DAY;
  assert.deepEqual(await free(), { free: { writes: writes.slice(1) } });
});

Deno.test("S3Saver: what a refresh costs is counted: a chain of ten, with a chunk and a write each", async () => {
  const { clock, start, countsOf } = world();
  const saver = start();
  for (let number = 0; number < 10; number++) await step(saver, number);
  clock.now += 7 * DAY;
  // In time there is nothing to do: one PUT for the record, two for the write with its chunk.
  assert.deepEqual(await countsOf(() => step(saver, 10)), { put: 3, get: 0, list: 0, head: 0 });
  clock.now += 1 * DAY;
  const objects = 11 * 3 + 1; // eleven records, writes and their chunks, and the stored value's chunk
  assert.deepEqual(await countsOf(() => step(saver, 11)), {
    put: objects + 3,
    get: objects + 1, // and the parent's record, first: after a day it may be gone
    list: 1,
    head: 0,
  });
  assert.deepEqual(await countsOf(() => step(saver, 12)), { put: 3, get: 0, list: 0, head: 0 });
  clock.now += 7 * DAY;
  assert.deepEqual(await countsOf(() => step(saver, 13)), { put: 3, get: 0, list: 0, head: 0 });
});

Deno.test("S3Saver: an interrupted thread that is answered on its last day goes on whole, also after the day is over", async () => {
  for (const late of [-HOUR, 5 * HOUR]) {
    const { clock, start, reader } = world();
    const first = start();
    await step(first, 0);
    await step(first, 1);
    await first.putWrites(at("t", "01"), [["__interrupt__", "sure?"]], "asks");
    clock.now += 30 * DAY - HOUR;
    const second = start();
    assert.deepEqual((await writesOf(second, at("t")))[0], ["__interrupt__", "sure?"]);
    clock.now += HOUR + late;
    await second.putWrites(at("t", "01"), [["__resume__", "yes"]], "asks");
    await step(second, 2);
    clock.now += 30 * DAY - HOUR;
    assert.deepEqual(await ids(reader().list(at("t"))), late < 0 ? ["02", "01"] : ["02"]);
    assert.deepEqual(await historyOf(reader()), history(2));
  }
});

Deno.test("S3Saver: writes keep the checkpoint that takes them, with all it needs; those of its tasks at once do it once", async () => {
  const { clock, start, reader, countsOf } = world();
  const saver = start();
  for (let number = 0; number < 3; number++) await step(saver, number);
  clock.now += 20 * DAY;
  const write = (task: string) => saver.putWrites(at("t", "02"), [["a", 1]], task);
  const cost = await countsOf(() => Promise.all(["a", "b", "c"].map(write)));
  // Three records with a write and its chunk each, and the chunk of the value: 10 objects, and 3 new ones.
  assert.deepEqual(cost, { put: 10 + 3, get: 9, list: 2, head: 0 });
  clock.now += 25 * DAY;
  assert.deepEqual(await ids(reader().list(at("t"))), ["02"]);
  assert.deepEqual(await historyOf(reader()), history(2));
  assert.deepEqual(await writesOf(reader(), at("t")), [["a", 1], ["a", 1], ["a", 1], [
    "log",
    large("write 2"),
  ]]);
  // One that has ended takes writes, and is not brought back.
  clock.now += 6 * DAY;
  await write("d");
  assert.equal(await reader().getTuple(at("t")), undefined);
});

Deno.test("S3Saver: a checkpoint that is being put is not asked for by its writes", async () => {
  const { start, countsOf } = world({ cacheBytes: 0 });
  const saver = start();
  const put = () => saver.put(at("t"), checkpoint("01"), metadata(), {});
  const write = () => saver.putWrites(at("t", "01"), [["a", 1]], "task");
  const both = await countsOf(() => Promise.all([put(), write()]));
  assert.deepEqual(both, { put: 2, get: 0, list: 0, head: 0 });
});

Deno.test("S3Saver refuses to go on from what is over and in pieces, where the new checkpoint would be in pieces, too", async () => {
  const { clock, start, reader } = world();
  const saver = start();
  await step(saver, 0);
  clock.now += 7 * DAY;
  await step(saver, 1);
  // The first has gone by now, and nobody sees the second any longer.
  clock.now += 31 * DAY + HOUR;
  await assert.rejects(step(saver, 2), (error) => {
    assert(error instanceof CorruptError);
    assert.match(
      error.message,
      /go on from the checkpoint "01" of thread "t": it ended at 2026-02-07T/,
    );
    return true;
  });
  assert.equal(await reader().getTuple(at("t")), undefined);
  // All values at hand, it goes on.
  const whole = checkpoint("03", { step: 3, log: ["whole"] }, { step: 4, log: 4 });
  await saver.put(at("t", "01"), whole, metadata(), {});
  assert.deepEqual(await valuesOf(reader(), at("t")), { step: 3, log: ["whole"] });
});

Deno.test("S3Saver: a checkpoint whose parent comes later, or never, is not taken for young", async () => {
  const { clock, start, reader } = world();
  const saver = start();
  await step(saver, 0);
  clock.now += 7 * DAY;
  const late = start();
  await step(late, 2, 1);
  await step(saver, 1, 0);
  // Two goes on from one, which depends on what is seven days old: three stores that again, as it may not be asked later.
  clock.now += 2 * DAY;
  await step(late, 3);
  clock.now += 29 * DAY;
  assert.deepEqual(await historyOf(reader()), history(3));
});

Deno.test("S3Saver: writes do not keep a checkpoint whose ancestors are not all there", async () => {
  const { clock, start, reader } = world();
  const saver = start();
  await step(saver, 2, 1);
  clock.now += 20 * DAY;
  await saver.putWrites(at("t", "02"), [["a", 1]], "late");
  clock.now += 9 * DAY;
  assert.deepEqual(await ids(reader().list(at("t"))), ["02"]);
  clock.now += 2 * DAY;
  assert.deepEqual(await ids(reader().list(at("t"))), []);
});

Deno.test("S3Saver: what is deleted while it is stored again stays deleted; what is written meanwhile is kept", async () => {
  const clock = new Clock();
  const inner = memoryStore(clock.off());
  const saver = (store: ObjectStore) => new S3Saver({ store, ttl }, clock.off());
  const other = saver(inner);
  for (let number = 0; number < 3; number++) await step(other, number);
  clock.now += 10 * DAY;
  let meanwhile: ((key: string) => Promise<unknown>) | undefined;
  const busy = altered(inner, {
    async get(key, options) {
      const found = await inner.get(key, options);
      await meanwhile?.(key);
      return found;
    },
  });
  const slow = saver(busy);
  await slow.getTuple(at("t"));
  await historyOf(slow);

  // An answer that another process gives while this one stores the question again.
  const question = () => other.putWrites(at("t", "00"), [["__resume__", large("second")]], "asks");
  await other.putWrites(at("t", "00"), [["__resume__", large("first")]], "asks");
  let reads = 0;
  meanwhile = async (key) => {
    // The first time it is read for what it says, the second time to be stored again.
    if (!key.includes("/w.asks.") || reads++ === 0) return;
    meanwhile = undefined;
    await question();
  };
  await step(slow, 3);
  assert.equal(meanwhile, undefined, "it was written meanwhile");
  assert.deepEqual((await writesOf(saver(inner), at("t", "00")))[0], [
    "__resume__",
    large("second"),
  ]);

  clock.now += 10 * DAY;
  meanwhile = async (key) => {
    if (!key.includes("/v/")) return;
    meanwhile = undefined;
    await other.deleteThread("t");
  };
  await step(slow, 4);
  assert.equal(meanwhile, undefined, "it was deleted meanwhile");
  const pages = await Array.fromAsync(inner.list({ prefix: "cairn/t/" }));
  const left = pages.flatMap(({ objects }) => objects.map(({ key }) => key));
  assert(left.length <= 3, `only the new checkpoint and its write are there: ${left.length}`);
});

Deno.test("renewThread() gives a thread of before the time to live, and one of its last day, a whole life", async () => {
  for (const before of [true, false]) {
    const { clock, start, reader } = world();
    const first = before ? reader() : start();
    await step(first, 0);
    clock.now += 10 * DAY;
    await step(first, 1);
    await step(first, 2);
    clock.now += 27 * DAY + 20 * HOUR;
    // What is over is not brought back; what another depends on is stored again.
    const expected = before ? ["02", "01", "00"] : ["02", "01"];
    assert.deepEqual(await renewThread(start(), "t"), { renewed: expected.length, torn: 0 });
    clock.now += 29 * DAY + 20 * HOUR;
    assert.deepEqual(await ids(reader().list(at("t"))), expected);
    assert.deepEqual(await historyOf(reader()), history(2));
    clock.now += DAY;
    assert.equal(await reader().getTuple(at("t")), undefined);
  }
});

Deno.test("renewThread() leaves what is torn already, and refuses where there is no time to live", async () => {
  const { clock, start, reader, store } = world();
  const put = (saver: S3Saver, id: string, parent?: string) =>
    saver.put(at("t", parent), checkpoint(id, { a: large(`text ${id}`) }, { a: 1 }), metadata(), {
      a: 1,
    });
  await put(reader(), "01");
  await put(reader(), "02", "01");
  const [chunk] = (await Array.fromAsync(store.list({ prefix: "cairn/t/v/" })))[0]!.objects;
  await store.delete([chunk!.key]);
  assert.deepEqual(await renewThread(start(), "t"), { renewed: 1, torn: 1 });
  clock.now += 31 * DAY;
  // The torn one has no end, as it had none before.
  assert.equal((await ids(reader().list(at("t"))).catch(() => ["torn"])).length, 1);
  await assert.rejects(renewThread(reader(), "t"), InvalidInputError);
});

import { cached, memoryStore, type ObjectStore, observed, withReplica } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { countingStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { altered, noise } from "../checkpoint/_stores.ts";
import { toHex } from "../../src/store/hex.ts";
import { configOf } from "./_contest.ts";
import { checkpointOf, idOf, metadataOf, THREAD } from "./_threads.ts";
import { waveStore } from "./_waves.ts";

const latest = configOf(THREAD, "");

/** A saver without bounds: only what waits for an answer is in a row. */
function saverOn(store: ObjectStore): S3Saver {
  return new S3Saver({ store, compression: "none", maxOpenRequests: 10_000 });
}

let seed = 1;
/** A text of so many bytes that repeats neither itself nor another one. */
function text(bytes: number): string {
  return toHex(noise(bytes / 2, seed++));
}

/** A thread of so many checkpoints, each with what `of` says that it has. */
async function threadOf(
  count: number,
  of: (number: number) => {
    values?: Record<string, unknown>;
    metadata?: Record<string, unknown>;
    writes?: number;
  },
): Promise<ObjectStore> {
  const store = memoryStore();
  const saver = new S3Saver({ store, compression: "none" });
  for (let number = 0; number < count; number++) {
    const { values, metadata, writes = 0 } = of(number);
    const checkpoint = checkpointOf(number, values);
    await saver.put(
      configOf(THREAD, "", number === 0 ? undefined : idOf(number - 1)),
      checkpoint,
      { ...metadataOf(number), counters_since_delta_snapshot: {}, ...metadata },
      checkpoint.channel_versions,
    );
    for (let task = 0; task < writes; task++) {
      await saver.putWrites(configOf(THREAD, "", checkpoint.id), [["deltas", number]], `t${task}`);
    }
  }
  return store;
}

const LAYERS: Record<string, (store: ObjectStore) => ObjectStore> = {
  "a store": (store) => store,
  "observed()": (store) => observed(store, () => {}),
  "withReplica()": (store) => withReplica(store, memoryStore()),
  "cached()": (store) => cached(store),
};

for (const [layer, over] of Object.entries(LAYERS)) {
  Deno.test(`S3Saver on ${layer}: a large state with ten tasks' writes is a LIST, its GETs and its chunks, three trips`, async () => {
    const inner = await threadOf(3, () => ({ values: { big: text(300_000) }, writes: 10 }));
    const { store, measure } = waveStore(inner);
    const saver = saverOn(over(store));
    for (const config of [latest, configOf(THREAD, "", idOf(1))]) {
      const { requests, trips } = await measure(() => saver.getTuple(config));
      assert.equal(trips, 3);
      assert.equal(requests.LIST, 1);
      assert(requests.GET! > 1 + 10 + 2);
      assert.deepEqual(await measure(() => saver.getTuple(config)), {
        requests: { LIST: 1 },
        trips: 1,
      });
    }
  });

  Deno.test(`S3Saver on ${layer}: list() of forty large states reads their chunks in one wave, then no more`, async () => {
    const inner = await threadOf(50, () => ({ values: { big: text(100_000) }, writes: 1 }));
    const { store, measure } = waveStore(inner);
    const saver = saverOn(over(store));
    const list = () => measure(() => Array.fromAsync(saver.list(latest, { limit: 40 })));
    const { requests, trips } = await list();
    assert.equal(trips, 3);
    assert.equal(requests.LIST, 1);
    assert.deepEqual(await list(), { requests: { LIST: 1 }, trips: 1 });
  });
}

Deno.test("S3Saver.list() holds no more than some bytes of chunks ahead, and gives them all", async () => {
  const inner = await threadOf(12, () => ({ values: { big: text(4 * 1024 * 1024) } }));
  const store = countingStore(inner);
  const saver = new S3Saver({ store, cacheBytes: 0 });
  let seen = 0;
  for await (const { checkpoint } of saver.list(latest, { limit: 12 })) {
    assert.equal((checkpoint.channel_values.big as string).length, 4 * 1024 * 1024);
    // What is read is what was given, and the 16 MiB ahead of it with the one that passes them.
    assert(store.counts.bytesRead <= (++seen + 5) * 4.1 * 1024 * 1024, `${seen} given`);
  }
  assert.equal(seen, 12);
});

Deno.test("S3Saver.list() with a filter takes a fifth of the bytes of reading all, at most", async () => {
  const marked = (number: number) => ({ marked: number % 100 === 50 });
  const messages: { id: string; content: string }[] = [];
  const histories = {
    "values of their own": (number: number) => ({
      values: { document: text(200_000) },
      metadata: marked(number),
    }),
    "a conversation that grows": (number: number) => {
      for (const role of ["user", "assistant"]) {
        messages.push({ id: `${role} ${crypto.randomUUID()}`, content: text(800) });
      }
      return { values: { messages }, metadata: marked(number) };
    },
  };
  for (const [what, history] of Object.entries(histories)) {
    const store = countingStore(await threadOf(300, history));
    const found = new S3Saver({ store }).list(latest, { filter: { marked: true } });
    const { length } = await Array.fromAsync(found);
    assert.equal(length, 3);
    const filtered = store.counts.bytesRead;
    store.reset();
    // Each by itself: what growing values share would be read once by one list().
    for (let number = 0; number < 300; number += 10) {
      await new S3Saver({ store }).getTuple(configOf(THREAD, "", idOf(number)));
    }
    const all = 10 * store.counts.bytesRead;
    assert(filtered * 5 <= all, `${what}: ${filtered} bytes of ${all}`);
  }
});

Deno.test("S3Saver.getDeltaChannelHistory() over fifty ancestors is at most six trips, also where nothing tells how many", async () => {
  const channels = ["deltas", "others"];
  const big = () => text(200_000);
  const inner = await threadOf(52, (number) => ({
    values: number === 0 ? { deltas: big(), others: big() } : {},
    writes: 1,
  }));
  const { store, measure } = waveStore(inner);
  for (const config of [latest, configOf(THREAD, "", idOf(51))]) {
    const saver = saverOn(store);
    let writes = 0;
    const cost = await measure(async () => {
      const history = await saver.getDeltaChannelHistory({ config, channels });
      writes = history.deltas!.writes.length;
      assert.equal((history.others!.seed as string).length, 200_000);
    });
    assert.equal(writes, 51);
    assert(cost.trips <= 6, `${cost.trips} trips`);
    const again = await measure(() => saver.getDeltaChannelHistory({ config, channels }));
    assert.deepEqual(again, { requests: { LIST: 1 }, trips: 1 });
  }
});

Deno.test("A LIST asks for no more keys than are likely to be needed, and the one after it for eight times as many", async () => {
  const counters = (number: number) => ({ deltas: [number, number] });
  const inner = await threadOf(40, (number) => ({
    values: number === 0 ? { deltas: ["seed"] } : {},
    writes: number === 39 ? 50 : 1,
    metadata: { counters_since_delta_snapshot: counters(number) },
  }));
  const asked: (number | undefined)[] = [];
  const store = altered(inner, {
    list(options) {
      asked.push(options?.limit);
      return inner.list(options);
    },
  });
  const saver = saverOn(store);
  assert.equal((await saver.getTuple(latest))?.pendingWrites?.length, 50);
  assert.deepEqual(asked.splice(0), [24, 192]);
  const config = configOf(THREAD, "", idOf(39));
  const history = (saver: S3Saver) =>
    saver.getDeltaChannelHistory({ config, channels: ["deltas"] });
  assert.equal((await history(saver)).deltas!.writes.length, 39);
  assert.deepEqual(
    asked.splice(0),
    [8 * (39 + 1)],
    "what is held tells how many ancestors it takes",
  );
  assert.equal((await history(saverOn(store))).deltas!.writes.length, 39);
  assert.deepEqual(asked.splice(0), [128], "nothing is known yet");
  await Array.fromAsync(saverOn(store).list(latest));
  assert.deepEqual(asked.splice(0), [undefined], "all of them");
});

Deno.test("S3Saver.getDeltaChannelHistory() of several channels reads all their chunks in one wave", async () => {
  const channels = ["a", "b", "c", "d"];
  const inner = await threadOf(2, (number) => ({
    values: number === 0 ? Object.fromEntries(channels.map((name) => [name, text(200_000)])) : {},
  }));
  const { store, measure } = waveStore(inner);
  const options = { config: configOf(THREAD, "", idOf(1)), channels };
  const { trips } = await measure(() => saverOn(store).getDeltaChannelHistory(options));
  // The LIST beside the record, the parent's record, the chunks.
  assert.equal(trips, 3);
});

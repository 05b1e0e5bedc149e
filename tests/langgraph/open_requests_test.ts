/** How many round trips reads take on a transport that bounds its open requests, and how many bytes they carry. */
import { memoryStore, type ObjectStore } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import assert from "node:assert/strict";
import { noise } from "../checkpoint/_stores.ts";
import { readsWatched } from "../checkpoint/_under_way.ts";
import { inWorker } from "../store/_in_worker.ts";
import { configOf } from "./_contest.ts";
import { fetchOf } from "./_s3_fetch.ts";
import { checkpointOf, idOf, metadataOf, THREAD } from "./_threads.ts";
import { waveStore } from "./_waves.ts";

const ANCESTORS = 50;
const latest = configOf(THREAD, "");

/** A thread of 52 checkpoints, each with one task's writes; the first alone holds the delta channel whole. */
async function thread(told: boolean): Promise<ObjectStore> {
  const store = memoryStore();
  const saver = new S3Saver({ store, compression: "none" });
  for (let number = 0; number < ANCESTORS + 2; number++) {
    const checkpoint = checkpointOf(number, number === 0 ? { deltas: [0] } : {});
    const counters = { deltas: [number, number] as [number, number] };
    await saver.put(
      configOf(THREAD, "", number === 0 ? undefined : idOf(number - 1)),
      checkpoint,
      { ...metadataOf(number), ...(told && { counters_since_delta_snapshot: counters }) },
      checkpoint.channel_versions,
    );
    await saver.putWrites(configOf(THREAD, "", checkpoint.id), [["deltas", number]], "task");
  }
  return store;
}

type Bound = number | undefined;

/** A saver on edgeStore, both with these bounds or with the defaults, and what measures it. */
async function setup(bounds: { store?: Bound; saver?: Bound }, told = true) {
  const { store: waves, measure } = waveStore(await thread(told));
  const store = edgeStore({
    bucket: "state",
    endpoint: "http://localhost:1",
    credentials: { accessKeyId: "id", secretAccessKey: "secret" },
    fetch: fetchOf(waves),
    maxOpenRequests: bounds.store,
  });
  const options = { store, compression: "none", maxOpenRequests: bounds.saver } as const;
  return { measure, cold: () => new S3Saver(options) };
}

const history = (saver: S3Saver) =>
  saver.getDeltaChannelHistory({
    config: configOf(THREAD, "", idOf(ANCESTORS + 1)),
    channels: ["deltas"],
  });

const list = (saver: S3Saver) => Array.fromAsync(saver.list(latest, { limit: 10 }));

/** The LIST beside the checkpoint's own record, and two objects of each ancestor and of the first. */
const HISTORY = { LIST: 1, GET: 1 + 2 * (ANCESTORS + 1) };

Deno.test("S3Saver on edgeStore as it comes: a history of fifty ancestors is four trips, fifty requests in each", async () => {
  const { measure, cold } = await setup({});
  const saver = cold();
  let writes = 0;
  const cost = await measure(async () => {
    writes = (await history(saver)).deltas!.writes.length;
  });
  assert.equal(writes, ANCESTORS + 1);
  assert.deepEqual(cost, { requests: HISTORY, trips: 4 });
});

Deno.test("S3Saver on edgeStore as it comes: a history that nothing tells the length of is at most six trips", async () => {
  const { measure, cold } = await setup({}, false);
  const { requests, trips } = await measure(() => history(cold()));
  assert.deepEqual(requests, HISTORY);
  assert(trips <= 6, `${trips} trips`);
});

Deno.test("S3Saver on edgeStore as it comes: the ten newest are two trips, and so is the latest", async () => {
  const { measure, cold } = await setup({});
  assert.deepEqual(await measure(() => list(cold())), {
    requests: { LIST: 1, GET: 20 },
    trips: 2,
  });
  assert.deepEqual(await measure(() => cold().getTuple(latest)), {
    requests: { LIST: 1, GET: 2 },
    trips: 2,
  });
});

Deno.test("S3Saver on edgeStore in a Worker: six requests are in each trip", async () => {
  await inWorker(async () => {
    const { measure, cold } = await setup({});
    const cost = await measure(() => history(cold()));
    assert.deepEqual(cost, { requests: HISTORY, trips: 1 + (HISTORY.GET - 1) / 6 });
    const newest = await measure(() => list(cold()));
    assert.deepEqual(newest, { requests: { LIST: 1, GET: 20 }, trips: 1 + Math.ceil(20 / 6) });
    assert.equal((await measure(() => cold().getTuple(latest))).trips, 2);
  });
});

Deno.test("Of a saver's maxOpenRequests and its store's the smaller holds, whichever it is", async () => {
  for (const saver of [undefined, 128]) {
    const { measure, cold } = await setup({ store: 6, saver });
    const { trips } = await measure(() => history(cold()));
    assert.equal(trips, 1 + (HISTORY.GET - 1) / 6, "the store's, though the saver has more");
  }
  const { measure, cold } = await setup({ store: 128 });
  const { trips } = await measure(() => history(cold()));
  assert.equal(trips, 2, "the store's alone bounds what is read ahead");
});

Deno.test("S3Saver.getDeltaChannelHistory() has at most 16 MiB of ancestors under way, however many it may read", async () => {
  const inner = memoryStore();
  const MIB = 2 ** 20, count = 40;
  const writer = new S3Saver({ store: inner, compression: "none", inlineLimit: 2 * MIB });
  for (let number = 0; number < count; number++) {
    const values = { big: noise(MIB, number + 1), ...(number === 0 && { deltas: [0] }) };
    const checkpoint = checkpointOf(number, values);
    const counters = { deltas: [number, number] as [number, number] };
    await writer.put(
      configOf(THREAD, "", number === 0 ? undefined : idOf(number - 1)),
      checkpoint,
      { ...metadataOf(number), counters_since_delta_snapshot: counters },
      checkpoint.channel_versions,
    );
    await writer.putWrites(configOf(THREAD, "", checkpoint.id), [["deltas", number]], "task");
  }
  const { store, most } = readsWatched(inner);
  const saver = new S3Saver({ store, cacheBytes: 0, maxOpenRequests: 10_000 });
  const config = configOf(THREAD, "", idOf(count - 1));
  const { deltas } = await saver.getDeltaChannelHistory({ config, channels: ["deltas"] });
  assert.equal(deltas!.writes.length, count - 1);
  assert(most.bytes <= 16 * MIB, `${most.bytes} bytes in ${most.objects} objects`);
  assert(most.objects >= 20, `${most.objects} objects`);
});

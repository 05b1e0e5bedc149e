import assert from "node:assert/strict";
import { CorruptError, expireAfter, type ObjectInfo, type ObjectStore } from "@cairn/checkpoint";
import { applyPlan, planBucket } from "@cairn/checkpoint/bucket";
import { edgeStore, type S3Store } from "@cairn/checkpoint/edge";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { withBucket } from "../bucket/_buckets.ts";
import { serverOptions } from "../conformance/_server.ts";
import { DAY } from "../checkpoint/_expiring_store.ts";
import { at, checkpoint, metadata } from "./_case.ts";

const OPTIONS = { days: 4, refreshDays: 1 };
const PATIENCE = 90_000;

/** A text that is a chunk of its own. */
const large = (of: string) => `${of} `.repeat(4_000);

/**
 * The bucket as it was in the past: MinIO takes an object's time from a header,
 * as its replication sends it.
 */
function past(bucket: S3Store, clock: { now: number }): ObjectStore {
  return edgeStore({
    ...serverOptions(),
    bucket: /"(.*)"/.exec(bucket.name)![1]!,
    fetch: (input, init) => {
      const request = new Request(input as Request, init);
      if (request.method === "PUT") {
        request.headers.set("x-minio-source-mtime", new Date(clock.now).toISOString());
      }
      return fetch(request);
    },
  });
}

/** Goes on with a thread: little changes, and a delta channel takes a write. */
async function step(saver: S3Saver, thread: string, number: number): Promise<void> {
  const first = number === 0;
  const values = { kept: large(`kept of ${thread}`), step: number };
  const versions = { kept: 1, step: number + 1, log: number + 1 };
  const state = checkpoint(
    String(number),
    first ? { ...values, log: [large("log")] } : values,
    versions,
  );
  const counters = first
    ? {}
    : { counters_since_delta_snapshot: { log: [number, number] as [number, number] } };
  const changed = first ? versions : { step: number + 1, log: number + 1 };
  const parent = first ? undefined : String(number - 1);
  await saver.put(at(thread, parent), state, metadata(counters), changed);
  await saver.putWrites(at(thread, String(number)), [["log", large(`write ${number}`)]], "task");
}

async function objectsOf(store: ObjectStore): Promise<ObjectInfo[]> {
  return (await Array.fromAsync(store.list())).flatMap(({ objects }) => objects);
}

/** Sets the bucket's rule and waits until the server has removed what is so old. */
async function expire(store: S3Store, before: number): Promise<string[]> {
  const due = (await objectsOf(store)).filter(({ lastModified }) =>
    lastModified.getTime() < before
  );
  const rule = { lifecycle: { expire: [{ ttl: OPTIONS }] } };
  const started = Date.now();
  for (;;) {
    await applyPlan(store, await planBucket(store, rule));
    // MinIO hides what is due, and removes it when it comes by: only what stays away without a rule is gone.
    await objectsOf(store);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await applyPlan(store, await planBucket(store, { lifecycle: {} }));
    const keys = new Set((await objectsOf(store)).map(({ key }) => key));
    const left = due.filter(({ key }) => keys.has(key));
    if (left.length === 0) return due.map(({ key }) => key);
    assert(Date.now() - started < PATIENCE, `MinIO has not removed ${left.length} objects`);
  }
}

Deno.test("MinIO expires what is old, and each thread that can be seen is whole: only one whose old parts were not stored again is torn", async () => {
  await withBucket(edgeStore, async (bucket) => {
    const now = Date.now();
    const clock = { now };
    const store = past(bucket, clock);
    const start = (ttl = expireAfter(OPTIONS)) =>
      new S3Saver({ store, ttl }, { now: () => clock.now });
    const never = expireAfter({ ...OPTIONS, refreshDays: 36_500 });

    // Twelve days: one thread is at work all the time, in a process each day; one was left, one waits.
    for (let day = 0; day <= 24; day++) {
      clock.now = now - 12 * DAY + day * DAY / 2;
      await step(start(), "busy", day);
      await step(start(never), "torn", day);
      if (day < 6) await step(start(), "left", day);
      if (day < 18) await step(start(), "waits", day);
      if (day === 17) {
        const question = [{ value: "sure?" }];
        await start().putWrites(at("waits", "17"), [["__interrupt__", question]], "asks");
      }
    }
    clock.now = now;

    const removed = await expire(bucket, now - 6 * DAY - 1_000);
    for (const part of ["cairn/left/n/", "cairn/left/v/", "cairn/torn/n/", "cairn/torn/v/"]) {
      assert(removed.some((key) => key.startsWith(part)), `nothing of ${part} was due`);
    }
    // Its oldest parts, needed to this day, were stored again time after time.
    assert.deepEqual(removed.filter((key) => key.startsWith("cairn/busy/")), []);
    const keys = (await objectsOf(bucket)).map(({ key }) => key);
    assert.deepEqual(keys.filter((key) => key.startsWith("cairn/left/")), []);

    const reader = new S3Saver({ store: bucket });
    assert.equal(await reader.getTuple(at("left")), undefined);
    const kept = (thread: string) => large(`kept of ${thread}`);
    const history = (upTo: number) => ({
      log: {
        seed: [large("log")],
        writes: Array.from({ length: upTo }, (_, day) => ["task", "log", large(`write ${day}`)]),
      },
    });
    const log = (config = at("busy")) =>
      reader.getDeltaChannelHistory({ config, channels: ["log"] });
    let seen = 0;
    for await (const tuple of reader.list({ configurable: { thread_id: "busy" } })) {
      const number = Number(tuple.checkpoint.id);
      assert.deepEqual(tuple.checkpoint.channel_values, { kept: kept("busy"), step: number });
      assert.deepEqual(await log(tuple.config), history(number));
      seen++;
    }
    assert.equal(seen, 8, "one for each half of the last four days");

    // The question still stands, and whoever answers it goes on with a whole thread.
    const waiting = await reader.getTuple(at("waits"));
    assert.deepEqual(waiting?.pendingWrites?.[0], ["asks", "__interrupt__", [{ value: "sure?" }]]);
    const answering = start();
    await answering.getTuple(at("waits"));
    await answering.putWrites(at("waits", "17"), [["__resume__", "yes"]], "asks");
    await step(answering, "waits", 18);
    assert.deepEqual(await log(at("waits")), history(18));
    assert.equal(
      (await reader.getTuple(at("waits")))?.checkpoint.channel_values.kept,
      kept("waits"),
    );

    await assert.rejects(reader.getTuple(at("torn")), CorruptError);
  });
});

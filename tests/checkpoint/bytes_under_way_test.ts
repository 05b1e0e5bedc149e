/** However many requests may be open, what they carry together is bounded by its bytes. */
import {
  aesGcm,
  copyThread,
  expireAfter,
  localKeys,
  memoryStore,
  type ObjectStore,
  renewThread,
  rewrap,
  S3Checkpointer,
} from "@cairn/checkpoint";
import assert from "node:assert/strict";
import { pruneThread } from "../../src/checkpoint/maintenance.ts";
import { CheckpointLog } from "../../src/checkpoint/log.ts";
import { noise } from "./_stores.ts";
import { readsWatched } from "./_under_way.ts";

const MIB = 2 ** 20;

const keys = (current: string) =>
  localKeys({ current, keys: { old: noise(32, 1), new: noise(32, 2) } });
const encryption = aesGcm({ keys: keys("old") });

/** A thread with a value of so many MiB that cannot be packed. */
async function filled(mib: number, options = {}): Promise<ObjectStore> {
  const store = memoryStore();
  const saver = new S3Checkpointer(store, { compression: "none", cacheBytes: 0, ...options });
  await saver.save("t", { value: noise(mib * MIB) });
  return store;
}

Deno.test("load() has at most 32 MiB of a value's chunks under way", async () => {
  const { store, most } = readsWatched(await filled(96));
  await new S3Checkpointer(store, { cacheBytes: 0, maxOpenRequests: 10_000 }).load("t");
  // Each in its frame.
  assert(most.bytes <= 32 * MIB + 16_384, `${most.bytes} bytes in ${most.objects} chunks`);
  assert(most.objects >= 4, `${most.objects} chunks`);
});

Deno.test("What reads whole objects to write them elsewhere has at most 12 MiB of them under way", async () => {
  const ttl = expireAfter({ days: 30 });
  const many = { maxOpenRequests: 10_000, cacheBytes: 0 };
  const kinds: Record<string, [ObjectStore, (store: ObjectStore) => Promise<unknown>]> = {
    "rewrap()": [
      await filled(48, { encryption }),
      (store) => rewrap(store, { keys: keys("new"), maxOpenRequests: 10_000 }),
    ],
    "copyThread(), encrypted": [
      await filled(48, { encryption }),
      (store) => copyThread(new S3Checkpointer(store, { ...many, encryption }), "t", "u"),
    ],
    "renewThread()": [
      await filled(48),
      (store) => renewThread(new S3Checkpointer(store, { ...many, ttl }), "t"),
    ],
  };
  for (const [name, [inner, work]] of Object.entries(kinds)) {
    const { store, most } = readsWatched(inner);
    await work(store);
    assert(most.bytes <= 12 * MIB + 16_384, `${name}: ${most.bytes} in ${most.objects} objects`);
    assert(most.objects >= 2, `${name}: ${most.objects} objects`);
  }
});

Deno.test("A sweep has at most 12 MiB of records under way", async () => {
  const inner = memoryStore();
  const writer = new S3Checkpointer(inner, { compression: "none", inlineLimit: 2 * MIB });
  for (let step = 0; step < 24; step++) {
    await writer.save("t", { value: noise(MIB, step + 1) }, { id: `${step}`.padStart(2, "0") });
  }
  await inner.put(new CheckpointLog(inner).keys.chunk("t", "0a".repeat(32)), noise(8));
  const { store, most } = readsWatched(inner);
  const log = new CheckpointLog(store, { maxOpenRequests: 10_000, cacheBytes: 0 });
  await pruneThread(log, "t", () => true, { grace: 0 });
  assert(most.objects >= 8, `${most.objects} records`);
  assert(most.bytes <= 12 * MIB, `${most.bytes} bytes`);
});

import {
  aesGcm,
  copyThread,
  localKeys,
  memoryStore,
  type ObjectStore,
  rewrap,
  S3Checkpointer,
} from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import assert from "node:assert/strict";

const STATE = { log: Array.from({ length: 30_000 }, (_, at) => `stone ${at}`) };
const CHUNK = "max-age=31536000, immutable";
const RECORD = "private, no-cache";

/** A store that keeps attributes, or says that it does not. */
function keeping(attributes: boolean) {
  const memory = memoryStore();
  const kept = new Map<string, string | undefined>();
  const store: ObjectStore = {
    ...memory,
    capabilities: { ...memory.capabilities, attributes },
    put(key, body, { attributes, ...options } = {}) {
      kept.set(key, attributes?.cacheControl);
      return memory.put(key, body, options);
    },
  };
  return { store, kept };
}

function check(kept: Map<string, string | undefined>): void {
  const chunks = [...kept].filter(([key]) => /\/v\/[0-9a-f]{64}$/.test(key));
  const others = [...kept].filter(([key]) => !/\/v\/[0-9a-f]{64}$/.test(key));
  assert(chunks.length > 0 && others.length > 0);
  assert.deepEqual(new Set(chunks.map(([, value]) => value)), new Set([CHUNK]));
  assert.deepEqual(new Set(others.map(([, value]) => value)), new Set([RECORD]));
}

Deno.test("chunks may be cached for good, and records not: S3Checkpointer", async () => {
  const { store, kept } = keeping(true);
  // A namespace that is called as the folder of chunks is.
  await new S3Checkpointer(store).save("t", STATE, { namespace: "v" });
  check(kept);
});

Deno.test("chunks may be cached for good, and records and writes not: S3Saver", async () => {
  const { store, kept } = keeping(true);
  const saver = new S3Saver({ store });
  const checkpoint = {
    v: 4,
    id: "1ef4f797-8335-6428-8001-8a1503f9b875",
    ts: "2026-01-01T00:00:00.000Z",
    channel_values: STATE,
    channel_versions: { log: 1 },
    versions_seen: {},
  };
  const config = { configurable: { thread_id: "t", checkpoint_ns: "" } };
  const metadata = { source: "loop", step: 1, parents: {} } as const;
  const saved = await saver.put(config, checkpoint, metadata, { log: 1 });
  await saver.putWrites(saved, [["log", STATE.log]], "task");
  check(kept);
});

Deno.test("what is sealed anew, by a copy or for another key, says the same", async () => {
  const { store, kept } = keeping(true);
  const keys = { a: new Uint8Array(32).fill(1), b: new Uint8Array(32).fill(2) };
  const before = localKeys({ current: "a", keys });
  const checkpointer = new S3Checkpointer(store, { encryption: aesGcm({ keys: before }) });
  await checkpointer.save("t", STATE);
  kept.clear();
  await copyThread(checkpointer, "t", "u");
  check(kept);
  kept.clear();
  await rewrap(store, { keys: localKeys({ current: "b", keys }) });
  check(kept);
});

Deno.test("nothing is asked of a store that keeps no attributes", async () => {
  const { store, kept } = keeping(false);
  await new S3Checkpointer(store).save("t", STATE);
  assert.deepEqual(new Set(kept.values()), new Set([undefined]));
});

/** Long threads, each built once, for tests that only read them or add to them. */
import { memoryStore, type ObjectStore, type Ttl } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import type { Checkpoint, CheckpointMetadata } from "@langchain/langgraph-checkpoint";
import { configOf } from "./_contest.ts";

/** The thread that {@link longThread} builds. */
export const THREAD = "long";

/** How many supersteps a delta channel goes without being stored whole. */
export const SNAPSHOT_EVERY = 8;

/** An id that sorts by its number. */
export function idOf(number: number): string {
  return `id-${String(number).padStart(6, "0")}`;
}

/** The checkpoint of that number: a small state, with a delta channel that is stored every eighth time. */
export function checkpointOf(number: number, values: Record<string, unknown> = {}): Checkpoint {
  const stored = number % SNAPSHOT_EVERY === 0;
  return {
    v: 4,
    id: idOf(number),
    ts: "2026-01-01T00:00:00.000Z",
    channel_values: { step: number, ...(stored && { log: [number] }), ...values },
    channel_versions: {
      step: number + 1,
      log: number + 1,
      ...Object.fromEntries(Object.keys(values).map((name) => [name, number + 1])),
    },
    versions_seen: {},
  };
}

/** The metadata of that checkpoint. */
export function metadataOf(number: number): CheckpointMetadata {
  const since = number % SNAPSHOT_EVERY;
  return {
    source: "loop",
    step: number,
    parents: {},
    ...(since > 0 && { counters_since_delta_snapshot: { log: [since, since] } }),
  };
}

/** A store with a thread of so many checkpoints, each with one task's write to its delta channel. */
export async function longThread(count: number, ttl?: Ttl): Promise<ObjectStore> {
  const store = memoryStore();
  const saver = new S3Saver({ store, compression: "none", ttl });
  for (let number = 0; number < count; number++) {
    const parent = number === 0 ? undefined : idOf(number - 1);
    const checkpoint = checkpointOf(number);
    await saver.put(configOf(THREAD, "", parent), checkpoint, metadataOf(number), {
      step: number + 1,
      log: number + 1,
    });
    await saver.putWrites(configOf(THREAD, "", checkpoint.id), [["log", number]], "task", "path");
  }
  return store;
}

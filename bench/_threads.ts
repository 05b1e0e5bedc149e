import type { CheckpointMetadata } from "@langchain/langgraph-checkpoint";
import type { ObjectStore } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";

/** A checkpoint's config, as LangGraph gives it; the latest where no id is given. */
export function configOf(thread: string, id?: string) {
  return {
    configurable: { thread_id: thread, checkpoint_ns: "", ...(id && { checkpoint_id: id }) },
  };
}

/** An id that sorts by its number. */
export function idOf(number: number): string {
  return `1f0b${String(number).padStart(8, "0")}-0000-6000-8000-000000000000`;
}

/** A checkpoint of one superstep, with these values, all of them new. */
export function checkpointOf(number: number, values: Record<string, unknown>) {
  const versions = Object.fromEntries(Object.keys(values).map((name) => [name, number + 1]));
  const metadata: CheckpointMetadata = { source: "loop", step: number, parents: {} };
  return {
    checkpoint: {
      v: 4,
      id: idOf(number),
      ts: "2026-01-01T00:00:00.000Z",
      channel_values: values,
      channel_versions: versions,
      versions_seen: {},
    },
    metadata,
    versions,
  };
}

/**
 * Lays down a thread of so many checkpoints, each with one task's write. Only
 * the first holds the delta channel `log`; the others know it by their writes.
 */
export async function layThread(store: ObjectStore, thread: string, count: number, prefix: string) {
  const saver = new S3Saver({ store, prefix, maxOpenRequests: 16 });
  let next = 0;
  const lay = async () => {
    for (let number = next++; number < count; number = next++) {
      const values = { step: number, note: `checkpoint ${number}`, ...(!number && { log: [0] }) };
      const { checkpoint, metadata, versions } = checkpointOf(number, values);
      const config = configOf(thread, number === 0 ? undefined : idOf(number - 1));
      const told = number === 0 ? metadata : {
        ...metadata,
        counters_since_delta_snapshot: { log: [number, number] as [number, number] },
      };
      const channels = { ...checkpoint.channel_versions, log: number + 1 };
      await saver.put(config, { ...checkpoint, channel_versions: channels }, told, versions);
      await saver.putWrites(configOf(thread, checkpoint.id), [["log", number]], "task");
    }
  };
  await Promise.all(Array.from({ length: 16 }, lay));
}

import type {
  Checkpoint,
  CheckpointMetadata,
  SerializerProtocol,
} from "@langchain/langgraph-checkpoint";
import type { Place } from "../checkpoint/keys.ts";
import type { CheckpointLog } from "../checkpoint/log.ts";
import { deserialize } from "../checkpoint/values.ts";

/**
 * Finds what a thread needs to go on from its latest checkpoints: those, and
 * the ancestors that a delta channel's value or an old checkpoint's pending
 * sends are rebuilt from.
 */
export async function neededAncestors(
  log: CheckpointLog,
  serde: SerializerProtocol,
  thread: string,
): Promise<(place: Place) => boolean> {
  const needed = new Set<string>();
  const key = ({ namespace, id }: Place) => JSON.stringify([namespace, id]);
  const latest = new Map<string, Place>();
  for await (const { place, record } of log.groups(thread, undefined)) {
    if (record === undefined) needed.add(key(place)); // writes whose checkpoint may be on its way
    else if (!latest.has(place.namespace)) latest.set(place.namespace, place);
  }
  for (const place of latest.values()) {
    const open = new Set<string>();
    let forSends = false;
    for (let at: Place | undefined = place; at !== undefined && !needed.has(key(at));) {
      const record = await log.record(at);
      if (record === undefined) break;
      needed.add(key(at));
      if (at === place) {
        const [head, metadata] = await Promise.all(
          (await log.load(thread, [record.head, record.metadata]))
            .map((value) => deserialize(serde, value)),
        ) as [Checkpoint, CheckpointMetadata | undefined];
        forSends = head.v < 4;
        for (const name of Object.keys(metadata?.counters_since_delta_snapshot ?? {})) {
          open.add(name);
        }
        for (const { name } of record.channels) open.delete(name);
      } else {
        forSends = false;
        for (const { name } of record.channels) open.delete(name);
      }
      const goOn: boolean = forSends || open.size > 0;
      at = goOn && record.parent !== undefined ? { ...place, id: record.parent } : undefined;
    }
  }
  return (place) => needed.has(key(place));
}

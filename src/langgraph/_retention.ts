import type { CheckpointMetadata, SerializerProtocol } from "@langchain/langgraph-checkpoint";
import { type Group, notOver } from "../checkpoint/groups.ts";
import type { Place } from "../checkpoint/keys.ts";
import { type CheckpointLog, recordAt } from "../checkpoint/log.ts";
import { deserialize } from "../checkpoint/values.ts";
import { openChannels } from "./_ancestors.ts";
import { headOf } from "./_head.ts";

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
  const byNamespace = new Map<string, Group[]>();
  for await (const group of log.groups(thread, undefined)) {
    const { place, record } = group;
    if (record === undefined) needed.add(key(place)); // writes whose checkpoint may be on its way
    else {
      const groups = byNamespace.get(place.namespace) ?? [];
      groups.push(group);
      byNamespace.set(place.namespace, groups);
    }
  }
  for (const groups of byNamespace.values()) {
    const place = await latestOf(log, groups);
    let open = new Set<string>();
    let forSends = false;
    for (let at = place; at !== undefined && !needed.has(key(at));) {
      const record = await recordAt(log, at, { ended: true });
      if (record === undefined) break;
      needed.add(key(at));
      if (at === place) {
        const [head, metadata] = await Promise.all(
          (await log.load(thread, [record.head, record.metadata]))
            .map((value) => deserialize(serde, value)),
        );
        forSends = headOf(at.id, head).v < 4;
        open = openChannels(
          metadata as CheckpointMetadata | undefined,
          record.channels.map(({ name }) => name),
        );
      } else {
        forSends = false;
        for (const { name } of record.channels) open.delete(name);
      }
      const goOn: boolean = forSends || open.size > 0;
      at = goOn && record.parent !== undefined ? { ...at, id: record.parent } : undefined;
    }
  }
  return (place) => needed.has(key(place));
}

/** Of a namespace's checkpoints, newest first, the first that can be seen. */
async function latestOf(log: CheckpointLog, groups: Group[]): Promise<Place | undefined> {
  for await (const group of notOver(groups)) {
    if (await log.recordOf(group) !== undefined) return group.place;
  }
}

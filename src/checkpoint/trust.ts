/**
 * What a writer of many steps goes by without asking: which records the store
 * still has, and which chunks that were sent before it need not send again.
 * `docs/format.md` says why that is enough. Only LangGraph's face goes by it.
 *
 * @module
 */

import type { Place } from "./keys.ts";
import type { CheckpointLog } from "./log.ts";
import type { Opened } from "./objects.ts";
import type { CheckpointRecord } from "./record.ts";

/** A checkpoint's record where this process holds it and the store was lately known to have it: asks nobody. */
export function trusted(log: CheckpointLog, place: Place): CheckpointRecord | undefined {
  const { keys, objects } = log;
  const key = keys.record(place);
  const opened = objects.isThere(key)
    ? objects.recent.get<Opened<CheckpointRecord>>(key)
    : undefined;
  if (opened?.isRead) {
    // It stands there as it did, but since this process was here the thread may have been deleted and begun anew.
    doubt(log, place.thread);
    opened.isRead = false;
  }
  return opened?.record;
}

/**
 * Since when what this process has sent to a thread counts for a checkpoint on
 * such a base: never where the base was not lately seen, for the thread may be a
 * new one of an old name, and nothing that was sent to it before counts any more.
 */
export function sentSince(
  log: CheckpointLog,
  place: Place,
  base: CheckpointRecord | undefined,
  since: number | undefined,
): number {
  if (base === undefined || trusted(log, { ...place, id: base.id }) === undefined) {
    doubt(log, place.thread);
    return Infinity;
  }
  return log.ttl ? since ?? base.life?.[0] ?? log.now() : 0;
}

/** Takes back all that this process knew of a thread's chunks. */
function doubt({ keys, objects }: CheckpointLog, thread: string): void {
  if (!objects.hasSent) return; // whose states are small holds many records, to look through with each thread
  const { recent } = objects;
  for (const key of recent.keysUnder(keys.chunks(thread))) recent.see(key, -Infinity);
}

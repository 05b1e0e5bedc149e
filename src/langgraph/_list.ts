import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";
import type { CheckpointLog } from "../checkpoint/log.ts";
import { named } from "../checkpoint/objects.ts";
import { chunksOf, valuesOf } from "../checkpoint/record.ts";
import { matches, scan, type ScanOptions } from "../checkpoint/scan.ts";
import { deserialize } from "../checkpoint/values.ts";
import { type Found, open } from "../checkpoint/writes.ts";
import { mapAhead } from "../store/parallel.ts";

/** Of how many checkpoints a list with no limit begins to read the chunks ahead; as it goes on, as many as it has given. */
const VALUES_AHEAD = 4;

/** How many bytes of chunks are under way; then no more are begun. */
const BYTES_AHEAD = 16 * 1024 * 1024;

/** Which checkpoints to list. */
export interface Which extends ScanOptions {
  /** Only this id. */
  readonly id: string | undefined;
  /** Only those whose metadata has these fields. */
  readonly filter: Record<string, unknown> | undefined;
}

/**
 * Walks checkpoints with their writes, newest first in each thread, and gives
 * what `load` makes of each. Of one that a filter leaves out, the record alone is read.
 */
export async function* list<T>(
  log: CheckpointLog,
  serde: SerializerProtocol,
  { id, filter, ...which }: Which,
  load: (found: Found, signal: AbortSignal) => Promise<T>,
): AsyncGenerator<T> {
  const all = filter === undefined && id === undefined;
  const found = (signal: AbortSignal) =>
    scan(log, { ...which, signal }, all, async (group, signal) => {
      const { place } = group;
      if (id !== undefined && place.id !== id) return undefined;
      if (filter === undefined) return await open(log, group, { signal });
      const record = await log.recordOf(group, { signal });
      if (record === undefined) return undefined;
      const [loaded] = await log.load(place.thread, [record.metadata], { signal });
      if (!matches(await deserialize(serde, loaded!), filter)) return undefined;
      return await open(log, group, { record, signal });
    });
  let given = 0;
  // With a limit, all that is found is wanted; else the way so far tells how much is.
  const width = () => which.limit === undefined ? Math.max(VALUES_AHEAD, given) : Infinity;
  const read = (found: Found, signal: AbortSignal) =>
    load(found, signal).catch((error) => {
      throw named(log.keys.record(found.place), error);
    });
  for await (const item of mapAhead(found, width, read, which.signal, weigh)) {
    yield item;
    given++;
  }
}

/** How much of what may be under way a checkpoint's chunks are. */
function weigh({ record, writes }: Found): number {
  let bytes = 0;
  for (const value of [...valuesOf(record), ...writes.map(({ value }) => value)]) {
    for (const { length } of chunksOf(value)) bytes += length;
  }
  return bytes / BYTES_AHEAD;
}

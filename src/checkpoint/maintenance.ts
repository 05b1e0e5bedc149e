import { mapParallel, UNDER_WAY, weighed } from "../store/parallel.ts";
import type { CallOptions } from "../store/store.ts";
import type { Group } from "./groups.ts";
import type { CheckpointLog } from "./log.ts";
import { chunksOfGroup } from "./writes.ts";

/**
 * How long a chunk that nothing refers to is left alone, in milliseconds: its
 * record may be on its way. Longer than any `put` may take.
 */
export const SWEEP_GRACE: number = 60 * 60 * 1000;

/**
 * Deletes the checkpoints of a thread that are not to be kept, with their
 * writes, and after them the chunks that nothing refers to any longer.
 */
export async function pruneThread(
  log: CheckpointLog,
  thread: string,
  keep: (group: Group) => boolean,
  options: CallOptions & { grace?: number } = {},
): Promise<void> {
  const doomed: Group[] = [];
  for await (const group of log.groups(thread, undefined, options)) {
    if (!keep(group)) doomed.push(group);
  }
  await log.deleteCheckpoints(doomed, options);
  await sweep(log, thread, options);
}

/**
 * Deletes the chunks of a thread that no record refers to and that are older
 * than the grace. Chunks are listed before records are read: one that appears
 * later is not touched, and one that a new record refers to again is seen.
 */
export async function sweep(
  log: CheckpointLog,
  thread: string,
  { signal, grace = SWEEP_GRACE }: CallOptions & { grace?: number } = {},
): Promise<void> {
  const orphans = new Set<string>();
  for await (const page of log.objects.store.list({ prefix: log.keys.chunks(thread), signal })) {
    for (const { key, lastModified } of page.objects) {
      if (lastModified.getTime() <= log.now() - grace) orphans.add(key);
    }
  }
  if (orphans.size === 0) return;
  const groups: Group[] = [];
  for await (const group of log.groups(thread, undefined, { signal })) groups.push(group);
  const through = weighed(UNDER_WAY);
  await mapParallel(groups, log.parallel, async (group, inner) => {
    const chunks = await through(group.size, () => chunksOfGroup(log, group, { signal: inner }));
    for (const hash of chunks) {
      orphans.delete(log.keys.chunk(thread, hash));
    }
  }, signal);
  await log.objects.delete([...orphans], signal);
}

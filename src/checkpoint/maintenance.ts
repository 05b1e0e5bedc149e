import { NotFoundError } from "../errors.ts";
import { listKeys } from "../store/body.ts";
import { checkKey } from "../store/key.ts";
import { mapParallel } from "../store/parallel.ts";
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
 * Copies a thread, on the server where it can: the chunks first, then the
 * records, so that what can be seen of the copy can be read. The records are
 * listed before the chunks: one that comes meanwhile is left out, and with it
 * the chunks that were not listed. Doing it again changes nothing.
 *
 * @throws {InvalidInputError} where the target is so long that a key of it
 * would not fit; nothing is copied then.
 */
export async function copyThread(
  log: CheckpointLog,
  source: string,
  target: string,
  { signal }: CallOptions = {},
): Promise<void> {
  const [from, to] = [log.keys.thread(source), log.keys.thread(target)];
  if (from === to) return;
  const { store } = log.objects;
  const copyOf = (key: string) => to + key.slice(from.length);
  const copyAll = (keys: string[]) =>
    mapParallel(keys, log.parallel, async (key, inner) => {
      try {
        await log.objects.copy(key, copyOf(key), { signal: inner });
      } catch (error) {
        // Removed meanwhile, as a lifecycle rule may do: the record before its chunks, or it was over.
        if (!(error instanceof NotFoundError && error.what === "object")) throw error;
      }
    }, signal);
  const records: string[] = [];
  for await (const key of listKeys(store, log.keys.namespaces(source), { signal })) {
    checkKey(copyOf(key));
    records.push(key);
  }
  for await (const page of store.list({ prefix: log.keys.chunks(source), signal })) {
    await copyAll(page.objects.map(({ key }) => key));
  }
  await copyAll(records);
}

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
  await mapParallel(groups, log.parallel, async (group, inner) => {
    for (const hash of await chunksOfGroup(log, group, { signal: inner })) {
      orphans.delete(log.keys.chunk(thread, hash));
    }
  }, signal);
  await log.objects.delete([...orphans], signal);
}

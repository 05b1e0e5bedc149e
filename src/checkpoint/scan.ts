import { checkLimit } from "../store/_listing.ts";
import { mapAhead } from "../store/parallel.ts";
import type { CallOptions } from "../store/store.ts";
import type { Group } from "./groups.ts";
import { type CheckpointLog, FIRST_PAGE } from "./log.ts";
import { named } from "./objects.ts";

/** Which checkpoints to walk. */
export interface ScanOptions extends CallOptions {
  /** The thread. @default all threads, in the order of their keys */
  readonly thread?: string | undefined;
  /** The namespace. @default all namespaces */
  readonly namespace?: string | undefined;
  /** Only ids before this one. */
  readonly before?: string | undefined;
  /** The most to give. @default no limit */
  readonly limit?: number | undefined;
}

/**
 * Walks checkpoints, newest first in each thread, reading ahead. `open` reads
 * one, and gives nothing for one that is not wanted; where it wants all that
 * are there (`all`), no more than `limit` of them are read. One that cannot be
 * read ends the walk, by an error that names its record's key, or its chunk's.
 */
export async function* scan<T>(
  log: CheckpointLog,
  options: ScanOptions,
  all: boolean,
  open: (group: Group, signal: AbortSignal) => Promise<T | undefined>,
): AsyncGenerator<T> {
  // How many checkpoints a walk with no end in sight begins to read ahead; as it goes on, as many as it has walked.
  const READ_AHEAD = 16;
  // How many keys a listing for a few checkpoints asks for first, for each of them: its record, its writes, and some to spare.
  const KEYS_EACH = 8;
  const { thread, namespace, before } = options;
  const limit = checkLimit(options);
  let left = limit;
  if (left <= 0) return;
  let walked = READ_AHEAD;
  const firstPage = limit <= READ_AHEAD
    ? Math.max(FIRST_PAGE, KEYS_EACH * (all ? limit : READ_AHEAD))
    : undefined;
  async function* wanted(signal: AbortSignal): AsyncGenerator<Group> {
    // One listing of all keys is fewer requests than one of each thread; out of order it would have to be held whole.
    const { orderedList } = log.objects.store.capabilities;
    const threads = thread !== undefined || orderedList && namespace === undefined
      ? [thread]
      : log.threads({ signal });
    for await (const at of threads) {
      for await (const group of log.groups(at, namespace, { before, firstPage, signal })) {
        if (group.record) yield group;
      }
    }
  }
  const width = () => left === Infinity ? walked : all ? left : Math.max(left, walked);
  // No more than a thousand are under way, nor than 4 MB of them as they are stored.
  const weigh = ({ size }: Group) => 1e-3 + size / 4e6;
  const read = (group: Group, signal: AbortSignal) =>
    open(group, signal).catch((error) => {
      throw named(group.record!.key, error);
    });
  for await (const item of mapAhead(wanted, width, read, options.signal, weigh)) {
    walked++;
    if (item === undefined) continue;
    yield item;
    if (--left <= 0) return;
  }
}

/** Whether two values are the same JSON. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!a || !b || typeof a !== "object" || typeof b !== "object") return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) =>
    Object.hasOwn(b, key) &&
    deepEqual((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])
  );
}

/** Whether metadata has each field of a filter, with an equal value; one that is `undefined` must be absent. */
export function matches(metadata: unknown, filter: Record<string, unknown> | undefined): boolean {
  const fields = (typeof metadata === "object" ? metadata ?? {} : {}) as Record<string, unknown>;
  return Object.entries(filter ?? {}).every(([key, value]) =>
    deepEqual(Object.hasOwn(fields, key) ? fields[key] : undefined, value)
  );
}

import { checkWhole } from "../store/_options.ts";
import { mapAhead } from "../store/parallel.ts";
import type { CallOptions } from "../store/store.ts";
import type { Group } from "./groups.ts";
import type { CheckpointLog } from "./log.ts";

/** How many checkpoints are read ahead of whoever walks a list. */
const READ_AHEAD = 16;

/** A page of keys that holds a few checkpoints with their writes. */
const SMALL_PAGE = 128;

/** Which checkpoints to walk. */
export interface ScanOptions extends CallOptions {
  /** The thread. @default all threads, in the order of their keys */
  readonly thread?: string | undefined;
  /** The namespace. @default all namespaces */
  readonly namespace?: string | undefined;
  /** Only this id. */
  readonly id?: string | undefined;
  /** Only ids before this one. */
  readonly before?: string | undefined;
  /** The most to give. @default no limit */
  readonly limit?: number | undefined;
}

/**
 * Walks checkpoints, newest first in each thread, reading ahead. `open` reads
 * one, and gives nothing for one that is not wanted; where it wants all that
 * are there (`all`), no more than `limit` of them are read.
 */
export async function* scan<T>(
  log: CheckpointLog,
  options: ScanOptions,
  all: boolean,
  open: (group: Group, signal: AbortSignal) => Promise<T | undefined>,
): AsyncGenerator<T> {
  const { limit = Infinity, signal } = options;
  if (limit !== Infinity) checkWhole({ limit }, 0);
  let left = limit;
  if (left <= 0) return;
  const width = () => all ? Math.min(READ_AHEAD, left) : READ_AHEAD;
  for await (const item of mapAhead(wanted(log, options), width, open, signal)) {
    if (item === undefined) continue;
    yield item;
    if (--left <= 0) return;
  }
}

async function* wanted(
  log: CheckpointLog,
  { thread, namespace, id, before, limit, signal }: ScanOptions,
): AsyncGenerator<Group> {
  // One listing of all keys is fewer requests than one of each thread; out of order it would have to be held whole.
  const { orderedList } = log.objects.store.capabilities;
  const threads = thread !== undefined || orderedList && namespace === undefined
    ? [thread]
    : log.threads({ signal });
  const firstPage = limit !== undefined && limit <= READ_AHEAD ? SMALL_PAGE : undefined;
  for await (const thread of threads) {
    for await (const group of log.groups(thread, namespace, { before, firstPage, signal })) {
      if (group.record === undefined || (id !== undefined && group.place.id !== id)) continue;
      yield group;
    }
  }
}

/** Whether two values are the same JSON. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
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

import { cachingOf } from "../checkpoint/caching.ts";
import { NotFoundError, PreconditionFailedError } from "../errors.ts";
import { getBytes } from "../store/body.ts";
import { mapParallel, UNDER_WAY, weighed } from "../store/parallel.ts";
import type { Precondition } from "../store/store.ts";
import type { CheckpointLog } from "./log.ts";
import { chunksOf, valuesOf } from "./record.ts";
import type { Found } from "./writes.ts";

/**
 * Stores checkpoints with their writes and chunks again, as they are, so that a
 * lifecycle rule counts their days anew; tells whether all was there.
 *
 * @param except a key to leave alone.
 */
export async function renew(
  log: CheckpointLog,
  found: readonly Found[],
  except?: string,
): Promise<boolean> {
  /** Each with its bytes, as far as they are known. */
  const keys = new Map<string, number>();
  for (const { place, record, writes, group } of found) {
    const values = [...valuesOf(record), ...writes.map(({ value }) => value)];
    for (const value of values) {
      for (const { hash, length } of chunksOf(value)) {
        keys.set(log.keys.chunk(place.thread, hash), length);
      }
    }
    keys.set(log.keys.record(place), group?.record?.size ?? 0);
    for (const { info } of group?.writes ?? []) keys.set(info.key, info.size);
  }
  if (except !== undefined) keys.delete(except);
  const through = weighed(UNDER_WAY);
  const there = await mapParallel(
    keys,
    log.parallel,
    ([key, size], signal) => through(size, () => again(log, key, signal)),
  );
  return there.every((is) => is);
}

/** Stores an object again as it is; tells whether it was there. */
export async function again(
  log: CheckpointLog,
  key: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { store } = log.objects;
  const { conditionalUpdate } = store.capabilities;
  // A cache in between may have an older one: where nothing would tell, or has told, the store itself is asked.
  for (let fresh = !conditionalUpdate;; fresh = true) {
    try {
      const ifMatch = fresh ? (await store.head(key, { signal })).etag : undefined;
      const { info, bytes } = await getBytes(store, key, { ifMatch, signal });
      const precondition = whileIt(log, info.etag);
      await store.put(key, bytes, { ...cachingOf(store, key), precondition, signal });
      return true;
    } catch (error) {
      if (!isSuperseded(error)) throw error;
      // Deleted meanwhile it stays deleted; written meanwhile it is looked at again.
      if (error instanceof NotFoundError) return false;
    }
  }
}

/** Writes only while an ETag stands, where the store can tell. */
export function whileIt({ objects: { store } }: CheckpointLog, etag: string): Precondition {
  return store.capabilities.conditionalUpdate ? { ifMatch: etag } : "overwrite";
}

/** Whether somebody has written or deleted the object meanwhile. */
export function isSuperseded(error: unknown): boolean {
  return error instanceof PreconditionFailedError ||
    (error instanceof NotFoundError && error.what === "object");
}

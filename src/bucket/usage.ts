import { Keys } from "../checkpoint/keys.ts";
import type { Spread } from "../checkpoint/spread.ts";
import type { S3Store } from "../s3/api.ts";
import type { CallOptions } from "../store/store.ts";
import { apiOf } from "./_api.ts";
import { requireVersions, versionsByKey } from "./_version_list.ts";

/** A number of objects, and what they weigh. */
export interface Usage {
  /** How many there are. */
  readonly count: number;
  /** Their size in bytes. */
  readonly bytes: number;
}

/** What {@link nonCurrentUsage} counts. */
export interface NonCurrentUsage {
  /** What is there. */
  readonly current: Usage;
  /** Versions that were overwritten or deleted: they are paid for until they expire. */
  readonly noncurrent: Usage;
  /** Delete markers. */
  readonly deleteMarkers: number;
  /** Those of them that nothing is left behind: the lifecycle's `deleteMarkers` removes these. */
  readonly expiredDeleteMarkers: number;
}

/** Options of {@link nonCurrentUsage}. */
export interface UsageOptions extends CallOptions {
  /** The checkpointer's prefix. @default "cairn/" */
  readonly prefix?: string | undefined;
  /** Only this thread. @default all of them */
  readonly thread?: string | undefined;
  /** The checkpointer's `spread`. @default none */
  readonly spread?: Spread | undefined;
}

/**
 * Counts what versions take: one request for each 1,000 of them.
 *
 * @throws {UnsupportedError} where the bucket keeps no versions, or the store is no S3 store.
 *
 * @example
 * ```ts
 * import { nonCurrentUsage } from "@cairn/checkpoint/bucket";
 * import { edgeStore } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
 * const store = edgeStore({ bucket: "state", credentials });
 * const bytes = async (thread: string) =>
 *   (await nonCurrentUsage(store, { thread })).noncurrent.bytes;
 * assert.equal(typeof bytes, "function");
 * ```
 */
export async function nonCurrentUsage(
  store: S3Store,
  { prefix = "cairn/", thread, spread, signal }: UsageOptions = {},
): Promise<NonCurrentUsage> {
  const api = apiOf(store, "count versions of");
  const keys = new Keys(prefix, spread);
  const folder = thread === undefined ? keys.prefix : keys.thread(thread);
  await requireVersions(api, { signal });
  const [current, noncurrent] = [{ count: 0, bytes: 0 }, { count: 0, bytes: 0 }];
  let [deleteMarkers, expiredDeleteMarkers] = [0, 0];
  for await (const versions of versionsByKey(api, { prefix: folder, signal })) {
    const markers = versions.filter(({ info }) => info === undefined).length;
    deleteMarkers += markers;
    if (markers === versions.length) expiredDeleteMarkers += markers;
    for (const { info, latest } of versions) {
      if (info === undefined) continue;
      const usage = latest ? current : noncurrent;
      usage.count++;
      usage.bytes += info.size;
    }
  }
  return { current, noncurrent, deleteMarkers, expiredDeleteMarkers };
}

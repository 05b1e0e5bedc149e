import { InvalidInputError } from "../errors.ts";
import { mapParallel, UNDER_WAY, weighed } from "../store/parallel.ts";
import type { CallOptions, ObjectInfo } from "../store/store.ts";
import { insideOf } from "./faces.ts";
import type { Place } from "./keys.ts";
import { chunksOf, valuesOf } from "./record.ts";
import { again, isSuperseded, whileIt } from "./renewal.ts";
import type { ThreadKeeper } from "./threads.ts";

/** What {@link renewThread} did. */
export interface RenewResult {
  /** How many checkpoints can be seen for another time to live. */
  readonly renewed: number;
  /** How many are left as they were, since chunks of theirs are gone. */
  readonly torn: number;
}

/**
 * Stores all of a thread again, and gives every checkpoint that is not over a
 * life from now on. What was stored before the checkpointers had a time to live
 * knows nothing of the rule: renew such threads before you set it. It also
 * keeps a thread that nobody works on.
 *
 * Each object is read and written once, each checkpoint's record twice.
 *
 * @throws {InvalidInputError} where the checkpointer has no time to live.
 *
 * @example
 * ```ts
 * import { expireAfter, memoryStore, renewThread, S3Checkpointer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const store = memoryStore();
 * await new S3Checkpointer(store).save("t", { step: 1 }); // before there was a time to live
 *
 * const checkpointer = new S3Checkpointer(store, { ttl: expireAfter({ days: 30 }) });
 * for await (const thread of checkpointer.threads()) {
 *   const { renewed, torn } = await renewThread(checkpointer, thread);
 *   assert.deepEqual([renewed, torn], [1, 0]);
 * }
 * ```
 */
export async function renewThread(
  checkpointer: ThreadKeeper,
  thread: string,
  { signal }: CallOptions = {},
): Promise<RenewResult> {
  const { log } = insideOf(checkpointer);
  if (log.ttl === undefined) {
    throw new InvalidInputError(
      "Cannot renew a thread: the checkpointer has no time to live; give it ttl: expireAfter({ days })",
    );
  }
  const { store } = log.objects;
  const since = log.now();
  const places: Place[] = [];
  for await (const { place } of log.groups(thread, undefined, { signal })) places.push(place);
  const objects: ObjectInfo[] = [];
  for await (const page of store.list({ prefix: log.keys.thread(thread), signal })) {
    objects.push(...page.objects);
  }
  // All of it first, what is over included: those that get a new life may depend on any of it.
  const there = new Set<string>();
  const through = weighed(UNDER_WAY);
  await mapParallel(objects, log.parallel, async ({ key, size }, inner) => {
    if (await through(size, () => again(log, key, inner))) there.add(key);
  }, signal);

  let [renewed, torn] = [0, 0];
  await mapParallel(places, log.parallel, async (place, inner) => {
    // Listed anew: stored again, an object may have another ETag.
    const group = await log.group(place, { signal: inner });
    const record = group && await log.recordOf(group, { signal: inner });
    if (record === undefined) return;
    const chunks = valuesOf(record).flatMap((value) => [...chunksOf(value)]);
    if (!chunks.every(({ hash }) => there.has(log.keys.chunk(thread, hash)))) return void torn++;
    try {
      const precondition = whileIt(log, group!.record!.etag);
      await log.put(place, record, { since, precondition, signal: inner });
      renewed++;
    } catch (error) {
      // Put by another meanwhile, or deleted.
      if (!isSuperseded(error)) throw error;
    }
  }, signal);
  return { renewed, torn };
}

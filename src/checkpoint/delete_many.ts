import { PAGE_SIZE } from "../store/limits.ts";
import { isRetryable } from "../store/policy.ts";
import { mapAhead, mapParallel } from "../store/parallel.ts";
import type { CallOptions } from "../store/store.ts";
import {
  type BatchOptions,
  type ItemResult,
  type Ledger,
  noItem,
  openLedger,
  type WhichItem,
  whichOf,
} from "./batch.ts";
import { forgetThread, insideOf, threadKey } from "./faces.ts";
import type { CheckpointLog } from "./log.ts";
import type { ThreadKeeper } from "./threads.ts";

/** The objects of an item: the records go first, and what they depend on last. */
interface Doomed {
  readonly at: number;
  readonly records: string[];
  readonly writes: string[];
  readonly chunks: string[];
}

/** Up to how many keys are held at once; a thread that has more is deleted by itself, page by page. */
const WINDOW = 10_000;

/**
 * Deletes many threads or checkpoints. Each is listed, and the keys of all go
 * together, up to 1,000 a request: the records first, then the writes, then the
 * chunks, so that what can be seen can be read at each moment. A failure stops no
 * other item. What is not there is done.
 *
 * Of a checkpoint the chunks stay, as with {@link S3Checkpointer.delete}.
 *
 * @throws {InvalidInputError} where an item is none, its `id` is undefined, or it
 * has a namespace and no id; nothing is sent then.
 *
 * @example
 * ```ts
 * import { deleteMany, memoryStore, S3Checkpointer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const checkpointer = new S3Checkpointer(memoryStore());
 * const { id } = await checkpointer.save("a", { step: 1 });
 * await checkpointer.save("a", { step: 2 });
 * await checkpointer.save("b", { step: 1 });
 * const results = await deleteMany(checkpointer, [{ thread: "a", id }, "b"]);
 * assert(results.every(({ status }) => status === "done"));
 * assert.equal(await checkpointer.load("b"), undefined);
 * assert(await checkpointer.load("a"));
 * ```
 */
export async function deleteMany<const Item extends WhichItem>(
  checkpointer: ThreadKeeper,
  items: Iterable<Item>,
  options: BatchOptions = {},
): Promise<ItemResult<Item, undefined>[]> {
  const { log, last } = insideOf(checkpointer);
  const { signal } = options;
  const all = [...items];
  const wanted = all.map((item, at) => {
    const which = whichOf(log.keys, item, at);
    if (which.id !== undefined) return { namespace: "", ...which, id: which.id };
    // An id that turned out to be undefined must not cost the thread.
    if ("id" in which) throw noItem(at, "its id is undefined; leave it out to delete the thread");
    if (which.namespace !== undefined) throw noItem(at, "it has a namespace, and no id");
    return which;
  });
  const ledger = openLedger<Item, undefined>(all, log, options);

  async function* begun() {
    for (const [at, which] of wanted.entries()) {
      if (ledger.isStopped()) return;
      yield { at, ...which };
    }
  }
  const finish = (window: readonly Doomed[]) => {
    for (const { at } of window) {
      if (ledger.hasFailed(at)) continue;
      const { thread, namespace = "", id } = wanted[at]!;
      const key = threadKey({ thread, namespace });
      if (id === undefined) {
        log.objects.recent.deleteUnder(log.keys.thread(thread));
        forgetThread(last, thread);
      } else if (last?.get(key)?.id === id) last.delete(key);
      ledger.done(at, undefined);
    }
  };
  const flush = async (window: readonly Doomed[]) => {
    await deleteAll(log, window, ledger, signal);
    finish(window);
  };

  let window: Doomed[] = [];
  let held = 0;
  const listings = mapAhead(begun, () => ledger.parallel, async (which, inner) => {
    try {
      return await listItem(log, which, { signal: inner });
    } catch (error) {
      ledger.failed(which.at, error);
    }
  }, signal);
  for await (const doomed of listings) {
    if (doomed === undefined) continue;
    window.push(doomed);
    held += doomed.records.length + doomed.writes.length + doomed.chunks.length;
    if (held < WINDOW) continue;
    await flush(window);
    window = [];
    held = 0;
  }
  await flush(window);
  return ledger.results();
}

/** Lists what is to be deleted of an item. */
async function listItem(
  log: CheckpointLog,
  { at, thread, namespace = "", id }: {
    readonly at: number;
    readonly thread: string;
    readonly namespace?: string | undefined;
    readonly id?: string | undefined;
  },
  options: CallOptions,
): Promise<Doomed> {
  const doomed: Doomed = { at, records: [], writes: [], chunks: [] };
  if (id !== undefined) {
    const group = await log.group({ thread, namespace, id }, options);
    if (group?.record) doomed.records.push(group.record.key);
    doomed.writes.push(...group?.writes.map(({ info }) => info.key) ?? []);
    return doomed;
  }
  let count = 0;
  for await (
    const page of log.objects.store.list({ prefix: log.keys.thread(thread), ...options })
  ) {
    count += page.objects.length;
    if (count > WINDOW) {
      await log.deleteThread(thread, options);
      return { at, records: [], writes: [], chunks: [] };
    }
    for (const { key } of page.objects) {
      const kind = log.keys.parse(key)?.kind;
      if (kind === "checkpoint") doomed.records.push(key);
      else if (kind === "writes") doomed.writes.push(key);
      else doomed.chunks.push(key);
    }
  }
  return doomed;
}

/** Deletes the objects of many items, stage by stage, those of one that fails no further. */
async function deleteAll(
  log: CheckpointLog,
  window: readonly Doomed[],
  ledger: Ledger<unknown, unknown>,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const stage of ["records", "writes", "chunks"] as const) {
    const keys = window.flatMap((doomed) =>
      ledger.hasFailed(doomed.at) ? [] : doomed[stage].map((key) => ({ at: doomed.at, key }))
    );
    const requests: (typeof keys)[] = [];
    for (let at = 0; at < keys.length; at += PAGE_SIZE) {
      requests.push(keys.slice(at, at + PAGE_SIZE));
    }
    await mapParallel(requests, ledger.parallel, async (request) => {
      try {
        await log.objects.delete(request.map(({ key }) => key), signal);
      } catch (error) {
        const touched = new Set(request.map(({ at }) => at));
        // What is refused may be one item's alone; an outage is everybody's.
        const isShared = touched.size > 1 && !isRetryable(error) && !signal?.aborted;
        for (const at of touched) {
          if (!isShared) ledger.failed(at, error);
          else {
            const own = request.filter((doomed) => doomed.at === at).map(({ key }) => key);
            await log.objects.delete(own, signal).catch((reason) => ledger.failed(at, reason));
          }
        }
      }
    });
  }
}

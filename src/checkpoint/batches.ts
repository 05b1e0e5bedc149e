import { quote } from "../store/key.ts";
import type { CallOptions } from "../store/store.ts";
import {
  type BatchOptions,
  type ItemResult,
  noItem,
  requireItem,
  runBatch,
  type WhichItem,
  whichOf,
} from "./batch.ts";
import type { Checkpoint, CheckpointInfo, S3Checkpointer, SaveOptions } from "./checkpointer.ts";
import { insideOf, type Last, threadKey } from "./faces.ts";
import { uuid7 } from "./id.ts";
import type { Keys } from "./keys.ts";

/** A state to be saved: what {@link S3Checkpointer.save} takes. */
export interface SaveItem<State> extends Omit<SaveOptions, keyof CallOptions> {
  /** The thread. */
  readonly thread: string;
  /** The state. */
  readonly state: State;
}

/** A {@link SaveItem} with what was settled before anything was sent: saved again, it is the same checkpoint. */
export interface SettledItem<State> extends SaveItem<State> {
  /** The namespace. */
  readonly namespace: string;
  /** The id. */
  readonly id: string;
  /** The id of the checkpoint it is made from; `null` for none. */
  readonly parent: string | null;
}

/**
 * Saves many states. Those of one thread are saved in their order, each the
 * child of the one before it in its namespace; threads go side by side. A failure
 * stops no other item.
 *
 * Ids and parents are settled before anything is sent, and each result's `item`
 * names them: to go on after a failure, give the items that are not done again,
 * and the same checkpoints come of them, each once.
 *
 * @throws {InvalidInputError} where an item is none, an id fits no key, or two
 * items have the same one; nothing is sent then.
 *
 * @example Save a batch, and what failed once more
 * ```ts
 * import { memoryStore, S3Checkpointer, saveMany } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const checkpointer = new S3Checkpointer<{ step: number }>(memoryStore());
 * const results = await saveMany(checkpointer, [
 *   { thread: "a", state: { step: 1 } },
 *   { thread: "a", state: { step: 2 } },
 *   { thread: "b", state: { step: 1 } },
 * ]);
 * const left = results.filter(({ status }) => status !== "done").map(({ item }) => item);
 * assert.deepEqual(await saveMany(checkpointer, left), []);
 * assert.equal(results[1]?.item.parent, results[0]?.item.id);
 * ```
 */
export async function saveMany<State>(
  checkpointer: S3Checkpointer<State>,
  items: Iterable<SaveItem<State>>,
  options: BatchOptions = {},
): Promise<ItemResult<SettledItem<State>, CheckpointInfo>[]> {
  const { log, last } = insideOf(checkpointer);
  const settled = settle(log.keys, [...items], last);
  const threads = new Map<string, number[]>();
  settled.forEach(({ thread }, at) => {
    const own = threads.get(thread) ?? [];
    threads.set(thread, own);
    own.push(at);
  });
  return await runBatch(log, settled, [...threads.values()], options, (item) => {
    const { thread, state, ...rest } = item;
    return checkpointer.save(thread, state, { ...rest, signal: options.signal });
  });
}

/**
 * Loads many checkpoints, or the latest of many threads, side by side. A failure
 * stops no other item. The value of one that is not there is `undefined`.
 *
 * @throws {InvalidInputError} where an item is none; nothing is sent then.
 *
 * @example
 * ```ts
 * import { loadMany, memoryStore, S3Checkpointer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const checkpointer = new S3Checkpointer<{ step: number }>(memoryStore());
 * const { id } = await checkpointer.save("a", { step: 1 });
 * await checkpointer.save("a", { step: 2 });
 * const results = await loadMany(checkpointer, ["a", { thread: "a", id }, "nobody"]);
 * assert.deepEqual(
 *   results.map((result) => result.status === "done" && result.value?.state.step),
 *   [2, 1, undefined],
 * );
 * ```
 */
export async function loadMany<State, const Item extends WhichItem>(
  checkpointer: S3Checkpointer<State>,
  items: Iterable<Item>,
  options: BatchOptions = {},
): Promise<ItemResult<Item, Checkpoint<State> | undefined>[]> {
  const { log, last } = insideOf(checkpointer);
  const all = [...items];
  const wanted = all.map((item, at) => {
    const { thread, namespace = "", id } = whichOf(log.keys, item, at);
    return { thread, namespace, id };
  });
  const alone = all.map((_, at) => [at]);
  const results = await runBatch(log, all, alone, options, (_, at) => {
    const { thread, ...which } = wanted[at]!;
    return checkpointer.load(thread, { ...which, signal: options.signal });
  });
  // Whichever came last: what a thread is saved after is the last of it in the items' order.
  for (const result of results) {
    if (result.status !== "done" || result.value === undefined || last === undefined) continue;
    const { id, parent } = result.value;
    if (last.has(threadKey(result.value))) last.set(threadKey(result.value), { id, parent });
  }
  return results;
}

/** Checks the items of a batch, and gives each its id and its parent. */
function settle<State>(
  keys: Keys,
  items: readonly SaveItem<State>[],
  last: ReadonlyMap<string, Last> = new Map(),
): SettledItem<State>[] {
  const before = new Map<string, string>();
  const seen = new Set<string>();
  return items.map((item, at) => {
    requireItem(item, at);
    if (!("state" in item)) throw noItem(at, "it has no state");
    const { thread, namespace = "" } = item;
    const key = threadKey({ thread, namespace });
    const parent = item.parent === undefined
      ? before.get(key) ?? lastOf(last, key, item.id)
      : item.parent;
    const { id = uuid7(parent ?? undefined) } = item;
    const place = keys.record({ thread, namespace, id });
    if (seen.has(place)) {
      throw noItem(at, `another one is checkpoint ${quote(id)} of thread ${quote(thread)}, too`);
    }
    seen.add(place);
    before.set(key, id);
    return { ...item, namespace, id, parent };
  });
}

/** What `save` takes for the parent where none is given. */
function lastOf(last: ReadonlyMap<string, Last>, key: string, id: string | undefined) {
  const known = last.get(key);
  return (known?.id === id ? known?.parent : known?.id) ?? null;
}

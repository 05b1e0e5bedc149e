import { InvalidInputError } from "../errors.ts";
import { checkWhole } from "../store/_options.ts";
import { tell } from "../store/_tell.ts";
import { quote } from "../store/key.ts";
import { mapParallel } from "../store/parallel.ts";
import type { CallOptions } from "../store/store.ts";
import type { Keys } from "./keys.ts";
import type { CheckpointLog } from "./log.ts";

/** How far a batch has come. */
export interface BatchProgress {
  /** How many items are done. */
  readonly done: number;
  /** How many have failed. */
  readonly failed: number;
  /** How many there are. */
  readonly total: number;
}

/** Options of {@link saveMany}, {@link loadMany} and {@link deleteMany}. */
export interface BatchOptions extends CallOptions {
  /**
   * How many items are under way at once, each with its state in memory: give fewer where states are large.
   *
   * @default the checkpointer's `maxOpenRequests`
   */
  readonly parallel?: number | undefined;
  /** Whether no other item is begun once one has failed. @default false */
  readonly stopOnError?: boolean | undefined;
  /** Told at the beginning, and after each item. What it throws harms nothing. */
  readonly onProgress?: ((progress: BatchProgress) => void) | undefined;
}

/**
 * What became of an item. One that failed may have been done in part, or its
 * answer was lost; to do it again is safe. One that was skipped was not begun:
 * the signal had aborted, or another item had failed with `stopOnError`.
 */
export type ItemResult<Item, Value> =
  | { readonly status: "done"; readonly item: Item; readonly value: Value }
  | { readonly status: "failed"; readonly item: Item; readonly error: unknown }
  | { readonly status: "skipped"; readonly item: Item; readonly error: unknown };

/** A checkpoint, or a thread: by its id alone, or without the id of a checkpoint. */
export type WhichItem = string | {
  /** The thread. */
  readonly thread: string;
  /** The namespace. @default "" */
  readonly namespace?: string | undefined;
  /** The id of the checkpoint. */
  readonly id?: string | undefined;
};

/** What has become of a batch's items so far. */
export interface Ledger<Item, Value> {
  /** How many items are under way at once. */
  readonly parallel: number;
  /** Whether no other item is to be begun. */
  isStopped(): boolean;
  done(at: number, value: Value): void;
  failed(at: number, error: unknown): void;
  hasFailed(at: number): boolean;
  /** What became of each item, in their order. */
  results(): ItemResult<Item, Value>[];
}

/**
 * Opens a ledger, and tells the observer that the batch begins.
 *
 * @throws {InvalidInputError} where an option cannot be used.
 */
export function openLedger<Item, Value>(
  items: readonly Item[],
  log: CheckpointLog,
  { parallel = log.parallel, stopOnError = false, onProgress, signal }: BatchOptions,
): Ledger<Item, Value> {
  checkWhole({ parallel }, 1);
  const settled: ItemResult<Item, Value>[] = [];
  const failures: unknown[] = [];
  let count = 0;
  const report = () =>
    tell(onProgress, { done: count, failed: failures.length, total: items.length });
  report();
  return {
    parallel,
    isStopped: () => signal?.aborted === true || (stopOnError && failures.length > 0),
    done(at, value) {
      settled[at] = { status: "done", item: items[at]!, value };
      count++;
      report();
    },
    failed(at, error) {
      if (settled[at] !== undefined) return;
      settled[at] = { status: "failed", item: items[at]!, error };
      failures.push(error);
      report();
    },
    hasFailed: (at) => settled[at]?.status === "failed",
    results() {
      const error = signal?.aborted ? signal.reason : failures[0];
      return items.map((item, at) => settled[at] ?? { status: "skipped", item, error });
    },
  };
}

/**
 * Does the same with each item: chains side by side, the items of a chain one
 * after the other. Gives what became of each, in the items' order.
 */
export async function runBatch<Item, Value>(
  log: CheckpointLog,
  items: readonly Item[],
  chains: readonly (readonly number[])[],
  options: BatchOptions,
  operation: (item: Item, at: number) => Promise<Value>,
): Promise<ItemResult<Item, Value>[]> {
  const ledger = openLedger<Item, Value>(items, log, options);
  await mapParallel(chains, ledger.parallel, async (chain) => {
    for (const at of chain) {
      if (ledger.isStopped()) return;
      try {
        ledger.done(at, await operation(items[at]!, at));
      } catch (error) {
        ledger.failed(at, error);
      }
    }
  });
  return ledger.results();
}

/** The parts of an item that names a checkpoint or a thread. */
export function whichOf(keys: Keys, item: WhichItem, at: number): Exclude<WhichItem, string> {
  const which = typeof item === "string" ? { thread: item } : item;
  requireItem(which, at);
  const { thread, namespace = "", id } = which;
  if (id === undefined) keys.namespace(thread, namespace);
  else keys.record({ thread, namespace, id });
  return which;
}

/** Refuses what is no item of a batch. */
export function requireItem(item: unknown, at: number): asserts item is { thread: string } {
  const isItem = typeof item === "object" && item !== null && "thread" in item;
  if (!isItem) throw noItem(at, `it is ${quote(item)}, and has no thread`);
}

/** The error of an item that is none. */
export function noItem(at: number, why: string): InvalidInputError {
  return new InvalidInputError(`Cannot use item ${at} of the batch: ${why}; nothing was sent`);
}

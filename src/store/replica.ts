import { CorruptError, UnavailableError } from "../errors.ts";
import { cancel } from "./_abort.ts";
import { refuse } from "./_options.ts";
import { resolveRange } from "./_range.ts";
import { quote } from "./key.ts";
import { isRetryable } from "./policy.ts";
import type {
  CallOptions,
  GetOptions,
  GetResult,
  ListOptions,
  ListPage,
  ObjectStore,
} from "./store.ts";

/** A read that the origin could not answer. */
export interface Fallback {
  /** What was asked for. */
  readonly operation: "get" | "list";
  /** The key; of a listing its prefix. */
  readonly key: string;
  /** Why the origin did not answer. */
  readonly error: unknown;
  /** Why the replica did not answer either; absent where what was read came from the replica. */
  readonly replicaError?: unknown;
}

/** Options of {@link withReplica}. */
export interface ReplicaOptions {
  /** Hears of each read that the origin could not answer, once it is known whether the replica could. */
  readonly onFallback?: ((fallback: Fallback) => void) | undefined;
  /**
   * For how long after the last read from the replica nothing is deleted or copied, in
   * milliseconds: what is to go, or to come along, may have been chosen by what the replica said.
   *
   * @default 3_600_000, an hour
   */
  readonly deleteAfter?: number | undefined;
}

/** Parts of a store with a replica that tests replace. */
export interface ReplicaComponents {
  /** Milliseconds, ever rising. @default performance.now */
  readonly now?: () => number;
}

/**
 * A store that reads from a replica where the origin fails: where it is
 * unavailable, throttled, or does not answer in time, and its own attempts are
 * used up. Any other failure is the origin's answer, and stands.
 *
 * A replica lags, so it is believed in what it has, and never in what it lacks:
 * where it has no such object, or nothing at all under a prefix, the origin's
 * error is thrown. What it has may be old: the latest checkpoint may be an
 * older one, and saving on top of that makes a fork. See `docs/replication.md`.
 *
 * - A listing goes on where it began: one that breaks in the middle is an error.
 * - A body that breaks in the middle goes on from the replica where the object
 *   there has the same ETag.
 * - `head` asks the origin alone, since whoever asks is about to write on the
 *   strength of the answer; so do all writes.
 * - Nothing is deleted or copied for a while after a read from the replica: a
 *   deletion that was chosen by an old listing would leave the rest of a thread,
 *   or take what a newer checkpoint needs, and a copy would lack it.
 *
 * Give the origin few attempts and a short timeout, so that the replica's turn
 * comes while somebody still waits.
 *
 * @throws {InvalidInputError} where `deleteAfter` is no number from 0.
 *
 * @example
 * ```ts
 * import { getBytes, memoryStore, UnavailableError, withReplica } from "@cairn/checkpoint";
 * import { faultyStore } from "@cairn/checkpoint/testing";
 * import assert from "node:assert/strict";
 *
 * const [here, there] = [memoryStore(), memoryStore()]; // buckets of two regions
 * await there.put("key", new Uint8Array([1]));
 * const down = faultyStore(here, () => ({ kind: "fail", error: new UnavailableError("503") }));
 *
 * const store = withReplica(down, there, {
 *   onFallback: ({ operation, key }) => console.warn(`${operation} ${key}: from the replica`),
 * });
 * assert.deepEqual((await getBytes(store, "key")).bytes, new Uint8Array([1]));
 * await assert.rejects(store.put("key", new Uint8Array([2])), UnavailableError);
 * ```
 */
export function withReplica(
  origin: ObjectStore,
  replica: ObjectStore,
  options: ReplicaOptions = {},
  components: ReplicaComponents = {},
): ObjectStore {
  const { onFallback, deleteAfter = 3_600_000 } = options;
  const { now = () => performance.now() } = components;
  if (!(typeof deleteAfter === "number" && deleteAfter >= 0)) {
    refuse("deleteAfter", deleteAfter, "a number from 0");
  }
  let lastFallback = -Infinity;

  /** Asks the replica where the origin's failure allows it; else, or where it does not help, that failure stands. */
  async function fallBack<T>(
    read: Pick<Fallback, "operation" | "key">,
    error: unknown,
    { signal, trace }: CallOptions,
    ask: () => Promise<T>,
  ): Promise<T> {
    if (signal?.aborted || !isRetryable(error)) throw error;
    const before = trace?.attempts;
    let answer;
    try {
      answer = await ask();
    } catch (replicaError) {
      signal?.throwIfAborted();
      onFallback?.({ ...read, error, replicaError });
      throw error;
    } finally {
      // Its first request was sent because the origin's had failed.
      if (trace && trace.attempts !== before) trace.retries++;
    }
    lastFallback = now();
    onFallback?.({ ...read, error });
    return answer;
  }

  /** Refuses what may have been chosen by what the replica said a while ago. */
  function refuseWhileBehind(doing: string, key: string): void {
    const wait = lastFallback + deleteAfter - now();
    if (!(wait > 0)) return;
    throw new UnavailableError(
      `Cannot ${doing}: something was read from the replica less than ${deleteAfter} ms ago, ` +
        "and it may lag; try again later, or with the origin alone",
      { key, retryAfter: Math.ceil(wait) },
    );
  }

  /** The body of an answer of the origin, with its end from the replica where the origin breaks off. */
  function continued(key: string, { info, body }: GetResult, options: GetOptions): GetResult {
    const { start, end } = resolveRange(options.range, info.size, key);
    let at = start;
    let reader = body.getReader();
    let switched = false;
    const rest = async () => {
      const which = { ...options, range: { start: at, end }, ifMatch: info.etag };
      return (await replica.get(key, which)).body.getReader();
    };
    const next = async () => {
      try {
        return await reader.read();
      } catch (error) {
        if (at === end) return { done: true, value: undefined } as const;
        if (switched) throw error;
        switched = true;
        reader = await fallBack({ operation: "get", key }, error, options, rest);
        return await reader.read();
      }
    };
    const whole = new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller) {
        try {
          const { done, value } = await next();
          if (done) return controller.close();
          at += value.length;
          if (at > end) {
            throw new CorruptError(`${quote(key)} goes on past byte ${end}`, { key });
          }
          controller.enqueue(value);
        } catch (error) {
          // Also of a replica that answers when nobody wants it any more.
          cancel(reader, error);
          throw error;
        }
      },
      cancel: (reason) => cancel(reader, reason),
    }, { highWaterMark: 0 });
    return { info, body: whole };
  }

  return {
    name: `${origin.name}, else ${replica.name}`,
    get capabilities() {
      const orderedList = origin.capabilities.orderedList && replica.capabilities.orderedList;
      return { ...origin.capabilities, orderedList, lags: true };
    },
    put: (key, body, options) => origin.put(key, body, options),
    async get(key, options = {}) {
      let answer;
      try {
        answer = await origin.get(key, options);
      } catch (error) {
        const ask = () => replica.get(key, options);
        return await fallBack({ operation: "get", key }, error, options, ask);
      }
      return continued(key, answer, options);
    },
    head: (key, options) => origin.head(key, options),
    async *list(options = {}) {
      let pages = origin.list(options)[Symbol.asyncIterator]();
      let first;
      try {
        first = await pages.next();
      } catch (error) {
        const read = { operation: "list", key: options.prefix ?? "" } as const;
        [pages, first] = await fallBack(read, error, options, async () => {
          const others = replica.list(options)[Symbol.asyncIterator]();
          return [others, await firstOf(others, options)] as const;
        });
      }
      try {
        for (let next = first; !next.done; next = await pages.next()) yield next.value;
      } finally {
        await pages.return?.();
      }
    },
    async delete(keys, options) {
      if (keys.length > 0) refuseWhileBehind(`delete ${keys.length} keys`, keys[0]!);
      await origin.delete(keys, options);
    },
    async copy(from, to, options) {
      refuseWhileBehind(`copy ${quote(from)}`, from);
      return await origin.copy(from, to, options);
    },
    presign: (key, options) => origin.presign(key, options),
  };
}

/** The first page of a replica's listing. That there is nothing at all is not for it to say. */
async function firstOf(
  pages: AsyncIterator<ListPage>,
  { startAfter, limit }: ListOptions,
): Promise<IteratorResult<ListPage>> {
  const first = await pages.next();
  const isEmpty = first.done || first.value.objects.length + first.value.prefixes.length === 0;
  if (!isEmpty || startAfter !== undefined || limit === 0) return first;
  await pages.return?.();
  throw new UnavailableError("The replica has nothing there, which may be because it lags");
}

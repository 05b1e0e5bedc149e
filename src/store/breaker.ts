import { CairnError, UnavailableError } from "../errors.ts";
import { checkWhole, refuse } from "./_options.ts";
import { discard } from "./_source.ts";
import { watched } from "./_watch.ts";
import { isRetryable } from "./policy.ts";
import type { Body, CallOptions, ObjectStore, PutResult } from "./store.ts";

/**
 * Whether calls go through: all of them where it is `closed`, none where it is
 * `open`, one at a time, to find out, where it is `half-open`.
 */
export type BreakerState = "closed" | "open" | "half-open";

/** Options of {@link breaker}. */
export interface BreakerOptions {
  /** How many failures in a row open the circuit. @default 5 */
  readonly threshold?: number | undefined;
  /** How long it stays open before one call is let through, in milliseconds. @default 30_000 */
  readonly rest?: number | undefined;
  /** Is told of each change. What it throws is nobody's concern. */
  readonly onChange?: ((state: BreakerState, before: BreakerState) => void) | undefined;
}

/** Parts of a breaker that tests replace. */
export interface BreakerComponents {
  /** Milliseconds, ever rising. @default performance.now */
  readonly now?: () => number;
}

/** A store behind a circuit breaker, with its state. */
export interface BreakerStore extends ObjectStore {
  /** The state of the circuit. One that is open stays so until a call comes after its rest. */
  readonly state: BreakerState;
}

/** What a call tells of the store: that it answers, that it is in trouble, or neither. */
type Sign = "well" | "ill" | "none";

/**
 * A store that is left in peace while it is in trouble. After so many failures
 * in a row, each call is refused at once with an `UnavailableError` of the code
 * `CircuitOpen`, whose `retryAfter` is what is left of the rest. Then one call
 * is let through: where it goes well the circuit closes, else it opens again.
 *
 * - A failure is one that was unavailable, timed out or throttled, after all
 *   the attempts that the store made of it; a body or a page of a listing that
 *   breaks is one. Any other answer of the store is a sign of life. What says
 *   nothing of the store is neither: a wrong argument, an aborted call, a body
 *   that its reader cancels, a stream of the caller's own that breaks.
 * - Each page of a listing is a call of its own. `presign`, and a `delete` of
 *   no keys, ask the store for nothing, and always pass.
 * - The call that is let through has as long as the rest: where it has not
 *   ended by then, as in a Worker whose client has gone, the next may try.
 *
 * It stands around a store, whose own attempts it leaves alone; what tries
 * again around the breaker waits for `retryAfter`, as `createPolicy` does, and
 * sends nothing before. Give all that share a bucket one breaker.
 *
 * @throws {InvalidInputError} where an option cannot be used.
 *
 * @example
 * ```ts
 * import { breaker, memoryStore, UnavailableError } from "@cairn/checkpoint";
 * import { faultyStore } from "@cairn/checkpoint/testing";
 * import assert from "node:assert/strict";
 *
 * const down = faultyStore(memoryStore(), () => ({ kind: "fail" })); // or edgeStore, sdkStore
 * const store = breaker(down, { threshold: 2, rest: 10_000 });
 * for (let i = 0; i < 2; i++) await assert.rejects(store.head("key"), UnavailableError);
 * await assert.rejects(store.head("key"), (error) => {
 *   assert(error instanceof UnavailableError && error.code === "CircuitOpen");
 *   return error.retryAfter! <= 10_000;
 * });
 * ```
 */
export function breaker(
  store: ObjectStore,
  options: BreakerOptions = {},
  { now = () => performance.now() }: BreakerComponents = {},
): BreakerStore {
  const { threshold = 5, rest = 30_000, onChange } = options;
  checkWhole({ threshold }, 1);
  if (!(Number.isFinite(rest) && rest > 0)) refuse("rest", rest, "a number above 0");
  if (onChange !== undefined && typeof onChange !== "function") {
    refuse("onChange", onChange, "a function");
  }

  let state: BreakerState = "closed";
  let failures = 0;
  /** The end of the rest; of a call that was let through, the end of its time. */
  let until = -Infinity;
  /** Rises whenever what went before no longer counts. */
  let era = 0;

  function change(to: BreakerState): void {
    const before = state;
    state = to;
    failures = 0;
    era++;
    if (to === before) return;
    try {
      onChange?.(to, before);
    } catch {
      // Whoever watches must not stand in the way.
    }
  }

  /** Lets a call through, and gives what takes its sign; or refuses it. */
  function enter(doing: string, signal: AbortSignal | undefined): (sign: Sign) => void {
    signal?.throwIfAborted();
    if (state !== "closed") {
      const left = Math.ceil(until - now());
      if (left > 0) throw refusal(doing, left);
      until = now() + rest;
      change("half-open");
    }
    const mine = era;
    return (sign) => {
      if (mine !== era) return; // it began before the last change
      if (state === "half-open") {
        until = sign === "ill" ? now() + rest : -Infinity;
        if (sign !== "none") change(sign === "well" ? "closed" : "open");
      } else if (sign === "well") failures = 0;
      else if (sign === "ill" && ++failures >= threshold) {
        until = now() + rest;
        change("open");
      }
    };
  }

  function refusal(doing: string, left: number): UnavailableError {
    const open = state === "open";
    return new UnavailableError(
      `Cannot ${doing} ${store.name}: the circuit is open, as it failed again and again; ` +
        (open ? `try again in ${left} ms` : "one call is under way to find out; try again later"),
      { code: "CircuitOpen", retryAfter: open ? left : undefined },
    );
  }

  async function pass<T>(
    doing: string,
    { signal }: CallOptions,
    call: () => Promise<T>,
    source?: { readonly broken?: unknown },
  ): Promise<T> {
    const leave = enter(doing, signal);
    try {
      const answer = await call();
      leave("well");
      return answer;
    } catch (error) {
      leave(source?.broken === error ? "none" : signOf(error, signal));
      throw error;
    }
  }

  return {
    get name() {
      return store.name;
    },
    get capabilities() {
      return store.capabilities;
    },
    get state() {
      return state;
    },
    async put(key, body, options = {}) {
      const source: { broken?: unknown } = {};
      const put = (): Promise<PutResult> => {
        const whole = isOpen(body)
          ? watched(body, { ended: (_, error) => void (source.broken = error) })
          : body;
        return store.put(key, whole, options);
      };
      try {
        return await pass("write to", options, put, source);
      } catch (error) {
        discard(body, error);
        throw error;
      }
    },
    async get(key, options = {}) {
      const { signal } = options;
      const leave = enter("read from", signal);
      try {
        const { info, body } = await store.get(key, options);
        return {
          info,
          body: watched(body, {
            ended: (how, error) =>
              leave(how === "read" ? "well" : how === "failed" ? signOf(error, signal) : "none"),
          }),
        };
      } catch (error) {
        leave(signOf(error, signal));
        throw error;
      }
    },
    head: (key, options = {}) => pass("read from", options, () => store.head(key, options)),
    async *list(options = {}) {
      const { signal, trace = { attempts: 0, retries: 0 } } = options;
      const pages = store.list({ ...options, trace })[Symbol.asyncIterator]();
      try {
        while (true) {
          const leave = enter("list", signal);
          const { attempts } = trace;
          let next;
          try {
            next = await pages.next();
          } catch (error) {
            leave(signOf(error, signal));
            throw error;
          }
          // The end of a listing may be known without asking.
          leave(next.done && trace.attempts === attempts ? "none" : "well");
          if (next.done) return;
          yield next.value;
        }
      } finally {
        await pages.return?.();
      }
    },
    delete(keys, options = {}) {
      const remove = () => store.delete(keys, options);
      return keys.length === 0 ? remove() : pass("delete from", options, remove);
    },
    copy: (from, to, options = {}) => pass("copy in", options, () => store.copy(from, to, options)),
    presign: (key, options) => store.presign(key, options),
  };
}

function signOf(error: unknown, signal: AbortSignal | undefined): Sign {
  const aborted = signal?.aborted && error === signal.reason;
  if (aborted || !(error instanceof CairnError)) return "none";
  if (isRetryable(error)) return "ill";
  const answered = error.kind === "not-found" || error.kind === "precondition";
  return answered || error.status !== undefined ? "well" : "none";
}

function isOpen(body: Body): body is ReadableStream<Uint8Array> {
  return body instanceof ReadableStream && !body.locked;
}

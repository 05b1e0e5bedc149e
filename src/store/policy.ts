import { CairnError, type ThrottledError, TimeoutError, type UnavailableError } from "../errors.ts";
import { withController } from "./_abort.ts";
import { checkWhole, refuse } from "./_options.ts";
import { createGate } from "./gate.ts";
import { openRequests } from "./open_requests.ts";
import type { CallTrace } from "./store.ts";

/** How requests are tried again. */
export interface RetryOptions {
  /** The most attempts in all; 1 tries once. @default 5 */
  readonly maxAttempts?: number | undefined;
  /** The ceiling of the first wait, in milliseconds; it doubles with each. @default 100 */
  readonly baseDelay?: number | undefined;
  /** The ceiling of any wait, in milliseconds; a longer `Retry-After` is honoured all the same. @default 20_000 */
  readonly maxDelay?: number | undefined;
}

/** How a store treats each of its requests. All times are in milliseconds. */
export interface PolicyOptions {
  /** How requests are tried again. */
  readonly retry?: RetryOptions | undefined;
  /** The longest one attempt may take until its answer's headers, and any one read of its body. @default 30_000 */
  readonly attemptTimeout?: number | undefined;
  /** The longest a request may take with all its attempts and waits. @default 120_000 */
  readonly timeout?: number | undefined;
  /**
   * The most requests of the store that are open at once, whoever sends them.
   * A checkpointer's own `maxOpenRequests` bounds what one of its calls asks
   * for; of the two the smaller holds.
   *
   * @default 6 in a Cloudflare Worker, which may have no more; else 50, the AWS SDK's own default
   */
  readonly maxOpenRequests?: number | undefined;
}

/** Parts of a policy that tests replace. */
export interface PolicyComponents {
  /** A number from 0 up to 1. @default Math.random */
  readonly random?: () => number;
  /** Waits, unless the signal aborts first. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds, ever rising. @default performance.now */
  readonly now?: () => number;
}

/** Runs requests: with attempts, waits, timeouts, a deadline and a bound on how many are open. */
export interface Policy {
  /** The longest one attempt, or one read of a body, may take, in milliseconds. */
  readonly attemptTimeout: number;
  /**
   * Runs one request. `attempt` is called once for each attempt, numbered from
   * 1, with a signal that it must pass on, and must reject with a `CairnError`.
   * The attempts are counted in `trace`.
   */
  run<T>(
    attempt: (signal: AbortSignal, number: number) => Promise<T>,
    signal?: AbortSignal,
    trace?: CallTrace,
  ): Promise<T>;
}

/**
 * Whether the same request may succeed if it is sent again: by the error's
 * kind, never by its message.
 *
 * @example
 * ```ts
 * import { AccessError, isRetryable, UnavailableError } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * assert.equal(isRetryable(new UnavailableError("503")), true);
 * assert.equal(isRetryable(new AccessError("403")), false);
 * ```
 */
export function isRetryable(error: unknown): boolean {
  return error instanceof CairnError &&
    ["throttled", "timeout", "unavailable"].includes(error.kind);
}

/**
 * Makes a policy. Waits follow exponential backoff with full jitter: a random
 * time between nothing and a ceiling that doubles from `baseDelay` to
 * `maxDelay` (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/),
 * and never less than the `Retry-After` of the answer. Where the next wait
 * would pass the deadline, the last error is thrown at once.
 *
 * @throws {InvalidInputError} where a limit is not a positive number.
 *
 * @example
 * ```ts
 * import { createPolicy, UnavailableError } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const policy = createPolicy({ retry: { baseDelay: 1 } });
 * const answer = await policy.run((_signal, attempt) =>
 *   attempt < 3 ? Promise.reject(new UnavailableError("busy")) : Promise.resolve(attempt)
 * );
 * assert.equal(answer, 3);
 * ```
 */
export function createPolicy(
  options: PolicyOptions = {},
  components: PolicyComponents = {},
): Policy {
  const {
    retry = {},
    attemptTimeout = 30_000,
    timeout = 120_000,
    maxOpenRequests = openRequests(),
  } = options;
  if (typeof retry !== "object") {
    refuse("retry", retry, "an object, as { maxAttempts: 1 } for no second try");
  }
  const { maxAttempts = 5, baseDelay = 100, maxDelay = 20_000 } = retry;
  const { random = Math.random, sleep = wait, now = () => performance.now() } = components;
  checkWhole({ maxAttempts, maxOpenRequests }, 1);
  for (const [name, value] of Object.entries({ baseDelay, maxDelay, attemptTimeout, timeout })) {
    if (!(typeof value === "number" && value > 0)) refuse(name, value, "a number above 0");
  }
  const gate = createGate(maxOpenRequests);

  async function runAll<T>(
    attempt: (signal: AbortSignal, number: number) => Promise<T>,
    signal?: AbortSignal,
    trace?: CallTrace,
  ): Promise<T> {
    const deadline = now() + timeout;
    for (let number = 1;; number++) {
      signal?.throwIfAborted();
      try {
        const left = deadline - now();
        const limit = Math.min(attemptTimeout, left);
        return await withTimeout(
          (inner) => {
            if (trace) {
              trace.attempts++;
              if (number > 1) trace.retries++;
              traces.set(inner, trace);
            }
            return attempt(inner, number);
          },
          limit,
          signal,
        );
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        if (!isRetryable(error) || number >= maxAttempts) throw error;
        const ceiling = Math.min(maxDelay, baseDelay * 2 ** (number - 1));
        const delay = Math.max(random() * ceiling, retryAfterOf(error));
        if (now() + delay >= deadline) throw error;
        // A Worker may make no signal at the top of a module, nor share one among its requests.
        await sleep(delay, signal ?? new AbortController().signal);
      }
    }
  }
  return {
    attemptTimeout,
    run: (attempt, signal, trace) => gate(() => runAll(attempt, signal, trace), signal),
  };
}

/**
 * The traces of the attempts under way, by their signals: these reach the
 * transport anyway, which alone sees an answer's headers.
 */
export const traces: WeakMap<AbortSignal, CallTrace> = new WeakMap();

function retryAfterOf(error: unknown): number {
  return (error as ThrottledError | UnavailableError).retryAfter ?? 0;
}

/**
 * Runs an operation under a limit of its own: where it is passed, the
 * operation's signal aborts and the call rejects with a `TimeoutError`, also
 * where the operation does not heed its signal.
 */
export function withTimeout<T>(
  operation: (signal: AbortSignal) => Promise<T>,
  limit: number,
  signal?: AbortSignal,
): Promise<T> {
  // A timer beyond this, 24 days, goes off at once.
  const LONGEST_TIMER = 2 ** 31 - 1;
  return withController(signal, async (controller) => {
    const { signal: own } = controller;
    own.throwIfAborted();
    // Not by `onAbort`: its map would keep what the operation gives until it is collected in whole.
    const stopped = new Promise<never>((_, reject) =>
      own.addEventListener("abort", () => reject(own.reason))
    );
    const timer = setTimeout(
      () =>
        controller.abort(new TimeoutError(`No answer within ${Math.round(limit)} ms`, { limit })),
      Math.min(limit, LONGEST_TIMER),
    );
    try {
      return await Promise.race([operation(own), stopped]);
    } finally {
      clearTimeout(timer);
    }
  });
}

/** Waits, unless the signal aborts first. */
export async function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  const never = () => new Promise<never>(() => {});
  await withTimeout(never, milliseconds, signal).catch(() => signal.throwIfAborted());
}

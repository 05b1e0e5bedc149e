import { CairnError, CorruptError, InvalidInputError, UnavailableError } from "../errors.ts";
import { cancel, onAbort } from "./_abort.ts";
import { quote } from "./key.ts";
import { type Policy, withTimeout } from "./policy.ts";
import type { CallOptions, GetOptions, ObjectInfo } from "./store.ts";

type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>;
type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

/** A body on its way, and how to ask for the rest of it. */
export interface ResumeOptions extends CallOptions {
  /** The key, for messages. */
  readonly key: string;
  /** The body of the first answer. */
  readonly first: Bytes;
  /** Where it starts in the object. */
  readonly start: number;
  /** Where it ends, exclusive. */
  readonly end: number;
  /** Asks for the same version of the object, from `start` to the same end. */
  open(start: number, signal: AbortSignal): Promise<Bytes>;
  /** How attempts are made; its `attemptTimeout` bounds each read. */
  readonly policy: Policy;
}

/** The answer to one GET, with the place of its body in the object. */
export interface OpenedObject {
  readonly info: ObjectInfo;
  readonly body: Bytes;
  readonly start: number;
  readonly end: number;
}

/**
 * A GET under a policy, whose body goes on where it broke off. `open` sends one
 * request; what is still missing is asked for of the same ETag.
 */
export async function openResumed<Opened extends OpenedObject>(
  key: string,
  options: GetOptions,
  policy: Policy,
  open: (asked: Pick<GetOptions, "range" | "ifMatch">, signal: AbortSignal) => Promise<Opened>,
): Promise<Opened> {
  const { range, ifMatch } = options;
  const answer = await policy.run(
    (signal) =>
      open({ range, ifMatch }, signal).catch((error) => {
        // The last bytes of an empty object are none, and no error.
        const empty = error instanceof InvalidInputError && error.status === 416;
        if (!empty || range === undefined || !("suffix" in range)) throw error;
        return open({ ifMatch }, signal);
      }),
    options.signal,
    options.trace,
  );
  const { info: { etag }, body: first, end } = answer;
  const body = resumedBody({
    ...options,
    ...answer,
    key,
    first,
    policy,
    open: async (start, signal) =>
      (await open({ range: { start, end }, ifMatch: etag }, signal)).body,
  });
  return { ...answer, body };
}

/**
 * A body that is whole or an error: where a read fails, stalls or ends early,
 * it asks for the rest, until each byte was given once. An attempt that gives
 * no byte counts as failed, so that the policy bounds how often it is tried.
 */
export function resumedBody(options: ResumeOptions): Bytes {
  const { key, first, end, policy, trace } = options;
  let at = options.start;
  let reader = first.getReader();
  // Ends with the caller's signal, also while nobody reads, and with a reader who wants no more.
  const control = new AbortController();
  const { signal } = control;
  const stop = (reason: unknown) => {
    control.abort(reason);
    cancel(reader, reason);
  };
  const unwatch = onAbort(options.signal, stop);

  async function next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      return await read(reader, signal);
    } catch (error) {
      cancel(reader, error);
      signal.throwIfAborted();
      if (at === end) return undefined;
      if (error instanceof CorruptError) throw error;
    }
    if (trace) trace.retries++;
    return await policy.run(
      async (inner) => {
        const again = (await options.open(at, inner)).getReader();
        try {
          const bytes = await read(again, inner);
          reader = again;
          return bytes;
        } catch (error) {
          cancel(again, error);
          throw error;
        }
      },
      signal,
      trace,
    );
  }

  /** One read; `undefined` at the end, and only there. */
  async function read(
    from: Reader,
    limiter?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    while (true) {
      const { done, value } = await readOnce(from, limiter);
      if (done && at === end) return undefined;
      if (done) throw brokenOff();
      if (at + value.length > end) {
        throw new CorruptError(`${quote(key)} goes on past byte ${end}`, { key });
      }
      at += value.length;
      if (value.length > 0) return value;
    }
  }

  async function readOnce(from: Reader, limiter?: AbortSignal) {
    try {
      return await withTimeout(() => from.read(), policy.attemptTimeout, limiter);
    } catch (cause) {
      if (limiter?.aborted || cause instanceof CairnError) throw cause;
      throw brokenOff(cause);
    }
  }

  function brokenOff(cause?: unknown): UnavailableError {
    return new UnavailableError(`${quote(key)} broke off at byte ${at} of ${end}`, { key, cause });
  }

  return new ReadableStream({
    async pull(controller) {
      let bytes;
      try {
        bytes = await next();
        if (bytes) controller.enqueue(bytes);
        else controller.close();
      } catch (error) {
        bytes = undefined;
        cancel(reader, error);
        throw error;
      } finally {
        if (!bytes) unwatch();
      }
    },
    cancel(reason) {
      unwatch();
      stop(reason);
    },
  }, { highWaterMark: 0 });
}

import { UnavailableError } from "../errors.ts";
import { discard } from "../store/_source.ts";
import type { ObjectStore, StoreOperation } from "../store/store.ts";

export type { StoreOperation } from "../store/store.ts";

/** A call that may be given a fault. */
export interface StoreCall {
  /** What is asked for. A listing is asked page by page. */
  readonly operation: StoreOperation;
  /** The key; of a deletion the first one, of a copy the source, of a listing its prefix. */
  readonly key: string;
  /** How many calls of this operation there were, with this one. */
  readonly number: number;
}

/**
 * What goes wrong with a call.
 *
 * | kind | what happens |
 * |---|---|
 * | `fail` | nothing is done, and the call rejects |
 * | `lose` | it is done, but the answer is lost: the call rejects all the same |
 * | `delay` | it is done after so many milliseconds |
 * | `hang` | nothing is done, and there is no answer until the signal aborts |
 * | `cut` | the body of a `get` breaks after so many bytes |
 *
 * An error that is not given is an `UnavailableError`.
 */
export type Fault =
  | { readonly kind: "fail"; readonly error?: unknown }
  | { readonly kind: "lose"; readonly error?: unknown }
  | { readonly kind: "delay"; readonly milliseconds: number }
  | { readonly kind: "hang" }
  | { readonly kind: "cut"; readonly after: number; readonly error?: unknown };

/** Says what goes wrong with a call; nothing where it says nothing. */
export type FaultPlan = (call: StoreCall) => Fault | undefined;

/**
 * A store that fails as planned, for tests of what stands above it: lost
 * answers, outages, slow calls, bodies that break. Everything else is done by
 * the store it is given.
 *
 * @example A write whose answer is lost
 * ```ts
 * import { faultyStore } from "@cairn/checkpoint/testing";
 * import { memoryStore, UnavailableError } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const store = faultyStore(
 *   memoryStore(),
 *   ({ operation, number }) => operation === "put" && number === 1 ? { kind: "lose" } : undefined,
 * );
 * await assert.rejects(store.put("key", new Uint8Array(3)), UnavailableError);
 * assert.equal((await store.head("key")).size, 3); // it was done all the same
 * ```
 */
export function faultyStore(store: ObjectStore, plan: FaultPlan): ObjectStore {
  const numbers = new Map<StoreOperation, number>();

  async function run<T>(
    operation: StoreOperation,
    key: string,
    call: (fault: Fault | undefined) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const number = (numbers.get(operation) ?? 0) + 1;
    numbers.set(operation, number);
    const fault = plan({ operation, key, number });
    if (fault?.kind === "fail") throw errorOf(fault, `${operation} of "${key}" failed`);
    if (fault?.kind === "hang") await pause(Infinity, signal);
    if (fault?.kind === "delay") await pause(fault.milliseconds, signal);
    const answer = await call(fault);
    if (fault?.kind === "lose") {
      throw errorOf(fault, `the answer to ${operation} of "${key}" was lost`);
    }
    return answer;
  }

  return {
    get name() {
      return store.name;
    },
    get capabilities() {
      return store.capabilities;
    },
    async put(key, body, options) {
      try {
        return await run("put", key, () => store.put(key, body, options), options?.signal);
      } catch (error) {
        discard(body, error);
        throw error;
      }
    },
    get: (key, options) =>
      run("get", key, async (fault) => {
        const { info, body } = await store.get(key, options);
        if (fault?.kind === "lose") await body.cancel();
        return { info, body: fault?.kind === "cut" ? cut(body, fault, key) : body };
      }, options?.signal),
    head: (key, options) => run("head", key, () => store.head(key, options), options?.signal),
    async *list(options) {
      const pages = store.list(options)[Symbol.asyncIterator]();
      try {
        while (true) {
          const next = await run(
            "list",
            options?.prefix ?? "",
            () => pages.next(),
            options?.signal,
          );
          if (next.done) return;
          yield next.value;
        }
      } finally {
        await pages.return?.();
      }
    },
    delete: (keys, options) =>
      run("delete", keys[0] ?? "", () => store.delete(keys, options), options?.signal),
    copy: (from, to, options) =>
      run("copy", from, () => store.copy(from, to, options), options?.signal),
    presign: (key, options) =>
      run("presign", key, () => store.presign(key, options), options.signal),
  };
}

function errorOf(fault: { readonly error?: unknown }, what: string): unknown {
  return "error" in fault ? fault.error : new UnavailableError(`As planned: ${what}`);
}

function cut(
  body: ReadableStream<Uint8Array>,
  fault: { readonly after: number; readonly error?: unknown },
  key: string,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = fault.after;
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      if (left === 0) {
        const error = errorOf(fault, `the body of "${key}" broke off`);
        void reader.cancel(error).catch(() => {});
        throw error;
      }
      const { done, value } = await reader.read();
      if (done) return controller.close();
      const piece = value.subarray(0, left) as Uint8Array<ArrayBuffer>;
      left -= piece.length;
      controller.enqueue(piece);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = milliseconds === Infinity ? undefined : setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Requests that fail, as data that fast-check can shrink, and processes that meet them. */
import { createPolicy, type ObjectStore, UnavailableError } from "@cairn/checkpoint";
import { faultyStore } from "@cairn/checkpoint/testing";
import fc from "fast-check";
import { noise } from "./_stores.ts";

/** What goes wrong with one operation. */
export interface Trouble {
  /** With which of its requests, from 1 on. */
  readonly at: number;
  /** Whether the request is not done at all, or done without an answer. */
  readonly fault: "fail" | "lose";
  /**
   * What comes of it: the process goes on, dies with all its requests from then
   * on, asks again as stores do, or its caller cancels the operation.
   */
  readonly end: "alive" | "dead" | "retried" | "cancelled";
  /** Who does the operation again. */
  readonly again: "it" | "another" | "nobody";
}

/** Texts of several chunks that begin alike, as a conversation that grows. */
export const conversations = [66, 67, 68, 140].map((kib) => ({
  log: Array.from(noise(kib * 1024, 5), (byte) => String.fromCharCode(97 + byte % 26)).join(""),
}));

const trouble: fc.Arbitrary<Trouble> = fc.record({
  at: fc.oneof({ arbitrary: fc.integer({ min: 1, max: 4 }), weight: 4 }, {
    arbitrary: fc.integer({ min: 5, max: 12 }),
    weight: 1,
  }),
  fault: fc.constantFrom("fail", "lose"),
  end: fc.constantFrom("alive", "alive", "dead", "retried", "cancelled"),
  again: fc.constantFrom("it", "it", "another", "nobody"),
});

/** One request among so many that fails or loses its answer, whereupon the process goes on, dies, or asks again. */
export function someTrouble(requests: number): fc.Arbitrary<Trouble> {
  return fc.record({
    at: fc.integer({ min: 1, max: requests }),
    fault: fc.constantFrom("fail", "lose"),
    end: fc.constantFrom("alive", "dead", "dead", "retried"),
    again: fc.constant("it"),
  });
}

/** What goes wrong with each operation of a history; nothing with those that are over its end. */
export const troubles: fc.Arbitrary<(Trouble | null)[]> = fc.array(
  fc.option(trouble, { freq: 3 }),
  { maxLength: 24, size: "max" },
);

/** A process on a store of its own, whose requests can fail. */
export interface Process {
  readonly store: ObjectStore;
  /** Makes trouble from the next request on. */
  arm(trouble: Trouble, cancel: () => void): void;
  /** Makes no more trouble; tells whether there was any. */
  disarm(): boolean;
}

/** Why a request failed. */
export const OUTAGE = new UnavailableError("The answer was lost, or there was none");
export const CANCELLED = new DOMException("The caller no longer wants it", "AbortError");

/** A process that begins on a store. */
export function processOn(inner: ObjectStore): Process {
  let armed: { trouble: Trouble; cancel: () => void } | undefined;
  let [left, isDead] = [0, false];
  const policy = createPolicy({}, { sleep: () => Promise.resolve() });
  const store = faultyStore(inner, ({ operation }) => {
    if (isDead) return { kind: "fail", error: OUTAGE };
    if (armed === undefined) return undefined;
    const { trouble: { fault, end }, cancel } = armed;
    // What a store asks again by itself is no page of a listing, which has no policy here.
    if (end === "retried" && operation === "list") return undefined;
    if (--left !== 0) return undefined;
    isDead = end === "dead";
    cancel();
    return end === "cancelled" && fault === "lose" ? undefined : { kind: fault, error: OUTAGE };
  });
  const again = <T>(work: () => Promise<T>) =>
    armed?.trouble.end === "retried" ? policy.run(work) : work();
  return {
    store: {
      ...store,
      name: store.name,
      capabilities: store.capabilities,
      put: (...args) => again(() => store.put(...args)),
      get: (...args) => again(() => store.get(...args)),
      head: (...args) => again(() => store.head(...args)),
      delete: (...args) => again(() => store.delete(...args)),
      copy: (...args) => again(() => store.copy(...args)),
    },
    arm(trouble, cancel) {
      armed = { trouble, cancel };
      left = trouble.at;
    },
    disarm() {
      armed = undefined;
      return left <= 0;
    },
  };
}

import fc from "fast-check";
import type { StoreEvent, StoreOutcome } from "@cairn/checkpoint";

/** An event like those of `observed`, with what matters to a test. */
export function eventOf(event: Partial<StoreEvent> = {}): StoreEvent {
  return {
    operation: "put",
    store: 's3 bucket "state"',
    keys: 1,
    bytes: 0,
    attempts: 1,
    retries: 0,
    startedAt: Date.UTC(2026, 0, 1),
    milliseconds: 20,
    waited: 20,
    outcome: "ok",
    stopped: false,
    ...event,
  };
}

export const OUTCOMES: readonly StoreOutcome[] = [
  "ok",
  "invalid",
  "not-found",
  "precondition",
  "access",
  "corrupt",
  "unsupported",
  "throttled",
  "timeout",
  "unavailable",
  "aborted",
  "failed",
];

/** Any event that `observed` can give, also of stores with names that nobody would choose. */
export const anyEvent: fc.Arbitrary<StoreEvent> = fc.record({
  operation: fc.constantFrom("put", "get", "head", "list", "delete", "copy", "presign"),
  store: fc.string({ unit: "binary", maxLength: 2_000 }),
  keyClass: fc.option(fc.constantFrom("checkpoint", "", "  ", "é\n"), { nil: undefined }),
  keys: fc.nat(),
  pages: fc.option(fc.nat(), { nil: undefined }),
  bytes: fc.maxSafeNat(),
  attempts: fc.nat(),
  retries: fc.nat(),
  requestId: fc.option(fc.stringMatching(/^[\w.:/+=-]{1,128}$/), { nil: undefined }),
  startedAt: fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2030, 0, 1) }),
  milliseconds: fc.double({ min: 0, max: 1e7, noNaN: true }),
  waited: fc.double({ min: 0, max: 1e7, noNaN: true }),
  outcome: fc.constantFrom(...OUTCOMES),
  stopped: fc.boolean(),
  code: fc.option(fc.stringMatching(/^\w{1,64}$/), { nil: undefined }),
  status: fc.option(fc.integer({ min: 400, max: 599 }), { nil: undefined }),
});

import type { CallTrace } from "./store.ts";

/** Counts what a store does by itself, and at once, as the one attempt that it is. */
export function countAttempt(trace: CallTrace | undefined): void {
  if (trace) trace.attempts++;
}

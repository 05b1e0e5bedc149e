import type { StoreEvent } from "../store/observed.ts";

/**
 * Whether an operation failed in a way that somebody should hear of. That there
 * is no such object, or that another writer was first, is an answer which the
 * checkpointers ask for in the course of their work; and whoever aborts a call
 * knows of it.
 */
export function isFailure({ outcome }: StoreEvent): boolean {
  return !["ok", "not-found", "precondition", "aborted"].includes(outcome);
}

import { BELOW } from "./keys.ts";

/** What an object is: a checkpoint's record, pending writes, a chunk of a large value, or none of these. */
export type KeyClass = "checkpoint" | "writes" | "chunk" | "other";

/** The thread's segment may have any prefix before it. */
const SHAPE = /* @__PURE__ */ new RegExp(/* @__PURE__ */ BELOW.source.slice(1));

/**
 * Tells what a key is of, by its shape, whatever the prefix: for `observed`,
 * whose events then say what was read and written, and not whose it was.
 *
 * @example
 * ```ts
 * import { keyClass } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * assert.equal(keyClass(`cairn/thread-1/v/${"0".repeat(64)}`), "chunk");
 * assert.equal(keyClass("somebody/elses"), "other");
 * ```
 */
export function keyClass(key: string): KeyClass {
  const parts = SHAPE.exec(key);
  if (parts === null) return "other";
  const [, , hash, , , , slot] = parts;
  return hash !== undefined ? "chunk" : slot === undefined ? "checkpoint" : "writes";
}

import { attributeCases } from "./_attributes.ts";
import { callCases } from "./_calls.ts";
import type { ConformanceCase } from "./_case.ts";
import { conditionCases } from "./_conditions.ts";
import { keyCases } from "./_keys.ts";
import { listingCases } from "./_listings.ts";
import { objectCases } from "./_objects.ts";
import { rangeCases } from "./_ranges.ts";
import { streamCases } from "./_streams.ts";

export type { ConformanceCase, ConformanceContext } from "./_case.ts";

/**
 * What every store must do, as data: run each case on your store, in any order
 * and in any test framework. There is nothing to pick from: what a store
 * declares as missing in its `capabilities` must be refused with an
 * `UnsupportedError`, and the case asserts that instead.
 *
 * Each case has its own prefix, leaves nothing under it, and rejects with what
 * was wrong. Together they write some 100 MB.
 *
 * @example Run them as tests
 * ```ts
 * import { conformanceCases } from "@cairn/checkpoint/testing";
 * import { memoryStore } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const store = memoryStore(); // your own
 * for (const { name, run } of conformanceCases.slice(0, 3)) { // all of them
 *   // Deno.test(`My store ${name}`, () => run(store, { prefix }));
 *   await run(store, { prefix: `conformance/${crypto.randomUUID()}/` });
 *   assert.equal(typeof name, "string");
 * }
 * ```
 */
export const conformanceCases: readonly ConformanceCase[] = [
  ...objectCases,
  ...rangeCases,
  ...conditionCases,
  ...attributeCases,
  ...listingCases,
  ...keyCases,
  ...streamCases,
  ...callCases,
];

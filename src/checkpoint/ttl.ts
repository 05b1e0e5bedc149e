/**
 * A thread's time to live, where a lifecycle rule removes what is old. A rule
 * removes each object on its own, at some moment after its age has passed the
 * rule's days; `docs/expiry.md` says why nothing that can be seen is torn.
 *
 * @module
 */

import { checkWhole } from "../store/_options.ts";
import type { Life } from "./record.ts";

/** How long threads live. */
export interface TtlOptions {
  /** How many days a checkpoint can be seen after it was written: a thread that is left alone ends then. */
  readonly days: number;
  /**
   * How old, in days, what a new checkpoint depends on may be before it is
   * stored again. The rule removes objects so many days later than checkpoints end.
   *
   * @default a quarter of `days`, rounded up
   */
  readonly refreshDays?: number | undefined;
}

/** A time to live, as {@link expireAfter} makes it. */
export interface Ttl {
  /** How many days a checkpoint can be seen after it was written. */
  readonly days: number;
  /** How old, in days, what a new checkpoint depends on may be. */
  readonly refreshDays: number;
  /** The life of a checkpoint that is written now, by the age of what it depends on. */
  readonly life: (since: number, now: number) => Life;
  /** Whether a new checkpoint may depend on what is stored since then. */
  readonly isFresh: (since: number | undefined, now: number) => boolean;
}

const DAY = 86_400_000;

/** How much a refresh comes early, in milliseconds: two clocks may each be wrong by half of it. */
const MARGIN = 43_200_000;

/** The most days that are taken, a hundred years. */
const LONGEST = 36_500;

/**
 * Makes a time to live for a checkpointer's `ttl` option. What ends by it is
 * removed by a lifecycle rule of {@link lifecycleDays}, which is to be set, too.
 *
 * @throws {InvalidInputError} where a number of days is not whole, below 1 or above 36,500.
 *
 * @example A thread that was left alone for thirty days is gone
 * ```ts
 * import { expireAfter, memoryStore, S3Checkpointer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * let now = Date.UTC(2026, 0, 1);
 * const options = { ttl: expireAfter({ days: 30 }) };
 * const checkpointer = new S3Checkpointer(memoryStore(), options, { now: () => now });
 * await checkpointer.save("t", { step: 1 });
 * now = Date.UTC(2026, 0, 30);
 * assert(await checkpointer.load("t"));
 * now = Date.UTC(2026, 0, 31);
 * assert.equal(await checkpointer.load("t"), undefined);
 * ```
 */
export function expireAfter({ days, refreshDays = Math.ceil(days / 4) }: TtlOptions): Ttl {
  checkWhole({ days, refreshDays }, 1, LONGEST);
  const oldest = refreshDays * DAY - MARGIN;
  return {
    days,
    refreshDays,
    life: (since, now) => [since, now, now + days * DAY],
    isFresh: (since, now) => since !== undefined && now - since <= oldest,
  };
}

/**
 * The days that a lifecycle rule must give objects so that checkpoints with
 * this time to live are whole for as long as they can be seen.
 *
 * @throws {InvalidInputError} where a number of days is not whole, below 1 or above 36,500.
 *
 * @example
 * ```ts
 * import { lifecycleDays } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * assert.equal(lifecycleDays({ days: 30 }), 38);
 * assert.equal(lifecycleDays({ days: 30, refreshDays: 10 }), 40);
 * ```
 */
export function lifecycleDays(ttl: TtlOptions): number {
  const { days, refreshDays } = expireAfter(ttl);
  return days + refreshDays;
}

let lastTime = 0;
let counter = 0;

/**
 * Makes a UUID version 7 (RFC 9562, section 5.7): sortable by time, and within
 * one process strictly ascending: the 12 bits after the time count up within
 * a millisecond (section 6.2, method 1).
 *
 * @param after a UUID version 7 that it shall come after, though another
 * machine's clock was ahead when it was made; any other string is passed over.
 *
 * @example
 * ```ts
 * import { uuid7 } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const [first, second] = [uuid7(), uuid7()];
 * assert(first < second);
 * assert(uuid7("fedcba98-7654-7000-8000-000000000000") > "fedcba98-7654-7000-8000-000000000000");
 * ```
 */
export function uuid7(after?: string): string {
  const now = Date.now();
  if (now > lastTime) {
    lastTime = now;
    // Starts low, so that there is room to count.
    counter = crypto.getRandomValues(new Uint16Array(1))[0]! & 0x3ff;
  } else if (++counter > 0xfff) {
    lastTime++;
    counter = 0;
  }
  const id = format(lastTime, counter);
  return after !== undefined && id <= after ? following(after) ?? id : id;
}

/** A UUID that comes next after another one; `undefined` where that is of no version 7, or the last. */
function following(uuid: string): string | undefined {
  const [, high, low, count] =
    /^([0-9a-f]{8})-([0-9a-f]{4})-7([0-9a-f]{3})-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.exec(uuid) ?? [];
  if (high === undefined) return undefined;
  const next = parseInt(count!, 16) + 1;
  const time = parseInt(`${high}${low}`, 16) + (next >> 12);
  return time < 2 ** 48 ? format(time, next & 0xfff) : undefined;
}

function format(time: number, count: number): string {
  const hex = time.toString(16).padStart(12, "0") + "7" + count.toString(16).padStart(3, "0");
  // The version 4 UUID lends its variant and its 62 random bits.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12)}${crypto.randomUUID().slice(18)}`;
}

let lastTime = 0;
let counter = 0;

/**
 * Makes a UUID version 7 (RFC 9562, section 5.7): sortable by time, and within
 * one process strictly ascending: the 12 bits after the time count up within
 * a millisecond (section 6.2, method 1).
 *
 * @example
 * ```ts
 * import { uuid7 } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const [first, second] = [uuid7(), uuid7()];
 * assert(first < second);
 * ```
 */
export function uuid7(): string {
  const now = Date.now();
  if (now > lastTime) {
    lastTime = now;
    // Starts low, so that there is room to count.
    counter = crypto.getRandomValues(new Uint16Array(1))[0]! & 0x3ff;
  } else if (++counter > 0xfff) {
    lastTime++;
    counter = 0;
  }
  const hex = lastTime.toString(16).padStart(12, "0") + "7" + counter.toString(16).padStart(3, "0");
  // The version 4 UUID lends its variant and its 62 random bits.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12)}${crypto.randomUUID().slice(18)}`;
}

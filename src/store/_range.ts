import { InvalidInputError } from "../errors.ts";
import { quote } from "./key.ts";
import type { ByteRange } from "./store.ts";

/** Checks that a range can be asked for, whatever the object's size. */
export function checkRange(range: ByteRange | undefined): void {
  if (range === undefined) return;
  const why = "suffix" in range
    ? isCount(range.suffix) && range.suffix > 0
      ? undefined
      : "suffix must be a whole number above 0"
    : !isCount(range.start)
    ? "start must be a whole number from 0"
    : range.end !== undefined && !(isCount(range.end) && range.end > range.start)
    ? "end must be a whole number above start"
    : undefined;
  if (why !== undefined) {
    throw new InvalidInputError(`Cannot use the range ${JSON.stringify(range)}: ${why}`);
  }
}

/** Where a range starts and ends in an object of that size. */
export function resolveRange(
  range: ByteRange | undefined,
  size: number,
  key: string,
): { start: number; end: number } {
  if (range === undefined) return { start: 0, end: size };
  if ("suffix" in range) return { start: Math.max(0, size - range.suffix), end: size };
  if (range.start >= size) {
    throw new InvalidInputError(
      `Cannot read ${quote(key)} from byte ${range.start}: it has ${size} bytes`,
      { key },
    );
  }
  return { start: range.start, end: Math.min(range.end ?? size, size) };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

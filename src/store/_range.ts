import { InvalidInputError } from "../errors.ts";
import { checkWhole } from "./_options.ts";
import { quote } from "./key.ts";
import type { ByteRange } from "./store.ts";

/** Checks that a range can be asked for, whatever the object's size. */
export function checkRange(range: ByteRange | undefined): void {
  if (range === undefined) return;
  if ("suffix" in range) return checkWhole({ "range.suffix": range.suffix }, 1);
  checkWhole({ "range.start": range.start }, 0);
  if (range.end !== undefined) checkWhole({ "range.end": range.end }, range.start + 1);
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

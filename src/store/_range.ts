import { CorruptError, InvalidInputError } from "../errors.ts";
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

/** The value of a `Range` header. */
export function rangeHeader(range: ByteRange): string {
  if ("suffix" in range) return `bytes=-${range.suffix}`;
  return `bytes=${range.start}-${range.end === undefined ? "" : range.end - 1}`;
}

/**
 * Where the body of an answer over HTTP starts and ends in its object.
 *
 * @throws {CorruptError} where that is not what was asked for.
 */
export function answeredRange(
  range: ByteRange | undefined,
  size: number,
  headers: Headers,
  key: string,
): { start: number; end: number } {
  const asked = resolveRange(range, size, key);
  const said = /^bytes (\d+)-(\d+)\//.exec(headers.get("content-range") ?? "");
  const [from, to] = said ? [Number(said[1]), Number(said[2]) + 1] : [0, size];
  if (from === asked.start && to === asked.end) return asked;
  throw new CorruptError(
    `The answer for ${
      quote(key)
    } has the bytes ${from} to ${to}, not ${asked.start} to ${asked.end}`,
    { key },
  );
}

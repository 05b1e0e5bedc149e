import { InvalidInputError } from "../errors.ts";
import { MAX_KEY_BYTES } from "./limits.ts";
import { utf8 } from "./utf8.ts";

// deno-lint-ignore no-control-regex -- control characters are what it looks for
const UNSAFE = /[\u0000-\u001f\u007f\\]/;

/**
 * Checks that a string can be a key in every store: 1 to 1,024 bytes of
 * well-formed Unicode, with no control character and no backslash, and no
 * segment between slashes that is empty, `.` or `..`. Whoever builds a URL or
 * a path of such a key cannot be led out of its bucket or directory.
 *
 * @throws {InvalidInputError} that names the key and the rule.
 *
 * @example
 * ```ts
 * import { checkKey, InvalidInputError } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * checkKey("threads/a b/+1");
 * assert.throws(() => checkKey("a/../b"), InvalidInputError);
 * ```
 */
export function checkKey(key: string): void {
  const why = flawOf(key);
  if (why !== undefined) {
    throw new InvalidInputError(`Cannot use the key ${quote(key)}: ${why}`, { key });
  }
}

function flawOf(key: unknown): string | undefined {
  if (typeof key !== "string") return "give a string";
  const bytes = utf8(key).length;
  if (bytes > MAX_KEY_BYTES) return `it has ${bytes} bytes; the limit is ${MAX_KEY_BYTES}`;
  if (!key.isWellFormed() || UNSAFE.test(key)) {
    return "escape its control characters, backslashes and lone surrogates";
  }
  if (key.split("/").some((segment) => /^\.{0,2}$/.test(segment))) {
    return "escape its segments that are empty, '.' or '..'";
  }
}

/** A value for a message: quoted, and cut where it is long. */
export function quote(value: unknown): string {
  return shorten(typeof value === "string" ? JSON.stringify(value) : String(value), 120);
}

/** A text for a message, cut where it is longer. */
export function shorten(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 3)}...` : text;
}

/** Orders two keys as S3 does: by the bytes of their UTF-8, which is by code point. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i), y = b.charCodeAt(i);
    // Surrogates stand below U+E000 as code units, above it as code points.
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

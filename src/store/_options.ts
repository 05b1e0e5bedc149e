import { InvalidInputError } from "../errors.ts";
import { quote } from "./key.ts";

/** Refuses what was given: names it, quotes it, and says what to give. */
export function refuse(name: string, value: unknown, way: string): never {
  throw new InvalidInputError(`Cannot use ${name}: current value is ${quote(value)}; give ${way}`);
}

/**
 * Refuses what lacks the method that a part is known by. It is not quoted: who
 * takes one thing for another may have given a key.
 */
export function checkPart(name: string, part: unknown, method: string, maker: string): void {
  if (typeof (part as Record<string, unknown> | undefined)?.[method] !== "function") {
    throw new InvalidInputError(`Cannot use ${name}: give what ${maker} makes`);
  }
}

/** The fields that are given, which one that is `undefined` is not. */
export function given<T extends object>(
  fields: T,
): (readonly [name: string, value: Exclude<T[keyof T], undefined>])[] {
  return Object.entries(fields).filter(([, value]) => value !== undefined);
}

/** Checks options that count something. */
export function checkWhole(values: Record<string, unknown>, least: number, most = Infinity): void {
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
      refuse(name, value, `a whole number from ${least}${most < Infinity ? ` to ${most}` : ""}`);
    }
  }
}

/**
 * Checks that an ETag can stand in a header.
 *
 * @throws {InvalidInputError} where it cannot.
 */
export function checkETag(etag: string): string {
  if (typeof etag === "string" && /^[\x21\x23-\x7e]{1,1024}$/.test(etag)) return etag;
  refuse("ifMatch", etag, "an ETag that this store gave");
}

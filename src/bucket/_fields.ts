import { InvalidInputError } from "../errors.ts";
import { quote } from "../store/key.ts";

/** An object of a stranger's JSON. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a value is an object with fields. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Refuses an event: names what is wrong with which part of it. */
export function refuseEvent(what: string, value: unknown, way: string): never {
  throw new InvalidInputError(`Cannot read the event: ${what} is ${shown(value)}; give ${way}`);
}

/** An object's field that is an object. */
export function fieldsOf(from: Fields, name: string, what: string): Fields {
  const value = from[name];
  return isFields(value) ? value : refuseEvent(`${what}.${name}`, value, "an object");
}

/** An object's field that is a string with something in it, and no lone surrogate. */
export function textOf(from: Fields, name: string, what: string): string {
  const value = from[name];
  if (typeof value === "string" && value !== "" && value.isWellFormed()) return value;
  return refuseEvent(`${what}.${name}`, value, "a string of well-formed Unicode, not empty");
}

/** An object's field that is a string, where there is one. */
export function optionalText(from: Fields, name: string, what: string): string | undefined {
  return isAbsent(from[name]) ? undefined : textOf(from, name, what);
}

/** An object's field that counts bytes, where there is one. */
export function optionalCount(from: Fields, name: string, what: string): number | undefined {
  const value = from[name];
  if (isAbsent(value)) return undefined;
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  return refuseEvent(`${what}.${name}`, value, "a whole number from 0");
}

/** An object's field that is a time in ISO 8601. */
export function timeOf(from: Fields, name: string, what: string): Date {
  const text = textOf(from, name, what);
  // Date.parse alone takes much else, and means the local time of day by some of it.
  const time = new Date(/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : NaN);
  return isNaN(time.getTime())
    ? refuseEvent(`${what}.${name}`, text, "a time in ISO 8601, such as 2026-01-31T12:00:00.000Z")
    : time;
}

function isAbsent(value: unknown): boolean {
  // An object that was never overwritten in a bucket without versions has the version null, or "".
  return value === undefined || value === null || value === "";
}

/** A stranger's value for a message. What is no primitive may have a `toString` of its own. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  return value !== null && (typeof value === "object" || typeof value === "function")
    ? "an object"
    : quote(value);
}

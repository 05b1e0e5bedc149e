import { CorruptError } from "../errors.ts";
import { isPlainObject } from "./serializer.ts";

/** The way from a value to a part of it: field names and array indexes. */
export type Path = readonly (string | number)[];

/** A `Uint8Array` inside a value, kept beside it as bytes. */
export interface Attachment {
  /** Where it stands in the value. */
  readonly path: Path;
  /** What stands there. */
  readonly bytes: Uint8Array;
}

/**
 * Takes the `Uint8Array`s out of a value's plain objects and arrays: as text a
 * byte would take three characters and more. The value itself is not changed:
 * what is on the way to one is copied, with `null` in its place.
 */
export function detach(value: unknown): { value: unknown; attachments: Attachment[] } {
  const attachments: Attachment[] = [];
  const above = new Set<object>();
  const visit = (node: unknown, path: (string | number)[]): unknown => {
    if (node instanceof Uint8Array && path.length > 0) {
      attachments.push({ path, bytes: node });
      return null;
    }
    const isArray = Array.isArray(node);
    // A record marked `lc` is the LangChain serializer's own, and a circle is for the serializer to judge.
    if (!isArray && (!isPlainObject(node) || Object.hasOwn(node, "lc"))) return node;
    if (above.has(node)) return node;
    above.add(node);
    let copy: Record<string | number, unknown> | undefined;
    for (const key of isArray ? node.keys() : Object.keys(node)) {
      const item = (node as Record<string | number, unknown>)[key];
      if (typeof item !== "object" || item === null) continue;
      const visited = visit(item, [...path, key]);
      if (visited === item) continue;
      copy ??= (isArray ? [...node] : { ...node }) as Record<string | number, unknown>;
      setOwn(copy, key, visited);
    }
    above.delete(node);
    return copy ?? node;
  };
  return { value: visit(value, []), attachments };
}

/** Puts attachments back to where {@link detach} took them from. */
export function attach(value: unknown, attachments: readonly Attachment[]): unknown {
  for (const { path, bytes } of attachments) {
    let node = value;
    for (const key of path.slice(0, -1)) node = step(node, key, path);
    const last = path.at(-1);
    if (last === undefined || step(node, last, path) !== null) throw strayed(path);
    setOwn(node as Record<string | number, unknown>, last, bytes);
  }
  return value;
}

function step(node: unknown, key: string | number, path: Path): unknown {
  if (typeof node !== "object" || node === null || !Object.hasOwn(node, key)) throw strayed(path);
  return (node as Record<string | number, unknown>)[key];
}

function strayed(path: Path): CorruptError {
  return new CorruptError(`A value has no place for its bytes at ${JSON.stringify(path)}`);
}

/** Sets a field as data, `__proto__` too. */
export function setOwn(
  target: Record<string | number, unknown>,
  key: string | number,
  value: unknown,
): void {
  Object.defineProperty(target, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

import { InvalidInputError } from "../errors.ts";
import { quote } from "../store/key.ts";
import { utf8 } from "../store/utf8.ts";

/**
 * Turns values to bytes and back. The shape is that of LangGraph's
 * `SerializerProtocol`, so that one made for either serves both.
 */
export interface Serializer {
  /** Gives a type, which is stored beside the bytes, and the bytes. */
  dumpsTyped(value: unknown): Promise<[type: string, bytes: Uint8Array]>;
  /** Gives the value of the bytes that `dumpsTyped` gave this type to. */
  loadsTyped(type: string, bytes: Uint8Array): Promise<unknown>;
}

/**
 * JSON, strictly: what JSON would lose in silence (`NaN`, a `Map`, a function)
 * is refused. `Uint8Array` values never reach it: they are kept as bytes.
 *
 * @throws {InvalidInputError} from `dumpsTyped`, naming the path of a value that is not JSON.
 *
 * @example
 * ```ts
 * import { jsonSerializer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const [type, bytes] = await jsonSerializer().dumpsTyped({ step: 1 });
 * assert.deepEqual(await jsonSerializer().loadsTyped(type, bytes), { step: 1 });
 * ```
 */
export function jsonSerializer(): Serializer {
  return {
    // Async, so that a refusal rejects and never throws.
    // deno-lint-ignore require-await
    async dumpsTyped(value) {
      if (value instanceof Uint8Array) return ["bytes", value];
      requireJson(value, [], new Set());
      return ["json", utf8(JSON.stringify(value))];
    },
    // deno-lint-ignore require-await
    async loadsTyped(type, bytes) {
      if (type === "bytes") return bytes;
      if (type === "json") return JSON.parse(new TextDecoder().decode(bytes));
      throw new InvalidInputError(
        `Cannot load a value of type ${quote(type)} as JSON; give the serializer that saved it`,
      );
    },
  };
}

function requireJson(value: unknown, path: (string | number)[], above: Set<object>): void {
  const refuse = (what: string) => {
    throw new InvalidInputError(
      `Cannot save ${what} at ${quote(path.join(".") || "the top")}: JSON has none; ` +
        "convert it, or give a serializer",
    );
  };
  const type = typeof value;
  if (value === null || type === "string" || type === "boolean" || Number.isFinite(value)) return;
  if (type === "number" || type === "undefined") return refuse(String(value));
  if (typeof value !== "object") return refuse(`a ${type}`);
  if (above.has(value)) return refuse("a circle");
  if (!(value instanceof Uint8Array) && hasToJson(value)) {
    const json = value.toJSON(String(path.at(-1) ?? ""));
    // As JSON does, its answer is taken as it is: a toJSON of its own is not asked.
    if (hasToJson(json)) return refuse("a toJSON's toJSON");
    above.add(value);
    requireJson(json, path, above);
    above.delete(value);
    return;
  }
  const isArray = Array.isArray(value);
  if (!isArray && !isPlainObject(value)) {
    return refuse(`a ${(value as object).constructor?.name ?? "value"}`);
  }
  const entries = Object.entries(value);
  if (isArray && entries.length !== value.length) {
    return refuse("a hole, or an array's field,");
  }
  above.add(value);
  for (const [key, item] of entries) {
    // Of a field it says that there is none, as ever in JavaScript; a place in an array is there.
    if (item !== undefined || isArray) requireJson(item, [...path, key], above);
  }
  above.delete(value);
}

function hasToJson(value: unknown): value is { toJSON(key: string): unknown } {
  return typeof (value as { toJSON?: unknown } | null)?.toJSON === "function";
}

/** Whether a value is a record of fields: made by `{}`, `JSON.parse` or `Object.create(null)`, in any realm. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

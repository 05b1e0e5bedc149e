import { CorruptError } from "../errors.ts";
import type { Body, CallOptions, GetOptions, ObjectInfo, ObjectStore } from "./store.ts";

/** Joins pieces into one array; one piece is given back as it is. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  if (pieces.length === 1) return pieces[0] as Uint8Array<ArrayBuffer>;
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/**
 * Reads a stream, where there is one, to its end. Past `limit` bytes it is cancelled and the call
 * rejects, so that nobody's answer can fill the memory.
 *
 * @throws {CorruptError} where there is more than `limit`.
 */
export async function readAll(
  stream: ReadableStream<Uint8Array> | null,
  limit = Infinity,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of stream ?? []) {
    length += piece.length;
    if (length > limit) throw new CorruptError(`A body is longer than the ${limit} bytes expected`);
    pieces.push(piece);
  }
  return concat(pieces);
}

/** A stream of the bytes given. */
export function streamOf(...pieces: Uint8Array[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    pull(controller) {
      const piece = pieces.shift();
      if (piece) controller.enqueue(piece as Uint8Array<ArrayBuffer>);
      else controller.close();
    },
  }, { highWaterMark: 0 });
}

/** Whether a body is a stream. */
export function isStream(body: Body): body is ReadableStream<Uint8Array> {
  return !(body instanceof Uint8Array);
}

/**
 * Reads an object whole.
 *
 * @throws {NotFoundError} where there is none.
 *
 * @example
 * ```ts
 * import { getBytes, memoryStore } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const store = memoryStore();
 * await store.put("key", new Uint8Array([1, 2, 3]));
 * const { bytes, info } = await getBytes(store, "key");
 * assert.equal(bytes.length, info.size);
 * ```
 */
export async function getBytes(
  store: ObjectStore,
  key: string,
  options?: GetOptions,
): Promise<{ info: ObjectInfo; bytes: Uint8Array<ArrayBuffer> }> {
  const { info, body } = await store.get(key, options);
  return { info, bytes: await readAll(body, info.size) };
}

/** The keys under a prefix, one by one, in order. */
export async function* listKeys(
  store: ObjectStore,
  prefix: string,
  options?: CallOptions,
): AsyncGenerator<string> {
  for await (const page of store.list({ prefix, ...options })) {
    for (const object of page.objects) yield object.key;
  }
}

import { InvalidInputError } from "../errors.ts";
import { cancel, onAbort } from "./_abort.ts";
import { refuse } from "./_options.ts";
import { isStream, streamOf } from "./body.ts";
import { quote } from "./key.ts";
import type { Body } from "./store.ts";

/**
 * The pieces of a body, one by one. Whoever stops early, or whose signal
 * aborts, cancels the stream; an abort also ends a read that never answers.
 */
export async function* piecesOf(
  body: Body,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const reader = (isStream(body) ? body : streamOf(body)).getReader();
  const unwatch = onAbort(signal, (reason) => cancel(reader, reason));
  let ended = false;
  try {
    while (true) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) break;
      if (!(value instanceof Uint8Array)) {
        refuse("a stream's piece", value, "a Uint8Array");
      }
      yield value;
    }
    ended = true;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    unwatch();
    if (!ended) cancel(reader, signal?.reason);
    reader.releaseLock();
  }
}

/** Cancels a body that will not be read, as the contract promises its owner. */
export function discard(body: Body, reason: unknown): void {
  if (body instanceof ReadableStream && !body.locked) cancel(body, reason);
}

/** Checks that a body can be read, before anything is done with it. */
export function checkBody(body: Body, key: string): void {
  if (body instanceof Uint8Array || (body instanceof ReadableStream && !body.locked)) return;
  throw new InvalidInputError(
    `Cannot write ${quote(key)}: give a Uint8Array or a ReadableStream that nobody else reads`,
    { key },
  );
}

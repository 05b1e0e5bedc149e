import { InvalidInputError } from "../errors.ts";
import { isStream, streamOf } from "./body.ts";
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
  const onAbort = () => void reader.cancel(signal!.reason).catch(() => {});
  signal?.addEventListener("abort", onAbort, { once: true });
  let ended = false;
  try {
    while (true) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) break;
      if (!(value instanceof Uint8Array)) {
        throw new InvalidInputError(
          `Cannot write a piece of type ${typeof value}: a stream must give Uint8Array`,
        );
      }
      yield value;
    }
    ended = true;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    if (!ended) void reader.cancel(signal?.reason).catch(() => {});
    reader.releaseLock();
  }
}

/** Cancels a body that will not be read, as the contract promises its owner. */
export function discard(body: Body, reason: unknown): void {
  if (body instanceof ReadableStream && !body.locked) void body.cancel(reason).catch(() => {});
}

/** Checks that a body can be read, before anything is done with it. */
export function checkBody(body: Body, key: string): void {
  if (body instanceof Uint8Array) return;
  if (!(body instanceof ReadableStream)) {
    throw new InvalidInputError(
      `Cannot write ${
        JSON.stringify(key)
      }: its body is of type ${typeof body}; give a Uint8Array or a ReadableStream`,
      { key },
    );
  }
  if (body.locked) {
    throw new InvalidInputError(
      `Cannot write ${JSON.stringify(key)}: its stream is locked by another reader`,
      { key },
    );
  }
}

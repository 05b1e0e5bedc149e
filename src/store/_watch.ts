/** How a stream ended: read to its end, cancelled by its reader, or failed. */
export type StreamEnd = "read" | "cancelled" | "failed";

/** Who is told of a stream on its way. */
export interface StreamWatcher {
  /** The reader asks for more. */
  asked?(): void;
  /** A piece goes by. */
  piece?(bytes: Uint8Array): void;
  /** Once, at the end; with the error where it failed. */
  ended?(how: StreamEnd, error?: unknown): void;
}

/** A stream that somebody watches; it asks for nothing ahead of its reader. */
export function watched(
  stream: ReadableStream<Uint8Array>,
  watcher: StreamWatcher,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader();
  let over = false;
  const end = (how: StreamEnd, error?: unknown) => {
    if (!over) watcher.ended?.(how, error);
    over = true;
  };
  return new ReadableStream({
    async pull(controller) {
      watcher.asked?.();
      let next;
      try {
        next = await reader.read();
      } catch (error) {
        end("failed", error);
        throw error;
      }
      if (next.done) {
        end("read");
        return controller.close();
      }
      watcher.piece?.(next.value);
      controller.enqueue(next.value as Uint8Array<ArrayBuffer>);
    },
    cancel(reason) {
      end("cancelled");
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

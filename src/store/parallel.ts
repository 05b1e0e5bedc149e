/**
 * Does the same with each item, so many at once, and gives the results in the
 * items' order. At the first failure the rest are cancelled and waited for,
 * so that nothing goes on after the call has rejected.
 */
export async function mapParallel<T, R>(
  items: Iterable<T>,
  limit: number,
  operation: (item: T, signal: AbortSignal) => Promise<R>,
  signal?: AbortSignal,
): Promise<R[]> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const inner = signal ? AbortSignal.any([signal, controller.signal]) : controller.signal;
  const all = [...items];
  const results: R[] = [];
  const left = all.entries();
  const work = async () => {
    try {
      for (const [at, item] of left) {
        inner.throwIfAborted();
        results[at] = await operation(item, inner);
      }
    } catch (error) {
      controller.abort(error);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, all.length) }, work));
  signal?.throwIfAborted();
  controller.signal.throwIfAborted();
  return results;
}

/**
 * Does the same with each item of a stream of items, ahead of the reader by up
 * to `width`, which is asked each time, and gives the results in the items' order. Where the reader stops
 * early, the source is closed and what is under way is cancelled.
 */
export async function* mapAhead<T, R>(
  items: AsyncIterable<T>,
  width: () => number,
  operation: (item: T, signal: AbortSignal) => Promise<R>,
  signal?: AbortSignal,
): AsyncGenerator<R> {
  const controller = new AbortController();
  const inner = signal ? AbortSignal.any([signal, controller.signal]) : controller.signal;
  const source = items[Symbol.asyncIterator]();
  const ahead: Promise<R>[] = [];
  try {
    for (let done = false;;) {
      while (!done && ahead.length < width()) {
        const next = await source.next();
        if (next.done) done = true;
        else {
          const result = operation(next.value, inner);
          result.catch(() => {}); // it is thrown when its turn comes
          ahead.push(result);
        }
      }
      if (ahead.length === 0) return;
      yield await ahead.shift()!;
    }
  } finally {
    controller.abort();
    await Promise.allSettled(ahead);
    await source.return?.();
  }
}

import { withController } from "./_abort.ts";

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
  return await withController(signal, async (controller) => {
    const { signal: inner } = controller;
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
    inner.throwIfAborted();
    return results;
  });
}

/**
 * Does the same with each item of a stream of items, ahead of the reader, and
 * gives the results in the items' order, each as soon as it is there: the
 * source goes on meanwhile. No more are begun while there are `width`, asked
 * each time, or while together they weigh 1. Where the reader stops early, the
 * source is closed and what is under way is cancelled.
 */
export async function* mapAhead<T, R>(
  items: (signal: AbortSignal) => AsyncIterable<T>,
  width: () => number,
  operation: (item: T, signal: AbortSignal) => Promise<R>,
  signal?: AbortSignal,
  weigh = (_: T) => 0,
): AsyncGenerator<R> {
  const controller = new AbortController();
  const inner = signal ? AbortSignal.any([signal, controller.signal]) : controller.signal;
  const source = items(inner)[Symbol.asyncIterator]();
  const ahead: (readonly [result: Promise<R>, weight: number])[] = [];
  let load = 0;
  // Once it has failed it stays, and is thrown when its turn comes.
  let filling: Promise<void> | undefined;
  const fill = () => {
    filling = load < 1 && ahead.length < width() ? source.next().then(begin).then(fill) : undefined;
    filling?.catch(() => {});
  };
  const begin = ({ done, value }: IteratorResult<T>) => {
    load += done ? Infinity : weigh(value);
    if (done) return;
    inner.throwIfAborted();
    const result = operation(value, inner);
    result.catch(() => {});
    ahead.push([result, weigh(value)]);
  };
  try {
    for (;;) {
      if (!filling) fill();
      if (ahead[0]) {
        yield await ahead[0][0];
        load -= ahead.shift()![1];
      } else if (!filling) return;
      else await filling;
    }
  } finally {
    controller.abort();
    await Promise.allSettled([filling, ...ahead.map(([result]) => result)]);
    await source.return?.();
  }
}

/** Up to how many bytes, 12 MiB, of whole objects are packed, sent or altered at once, however many those are: each is in memory some three times over. */
export const UNDER_WAY: number = 12_582_912;

/**
 * Makes what lets operations through while all that are under way weigh at most so
 * much together; one that weighs more goes alone. The others wait for their turn.
 * An operation may say on its way that it weighs another amount from then on.
 */
export function weighed(
  most: number,
): <R>(weight: number, operation: (weigh: (now: number) => void) => Promise<R>) => Promise<R> {
  let sum = 0;
  const waiting: (() => void)[] = [];
  return async (weight, operation) => {
    while (sum && sum + weight > most) {
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    const weigh = (now: number) => {
      sum += now - weight;
      weight = now;
      for (const wake of waiting.splice(0)) wake();
    };
    sum += weight;
    try {
      return await operation(weigh);
    } finally {
      weigh(0);
    }
  };
}

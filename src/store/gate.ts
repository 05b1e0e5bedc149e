/**
 * Bounds how many operations run at once. The others wait in order; one that
 * is cancelled while it waits leaves the queue at once.
 */
export function createGate(
  limit: number,
): <T>(operation: () => Promise<T>, signal?: AbortSignal) => Promise<T> {
  let open = 0;
  const queue = new Set<Waiter>();
  // One listener for each signal, however many wait under it: Node warns of more than ten.
  const cancels = new Map<AbortSignal, { waiters: Set<Waiter>; cancel: () => void }>();

  const watch = (waiter: Waiter, signal: AbortSignal) => {
    let entry = cancels.get(signal);
    if (entry === undefined) {
      const waiters = new Set<Waiter>();
      const cancel = () => {
        cancels.delete(signal);
        for (const waiter of waiters) {
          queue.delete(waiter);
          waiter.reject(signal.reason);
        }
      };
      entry = { waiters, cancel };
      cancels.set(signal, entry);
      signal.addEventListener("abort", cancel, { once: true });
    }
    entry.waiters.add(waiter);
  };
  const unwatch = (waiter: Waiter, signal: AbortSignal) => {
    const entry = cancels.get(signal)!;
    entry.waiters.delete(waiter);
    if (entry.waiters.size > 0) return;
    cancels.delete(signal);
    signal.removeEventListener("abort", entry.cancel);
  };
  const enter = (signal?: AbortSignal) => {
    if (open < limit) {
      open++;
      return;
    }
    return new Promise<void>((resolve, reject) => {
      const waiter: Waiter = { resolve, reject, signal };
      queue.add(waiter);
      if (signal) watch(waiter, signal);
    });
  };
  const leave = () => {
    const [next] = queue;
    if (next === undefined) {
      open--;
      return;
    }
    queue.delete(next);
    if (next.signal) unwatch(next, next.signal);
    next.resolve();
  };
  return async (operation, signal) => {
    signal?.throwIfAborted();
    const waiting = enter(signal);
    if (waiting !== undefined) await keptAlive(waiting);
    try {
      return await operation();
    } finally {
      leave();
    }
  };
}

/**
 * Waits with a timer of one's own. In a Worker, requests may share a gate, and
 * workerd ends a request as hung where all it waits for is another request.
 */
async function keptAlive(waiting: Promise<void>): Promise<void> {
  const timer = setInterval(() => {}, 1_000);
  try {
    await waiting;
  } finally {
    clearInterval(timer);
  }
}

/** An operation that waits at a gate. */
interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
}

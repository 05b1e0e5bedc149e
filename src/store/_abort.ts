/** Whom an abort calls, by its signal: under one listener, since Node warns of more than ten. */
const watches = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls once a signal aborts, at once where it has; gives what ends the watch. */
export function onAbort(
  signal: AbortSignal | undefined,
  call: (reason: unknown) => void,
): () => void {
  if (signal?.aborted) call(signal.reason);
  if (!signal || signal.aborted) return () => {};
  const own = () => call(signal.reason);
  let calls = watches.get(signal);
  if (!calls) {
    const all = calls = new Set();
    watches.set(signal, all);
    signal.addEventListener("abort", () => all.forEach((call) => call()), { once: true });
  }
  calls.add(own);
  return () => void calls.delete(own);
}

/** Runs with a controller that follows the signal, and that a failure can abort, too. */
export async function withController<T>(
  signal: AbortSignal | undefined,
  operation: (controller: AbortController) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const unfollow = onAbort(signal, (reason) => controller.abort(reason));
  try {
    return await operation(controller);
  } finally {
    unfollow();
  }
}

/** Cancels what nobody reads any more; how that ends is nobody's concern. */
export function cancel(
  source: { cancel(reason?: unknown): Promise<void> } | null,
  reason?: unknown,
): void {
  void source?.cancel(reason).catch(() => {});
}

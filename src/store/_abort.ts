/** Calls once a signal aborts, at once where it has; gives what ends the watch. */
export function onAbort(
  signal: AbortSignal | undefined,
  call: (reason: unknown) => void,
): () => void {
  const listener = () => call(signal!.reason);
  if (signal?.aborted) listener();
  signal?.addEventListener("abort", listener, { once: true });
  return () => signal?.removeEventListener("abort", listener);
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

import { onAbort } from "./_abort.ts";

/**
 * Bounds how many operations run at once. The others wait in order; one that
 * is cancelled while it waits leaves the queue at once.
 *
 * In a Worker, requests may share a gate. workerd ends a request as hung where
 * all it waits for is another one, and runs nothing more of a request whose
 * client has gone, no `finally` either. So each operation has a timer that
 * keeps it alive and shows that it lives; the place of one that no longer does
 * is given to the next.
 */
export function createGate(
  limit: number,
): <T>(operation: () => Promise<T>, signal?: AbortSignal) => Promise<T> {
  // How often an operation shows that it lives, in milliseconds.
  const BEAT = 1_000;
  // For how long it may not have, before its place is another's, in milliseconds.
  const LOST = 5_000;
  const open = new Set<Place>();
  const queue = new Set<() => void>();

  const enter = (place: Place, signal?: AbortSignal) => {
    if (open.size < limit) {
      open.add(place);
      return;
    }
    return new Promise<void>((resolve, reject) => {
      const next = () => {
        unwatch();
        place.seen = Date.now();
        open.add(place);
        resolve();
      };
      queue.add(next);
      const unwatch = onAbort(signal, (reason) => {
        queue.delete(next);
        reject(reason);
      });
    });
  };
  const leave = (place: Place) => {
    if (!open.delete(place)) return;
    const [next] = queue;
    if (next === undefined) return;
    queue.delete(next);
    next();
  };
  const beat = (place: Place) => {
    place.seen = Date.now();
    for (const other of [...open]) if (place.seen - other.seen > LOST) leave(other);
  };
  return async (operation, signal) => {
    signal?.throwIfAborted();
    const place: Place = { seen: Date.now() };
    const timer = setInterval(beat, BEAT, place);
    try {
      await enter(place, signal);
      return await operation();
    } finally {
      clearInterval(timer);
      leave(place);
    }
  };
}

/** The place of an operation, and when it last showed that it lives. */
interface Place {
  seen: number;
}

/** Tells an observer, whose failure is its own affair. */
export function tell<T>(observer: ((news: T) => unknown) | undefined, news: T): void {
  try {
    // One that is asynchronous may reject.
    Promise.resolve(observer?.(news)).catch(() => {});
  } catch {
    // As above.
  }
}

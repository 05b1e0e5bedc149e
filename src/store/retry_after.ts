/**
 * `Retry-After`, in seconds or as a date, in milliseconds from now: by the clock
 * of whoever says when, where its answer has a date.
 */
export function retryAfter(headers: Headers): number | undefined {
  const value = headers.get("retry-after");
  if (!value) return undefined;
  const now = Date.parse(headers.get("date") ?? "") || Date.now();
  const wait = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

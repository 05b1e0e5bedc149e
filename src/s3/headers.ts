import { CorruptError } from "../errors.ts";
import { quote } from "../store/key.ts";
import { traces } from "../store/policy.ts";
import type { ObjectInfo, Precondition } from "../store/store.ts";

/** An ETag as the wire has it: quoted. */
export function quoteETag(etag: string): string {
  return `"${etag}"`;
}

/** An ETag as the store contract has it: without quotes, however the server wrote it. */
export function unquoteETag(etag: string): string {
  return etag.trim().replace(/^W\//, "").replace(/^"(.*)"$/, "$1");
}

/**
 * The ETag that an answer's headers carry, without quotes.
 *
 * @throws {CorruptError} where there is none.
 */
export function etagFromHeaders(key: string, headers: Headers): string {
  return unquoteETag(headers.get("etag") ?? incomplete(key));
}

/** The headers of a write's precondition. */
export function conditionHeaders(
  precondition: Precondition = "overwrite",
  prefix = "",
): Record<string, string> {
  if (precondition === "overwrite") return {};
  if (precondition === "create") return { [`${prefix}if-none-match`]: "*" };
  return { [`${prefix}if-match`]: quoteETag(precondition.ifMatch) };
}

/** The server's id of a request, by its answer; some send theirs twice. */
export function requestIdOf(headers: Headers): string | undefined {
  return (headers.get("x-amz-request-id") || headers.get("cf-ray"))?.split(",")[0] || undefined;
}

/** Notes the id of an attempt's answer where somebody asked for it. */
export function noteAnswer(signal: AbortSignal, headers: Headers): void {
  const trace = traces.get(signal);
  if (trace) trace.requestId = requestIdOf(headers);
}

/**
 * What the headers of a GET or a HEAD tell of an object; for a range, of the
 * whole of it.
 *
 * @throws {CorruptError} where there is no length, ETag or date among them.
 */
export function infoFromHeaders(key: string, headers: Headers): ObjectInfo {
  const total = /\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
  const size = total ?? headers.get("content-length");
  const info = infoOf(key, size, headers.get("etag"), headers.get("last-modified"));
  const versionId = headers.get("x-amz-version-id");
  return versionId === null ? info : { ...info, versionId };
}

/**
 * What a server tells of an object, checked.
 *
 * @throws {CorruptError} where there is no length, ETag or date.
 */
export function infoOf(
  key: string,
  size: string | null | undefined,
  etag: string | null | undefined,
  date: string | null | undefined,
): ObjectInfo {
  const lastModified = new Date(date ?? NaN);
  if (!etag || !/^\d{1,16}$/.test(size ?? "") || isNaN(lastModified.getTime())) incomplete(key);
  return { key, size: Number(size), etag: unquoteETag(etag), lastModified };
}

function incomplete(key: string): never {
  throw new CorruptError(`The answer for ${quote(key)} has no length, ETag or date`, { key });
}

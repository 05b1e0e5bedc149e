import { UnsupportedError } from "../errors.ts";
import { MAX_EXPIRES_IN, MAX_PART_SIZE } from "../store/limits.ts";
import { checkWhole, given, refuse } from "../store/_options.ts";
import { quote } from "../store/key.ts";
import type { PresignOptions } from "../store/store.ts";
import { attributeHeaders, type RequestHeaders } from "./request_headers.ts";

/** What a presigned URL says, beside who signs it. */
export interface UrlRequest {
  readonly method: "GET" | "PUT";
  /** What stands in the URL. */
  readonly query: Readonly<Record<string, string>>;
  /** What is signed, and must be sent. */
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresIn: number;
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
const RESPONSE = /^(content(Type|Disposition|Encoding|Language)|cacheControl|expires)$/;

/**
 * Checks what a presigned URL shall allow, and tells `send` what it demands of
 * the request.
 *
 * @throws {InvalidInputError} where it cannot be.
 * @throws {UnsupportedError} where it demands what nobody is told of.
 */
export function urlRequest(
  key: string,
  { method, expiresIn, response = {}, contentType, contentLength, send }: PresignOptions,
  store: RequestHeaders,
): UrlRequest {
  if (method !== "GET" && method !== "PUT") refuse("method", method, "GET or PUT");
  checkWhole({ expiresIn }, 1, MAX_EXPIRES_IN);
  // Of these, S3 takes the query for the header.
  const query: Record<string, string> = { ...store.every };
  for (const [name, value] of given(response)) {
    if (method === "PUT" || !RESPONSE.test(name) || typeof value !== "string") {
      refuse(`response.${name}`, value, "strings for headers of the answer to a GET");
    }
    const header = name.replace(/[A-Z]/g, "-$&").toLowerCase();
    query[`response-${header}`] = value;
  }
  for (const [name, value] of given({ contentType, contentLength })) {
    if (method === "GET") refuse(name, value, "it for a PUT alone");
  }
  if (contentLength !== undefined) checkWhole({ contentLength }, 0, MAX_PART_SIZE);
  const own = method === "PUT" ? store.write : store.object;
  if (send === undefined && Object.keys(own).length > 0) {
    throw new UnsupportedError(
      `Cannot presign a ${method} of ${quote(key)}: the store's options ask for the headers ` +
        `${Object.keys(own).join(", ")}; give \`send: {}\`, which is told them, and pass them on`,
      { key },
    );
  }
  const headers = {
    ...own,
    ...attributeHeaders({ contentType }),
    ...(contentLength !== undefined && { "content-length": String(contentLength) }),
  };
  if (send !== undefined) Object.assign(send, headers);
  return { method, query, headers, expiresIn };
}

/**
 * Refuses a URL that would outlive the credentials that sign it: the server
 * would call it valid, and then expired long before its time.
 */
export function checkSession(
  expiresIn: number,
  expiration: Date | undefined,
  now: number = Date.now(),
): void {
  const left = Math.floor(((expiration?.getTime() ?? Infinity) - now) / 1000);
  if (expiresIn <= left) return;
  refuse(
    "expiresIn",
    expiresIn,
    `at most ${Math.max(left, 0)}, when the credentials that sign end, or credentials that last`,
  );
}

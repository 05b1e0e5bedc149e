import { checkWhole, refuse } from "../store/_options.ts";
import type { PresignOptions } from "../store/store.ts";

/** The longest a presigned URL may hold, in seconds: seven days, as Signature Version 4 sets it. */
export const MAX_EXPIRES_IN = 604_800;

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
const RESPONSE = /^(content(Type|Disposition|Encoding|Language)|cacheControl|expires)$/;

/**
 * Checks what a presigned URL shall allow, and gives the query that asks for
 * the answer's headers.
 *
 * @throws {InvalidInputError} where it cannot be.
 */
export function presignQuery(
  { method, expiresIn, response = {} }: PresignOptions,
): Record<string, string> {
  if (method !== "GET" && method !== "PUT") refuse("method", method, "GET or PUT");
  checkWhole({ expiresIn }, 1, MAX_EXPIRES_IN);
  const query: Record<string, string> = {};
  for (const [name, value] of Object.entries(response)) {
    if (value === undefined) continue;
    if (method === "PUT" || !RESPONSE.test(name) || typeof value !== "string") {
      refuse(`response.${name}`, value, "strings for headers of the answer to a GET");
    }
    const header = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    query[`response-${header}`] = value;
  }
  return query;
}

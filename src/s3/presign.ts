import { InvalidInputError } from "../errors.ts";
import { quote } from "../store/key.ts";
import type { PresignOptions } from "../store/store.ts";

/** The longest a presigned URL may hold, in seconds: seven days, as Signature Version 4 sets it. */
export const MAX_EXPIRES_IN = 604_800;

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
const RESPONSE: Readonly<Record<string, string>> = {
  contentType: "response-content-type",
  contentDisposition: "response-content-disposition",
  contentEncoding: "response-content-encoding",
  contentLanguage: "response-content-language",
  cacheControl: "response-cache-control",
  expires: "response-expires",
};

/**
 * Checks what a presigned URL shall allow, and gives the query that asks for
 * the answer's headers.
 *
 * @throws {InvalidInputError} where it cannot be.
 */
export function presignQuery(
  { method, expiresIn, response = {} }: PresignOptions,
): Record<string, string> {
  if (method !== "GET" && method !== "PUT") {
    throw new InvalidInputError(`Cannot presign ${quote(method)}; give "GET" or "PUT"`);
  }
  if (!Number.isInteger(expiresIn) || expiresIn < 1 || expiresIn > MAX_EXPIRES_IN) {
    throw new InvalidInputError(
      `Cannot presign with expiresIn: current value is ${quote(expiresIn)}; ` +
        `give whole seconds from 1 to ${MAX_EXPIRES_IN}`,
    );
  }
  const given = Object.entries(response).filter(([, value]) => value !== undefined);
  if (method === "PUT" && given.length > 0) {
    throw new InvalidInputError("Cannot presign a PUT with response headers; they are for GET");
  }
  return Object.fromEntries(given.map(([name, value]) => {
    const parameter = Object.hasOwn(RESPONSE, name) ? RESPONSE[name] : undefined;
    if (parameter !== undefined && typeof value === "string") return [parameter, value];
    throw new InvalidInputError(
      `Cannot presign with the response header ${quote(name)}: current value is ${quote(value)}; ` +
        `give a string for one of ${Object.keys(RESPONSE).join(", ")}`,
    );
  }));
}

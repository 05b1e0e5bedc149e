import {
  AccessError,
  CairnError,
  type CairnErrorOptions,
  InvalidInputError,
  NotFoundError,
  PreconditionFailedError,
  ThrottledError,
  UnavailableError,
} from "../errors.ts";
import { quote } from "../store/key.ts";

type Make = (message: string, options: CairnErrorOptions) => CairnError;

const access: Make = (message, options) => new AccessError(message, options);
const invalid: Make = (message, options) => new InvalidInputError(message, options);
const missing = (what: "object" | "bucket" | "upload"): Make => (message, options) =>
  new NotFoundError(message, { ...options, what });
const throttled: Make = (message, options) => new ThrottledError(message, options);

/** R2's numbers, as its messages end: https://developers.cloudflare.com/r2/api/error-codes/ */
const KINDS: ReadonlyMap<number, Make> = new Map([
  [10002, access], // Unauthorized
  [10003, access], // AccessDenied
  [10042, access], // NotEntitled
  [10006, missing("bucket")], // NoSuchBucket
  [10007, missing("object")], // NoSuchKey
  [10024, missing("upload")], // NoSuchUpload
  [10031, (message, options) => new PreconditionFailedError(message, options)],
  [10005, invalid], // InvalidBucketName
  [10011, invalid], // EntityTooSmall
  [10012, invalid], // MetadataTooLarge
  [10020, invalid], // InvalidObjectName
  [10022, invalid], // InvalidMaxKeys
  [10025, invalid], // InvalidPart
  [10039, invalid], // InvalidRange
  [10048, invalid], // InvalidPart, of another length
  [10100, invalid], // EntityTooLarge
  [10043, throttled], // ServiceUnavailable: reduce your request rate
  [10058, throttled], // TooManyRequests: one write a second for a key
]);

/** Makes an error of the binding one of ours; what R2 does not number, the network may have done. */
export function r2Error(error: unknown, doing: string, key?: string): CairnError {
  if (error instanceof CairnError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const number = Number(/\((\d{5})\)\s*$/.exec(message)?.[1]);
  const make = KINDS.get(number) ?? ((text, options) => new UnavailableError(text, options));
  const where = key === undefined ? "" : ` ${quote(key)}`;
  return make(`Cannot ${doing}${where}: R2 says ${JSON.stringify(message)}`, {
    cause: error,
    key,
    code: Number.isNaN(number) ? undefined : String(number),
  });
}

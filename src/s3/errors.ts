import {
  AccessError,
  type CairnError,
  InvalidInputError,
  NotFoundError,
  type NotFoundErrorOptions,
  PreconditionFailedError,
  ThrottledError,
  type ThrottledErrorOptions,
  TimeoutError,
  UnavailableError,
  UnsupportedError,
} from "../errors.ts";
import { quote, shorten } from "../store/key.ts";

/** What is known of a failed request. */
export interface S3Failure {
  /** What was tried, such as `PUT`. */
  readonly operation: string;
  /** The bucket. */
  readonly bucket: string;
  /** The key, where it was about one. */
  readonly key?: string | undefined;
  /** The HTTP status. */
  readonly status?: number | undefined;
  /** The store's own word for it. */
  readonly code?: string | undefined;
  /** The store's own sentence. */
  readonly message?: string | undefined;
  /** The store's id of the request. */
  readonly requestId?: string | undefined;
  /** How long the store asks to wait, in milliseconds. */
  readonly retryAfter?: number | undefined;
  /** The region the store names as the bucket's. */
  readonly region?: string | undefined;
  /** The error underneath. */
  readonly cause?: unknown;
}

type ErrorClass = new (
  message: string,
  options: NotFoundErrorOptions & ThrottledErrorOptions,
) => CairnError;

/**
 * Codes that say more than their status, of which many come with a 400 or in a 200:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and what others add to it.
 */
const CODES: readonly (readonly [RegExp, ErrorClass])[] = [
  [/^NoSuch|^NotFound$/, NotFoundError],
  [/^PreconditionFailed$/, PreconditionFailedError],
  [/^SlowDown|Throttl|^TooManyRequests$|LimitExceeded$/, ThrottledError],
  [/^RequestTimeout$/, TimeoutError],
  // With a conflict, two conditional writes met, and neither has lost yet: one PUT is sent again.
  [/RequestConflict$|^OperationAborted$|^IncompleteBody$|^BadDigest$/, UnavailableError],
  [/^AccessDenied$|^ExpiredToken|^InvalidToken$|^TokenRefresh/, AccessError],
  [/^InvalidObjectState$/, UnsupportedError],
];

const STATUSES: Readonly<Record<number, ErrorClass>> = {
  401: AccessError,
  403: AccessError,
  404: NotFoundError,
  405: UnsupportedError,
  408: TimeoutError,
  412: PreconditionFailedError,
  425: ThrottledError,
  429: ThrottledError,
  501: UnsupportedError,
};

/** The class of error that a status and a code mean. */
export function classOf(status: number, code: string): ErrorClass {
  const known = CODES.find(([codes]) => codes.test(code))?.[1] ?? STATUSES[status];
  // No answer at all; or a 200 that carries an error, which S3 asks to send again:
  // https://repost.aws/knowledge-center/s3-resolve-200-internalerror
  return known ?? (status < 300 || status >= 500 ? UnavailableError : InvalidInputError);
}

/** The one place where a failure on the wire becomes an error, for both transports. */
export function errorFrom(failure: S3Failure): CairnError {
  const { operation, bucket, key, status = 0, code = "", message = "", region } = failure;
  const place = `${key === undefined ? "" : `${quote(key)} in `}bucket "${bucket}"`;
  const answer = `${status || "no answer"} ${code}`.trim();
  const said = message && `: ${plain(message)}`;
  return new (classOf(status, code))(
    `Cannot ${operation} ${place} (${answer})${said}${wayOut(status, code, region)}`,
    {
      ...failure,
      what: code === "NoSuchBucket" ? "bucket" : code === "NoSuchUpload" ? "upload" : "object",
    },
  );
}

function wayOut(status: number, code: string, region: string | undefined): string {
  // A region that is not ours explains a bad request, too, which a HEAD cannot name.
  if (status >= 300 && status <= 400) {
    if (region !== undefined) return `; the bucket is in "${region}": set \`region\` to it`;
    if (status < 400) return "; the bucket is elsewhere: set `region` and `endpoint` to its own";
  }
  return code === "NoSuchBucket" ? "; create the bucket, or correct its name" : "";
}

/** A stranger's sentence, fit for a log line. */
export function plain(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what it removes
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  return shorten(line, 300);
}

import {
  AccessError,
  type CairnError,
  type ErrorKind,
  InvalidInputError,
  NotFoundError,
  PreconditionFailedError,
  ThrottledError,
  TimeoutError,
  UnavailableError,
  UnsupportedError,
} from "../errors.ts";

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

type Verdict = ErrorKind | "no-bucket" | "no-upload" | "region";

// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and what others add to it.
const CODES: Readonly<Partial<Record<Verdict, string>>> = {
  "not-found": "NoSuchKey NoSuchVersion NotFound",
  "no-bucket": "NoSuchBucket",
  "no-upload": "NoSuchUpload",
  precondition: "PreconditionFailed",
  // With a conflict, two conditional writes met, and neither has lost yet: one PUT is sent again.
  unavailable: "ConditionalRequestConflict OperationAborted InternalError ServiceUnavailable " +
    "IncompleteBody BadDigest",
  timeout: "RequestTimeout",
  throttled: "SlowDown SlowDownRead SlowDownWrite TooManyRequests RequestThrottled " +
    "RequestThrottledException Throttling ThrottlingException RequestLimitExceeded " +
    "BandwidthLimitExceeded",
  access: "AccessDenied AllAccessDisabled AccountProblem NotSignedUp InvalidSecurity " +
    "InvalidAccessKeyId SignatureDoesNotMatch RequestTimeTooSkewed Unauthorized ExpiredToken " +
    "ExpiredTokenException InvalidToken TokenRefreshRequired",
  unsupported: "NotImplemented MethodNotAllowed InvalidObjectState",
  region: "PermanentRedirect TemporaryRedirect Redirect IllegalLocationConstraintException",
};

function verdictOf({ status, code, region }: S3Failure): Verdict {
  if (code !== undefined) {
    const known = Object.entries(CODES).find(([, codes]) => codes.split(" ").includes(code));
    if (known !== undefined) return known[0] as Verdict;
  }
  // A region that is not ours explains a bad request, which a HEAD cannot name.
  const malformed = code === undefined || code === "AuthorizationHeaderMalformed";
  if (status === 400 && malformed && region !== undefined) return "region";
  // No answer at all; or a 200 that carries an error, which S3 asks to send again:
  // https://repost.aws/knowledge-center/s3-resolve-200-internalerror
  if (status === undefined || status < 300) return "unavailable";
  if (status < 400) return "region";
  if (status >= 500) return status === 501 ? "unsupported" : "unavailable";
  switch (status) {
    case 401:
    case 403:
      return "access";
    case 404:
      return "not-found";
    case 405:
      return "unsupported";
    case 408:
      return "timeout";
    case 412:
      return "precondition";
    case 425:
    case 429:
      return "throttled";
    default:
      return "invalid";
  }
}

/** The one place where a failure on the wire becomes an error, for both transports. */
export function errorFrom(failure: S3Failure): CairnError {
  const { key, status, code, requestId, cause, retryAfter } = failure;
  const verdict = verdictOf(failure);
  const text = textOf(failure, verdict);
  const options = { key, status, code, requestId, cause };
  switch (verdict) {
    case "not-found":
      return new NotFoundError(text, { ...options, what: "object" });
    case "no-bucket":
      return new NotFoundError(text, { ...options, what: "bucket" });
    case "no-upload":
      return new NotFoundError(text, { ...options, what: "upload" });
    case "precondition":
      return new PreconditionFailedError(text, options);
    case "access":
      return new AccessError(text, options);
    case "unsupported":
      return new UnsupportedError(text, options);
    case "throttled":
      return new ThrottledError(text, { ...options, retryAfter });
    case "timeout":
      return new TimeoutError(text, options);
    case "unavailable":
      return new UnavailableError(text, { ...options, retryAfter });
    default:
      return new InvalidInputError(text, options);
  }
}

function textOf(
  { operation, key, bucket, status, code, message, region }: S3Failure,
  verdict: Verdict,
) {
  const place = `${key === undefined ? "" : `${JSON.stringify(key)} in `}bucket "${bucket}"`;
  const answer = [status, code].filter((part) => part !== undefined).join(" ");
  const said = message === undefined || message === "" ? "" : `: ${plain(message)}`;
  return `Cannot ${operation} ${place} (${answer || "no answer"})${said}${
    wayOut(verdict, code, region)
  }`;
}

function wayOut(verdict: Verdict, code: string | undefined, region: string | undefined): string {
  if (verdict === "region") {
    return region === undefined
      ? "; the bucket is elsewhere: set `region` and `endpoint` to where it is"
      : `; the bucket is in ${JSON.stringify(region)}: set \`region\` to it`;
  }
  if (verdict === "no-bucket") return "; create the bucket, or correct its name";
  if (code === "RequestTimeTooSkewed") return "; set this machine's clock";
  if (code === "InvalidObjectState") return "; it is archived: restore it first";
  return "";
}

/** A stranger's sentence, fit for a log line. */
function plain(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what it removes
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  return line.length > 300 ? `${line.slice(0, 297)}...` : line;
}

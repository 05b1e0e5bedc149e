/**
 * One family of errors. Each has a literal `name`, a `kind` to switch on, the
 * `cause` where there is one, and a message that names the value, the limit and
 * the way out. No message ever carries a credential or a piece of state.
 *
 * A cancelled call rejects with the signal's own `reason`, as the web platform
 * does, and not with an error of this family.
 *
 * @module
 */

/**
 * What went wrong, as data: decide by this, never by the text of a message.
 *
 * | kind | meaning | worth trying again |
 * |---|---|---|
 * | `invalid` | an argument, an option or an id that cannot be used | no |
 * | `not-found` | no such object, checkpoint, upload or bucket | no |
 * | `precondition` | somebody else was there first | no |
 * | `access` | the store knows the caller, or not, and says no | no |
 * | `corrupt` | the bytes are not what was written | no |
 * | `unsupported` | this store or runtime cannot do that | no |
 * | `throttled` | too many requests | yes, later |
 * | `timeout` | no answer in time | yes |
 * | `unavailable` | the network or the server failed | yes |
 */
export type ErrorKind =
  | "invalid"
  | "not-found"
  | "precondition"
  | "access"
  | "corrupt"
  | "unsupported"
  | "throttled"
  | "timeout"
  | "unavailable";

/** Options that each error takes beside its message. */
export interface CairnErrorOptions {
  /** The error underneath. */
  cause?: unknown;
  /** The key it is about, where there is one. */
  key?: string | undefined;
  /** The HTTP status, where there was an answer. */
  status?: number | undefined;
  /** The store's own word for it, such as `NoSuchKey`. */
  code?: string | undefined;
  /** The store's id of the request, to quote to its support. */
  requestId?: string | undefined;
}

/**
 * The base of every error that this package throws.
 *
 * @example Tell the package's errors from others
 * ```ts
 * import { CairnError, InvalidInputError } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const error = new InvalidInputError("Cannot save: the thread is missing");
 * assert(error instanceof CairnError);
 * assert.equal(error.kind, "invalid");
 * ```
 */
export abstract class CairnError extends Error {
  /** What went wrong, as data. */
  abstract readonly kind: ErrorKind;
  /** The key it is about, where there is one. */
  readonly key: string | undefined;
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** The store's own word for it, such as `NoSuchKey`. */
  readonly code: string | undefined;
  /** The store's id of the request, to quote to its support. */
  readonly requestId: string | undefined;

  /** Takes the message, and what is known beside it. */
  constructor(message: string, options: CairnErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.key = options.key;
    this.status = options.status;
    this.code = options.code;
    this.requestId = options.requestId;
  }
}

/**
 * An argument, an option or an id that cannot be used: the message names the
 * value, the limit and the way out.
 *
 * @example
 * ```ts
 * import { checkKey, InvalidInputError } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * assert.throws(() => checkKey("../secrets"), InvalidInputError);
 * ```
 */
export class InvalidInputError extends CairnError {
  /** The name, for logs. */
  override readonly name = "InvalidInputError";
  /** The kind, to switch on. */
  readonly kind = "invalid";
}

/** Options of a {@link NotFoundError}. */
export interface NotFoundErrorOptions extends CairnErrorOptions {
  /** What is missing. @default "object" */
  what?: "object" | "bucket" | "checkpoint" | "upload";
}

/**
 * There is no such object, checkpoint, multipart upload or bucket. A missing
 * bucket is never read as a missing object.
 *
 * @example
 * ```ts
 * import { memoryStore, NotFoundError } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(memoryStore().get("absent"), (error) => {
 *   assert(error instanceof NotFoundError);
 *   return error.what === "object";
 * });
 * ```
 */
export class NotFoundError extends CairnError {
  /** The name, for logs. */
  override readonly name = "NotFoundError";
  /** The kind, to switch on. */
  readonly kind = "not-found";
  /** What is missing. */
  readonly what: "object" | "bucket" | "checkpoint" | "upload";

  /** Takes the message, and what is missing. */
  constructor(message: string, options: NotFoundErrorOptions = {}) {
    super(message, options);
    this.what = options.what ?? "object";
  }
}

/**
 * A write's precondition did not hold: the object is there already (`create`),
 * or is no longer the one that was read (`ifMatch`).
 *
 * @example
 * ```ts
 * import { memoryStore, PreconditionFailedError } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const store = memoryStore();
 * const bytes = new Uint8Array([1]);
 * await store.put("once", bytes, { precondition: "create" });
 * await assert.rejects(
 *   store.put("once", bytes, { precondition: "create" }),
 *   PreconditionFailedError,
 * );
 * ```
 */
export class PreconditionFailedError extends CairnError {
  /** The name, for logs. */
  override readonly name = "PreconditionFailedError";
  /** The kind, to switch on. */
  readonly kind = "precondition";
}

/**
 * The store refuses: a wrong or an expired credential, or a policy that does
 * not allow it.
 *
 * @example
 * ```ts
 * import { AccessError } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const error = new AccessError("Access denied", { status: 403, code: "AccessDenied" });
 * assert.equal(error.kind, "access");
 * ```
 */
export class AccessError extends CairnError {
  /** The name, for logs. */
  override readonly name = "AccessError";
  /** The kind, to switch on. */
  readonly kind = "access";
}

/**
 * The stored bytes are not what was written: truncated, altered, or made by
 * something else. Nothing was changed by finding out.
 *
 * @example
 * ```ts
 * import { CorruptError, decodeFrame } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(decodeFrame(new Uint8Array(3)), CorruptError);
 * ```
 */
export class CorruptError extends CairnError {
  /** The name, for logs. */
  override readonly name = "CorruptError";
  /** The kind, to switch on. */
  readonly kind = "corrupt";
}

/**
 * This store, or this runtime, cannot do what was asked. The message names
 * which, and what can.
 *
 * @example
 * ```ts
 * import { memoryStore, UnsupportedError } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(
 *   memoryStore().presign("key", { method: "GET", expiresIn: 60 }),
 *   UnsupportedError,
 * );
 * ```
 */
export class UnsupportedError extends CairnError {
  /** The name, for logs. */
  override readonly name = "UnsupportedError";
  /** The kind, to switch on. */
  readonly kind = "unsupported";
}

/** Options of a {@link ThrottledError}. */
export interface ThrottledErrorOptions extends CairnErrorOptions {
  /** How long the store asks to wait (`Retry-After`), in milliseconds. */
  retryAfter?: number | undefined;
}

/**
 * The store asks for fewer requests: 429, `SlowDown`, `TooManyRequests`.
 *
 * @example
 * ```ts
 * import { ThrottledError } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const error = new ThrottledError("Slow down", { retryAfter: 2_000 });
 * assert.equal(error.retryAfter, 2_000);
 * ```
 */
export class ThrottledError extends CairnError {
  /** The name, for logs. */
  override readonly name = "ThrottledError";
  /** The kind, to switch on. */
  readonly kind = "throttled";
  /** How long the store asks to wait, in milliseconds. */
  readonly retryAfter: number | undefined;

  /** Takes the message, and the wait the store asks for. */
  constructor(message: string, options: ThrottledErrorOptions = {}) {
    super(message, options);
    this.retryAfter = options.retryAfter;
  }
}

/**
 * No answer in time: one attempt took longer than `attemptTimeout`, or the
 * whole call longer than `timeout`.
 *
 * @example
 * ```ts
 * import { TimeoutError } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const error = new TimeoutError("No answer within 10000 ms", { limit: 10_000 });
 * assert.equal(error.limit, 10_000);
 * ```
 */
export class TimeoutError extends CairnError {
  /** The name, for logs. */
  override readonly name = "TimeoutError";
  /** The kind, to switch on. */
  readonly kind = "timeout";
  /** The limit that was passed, in milliseconds. */
  readonly limit: number | undefined;

  /** Takes the message, and the limit in milliseconds. */
  constructor(message: string, options: CairnErrorOptions & { limit?: number } = {}) {
    super(message, options);
    this.limit = options.limit;
  }
}

/** Options of an {@link UnavailableError}. */
export interface UnavailableErrorOptions extends CairnErrorOptions {
  /** How long the store asks to wait (`Retry-After`), in milliseconds. */
  retryAfter?: number | undefined;
}

/**
 * The network or the server failed: no connection, a broken body, a 5xx, or a
 * 200 that carries an `<Error>`.
 *
 * @example
 * ```ts
 * import { UnavailableError } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const error = new UnavailableError("Service unavailable", { status: 503 });
 * assert.equal(error.kind, "unavailable");
 * ```
 */
export class UnavailableError extends CairnError {
  /** The name, for logs. */
  override readonly name = "UnavailableError";
  /** The kind, to switch on. */
  readonly kind = "unavailable";
  /** How long the store asks to wait, in milliseconds. */
  readonly retryAfter: number | undefined;

  /** Takes the message, and the wait the store asks for. */
  constructor(message: string, options: UnavailableErrorOptions = {}) {
    super(message, options);
    this.retryAfter = options.retryAfter;
  }
}

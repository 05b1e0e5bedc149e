/**
 * The contract every store keeps: a small required core, with convenience in
 * functions over it (`getBytes`, `listAll`, `putStream`).
 *
 * @module
 */

/** What a write demands of the key it writes to. A precondition is a value. */
export type Precondition =
  /** Write whatever is there. */
  | "overwrite"
  /** Write only where nothing is. Atomic: of many writers one succeeds. */
  | "create"
  /** Write only where this ETag still stands. */
  | { readonly ifMatch: string };

/** What a store honours. A `false` means `UnsupportedError`, never silence. */
export interface StoreCapabilities {
  /** `precondition: "create"` is atomic. */
  readonly conditionalCreate: boolean;
  /** `precondition: { ifMatch }` is atomic. */
  readonly conditionalUpdate: boolean;
  /** `list` is in ascending order of the keys' UTF-8 bytes. */
  readonly orderedList: boolean;
  /** `presign` gives a URL. */
  readonly presign: boolean;
  /** `put` keeps `attributes`. */
  readonly attributes: boolean;
  /** `get` and `head` read the version of a `versionId`. */
  readonly versions: boolean;
  /** `get` and `list` may be answered by a copy that is behind; `head` never is. @default false */
  readonly lags?: boolean;
}

/** What is known of an object without its body. */
export interface ObjectInfo {
  /** The key. */
  readonly key: string;
  /** The length of the object in bytes. */
  readonly size: number;
  /** The ETag without quotes: equal from `put`, `head`, `get` and `list` of the same object. */
  readonly etag: string;
  /** When it was written, by the store's clock. */
  readonly lastModified: Date;
  /** The version, from `head` and `get` of a bucket that keeps versions. */
  readonly versionId?: string;
}

/** A range of bytes: `start` inclusive, `end` exclusive, or the last `suffix` bytes. */
export type ByteRange =
  | { readonly start: number; readonly end?: number }
  | { readonly suffix: number };

/** What a call can be, in the contract's own words. */
export type StoreOperation = "put" | "get" | "head" | "list" | "delete" | "copy" | "presign";

/**
 * What a call took, filled in while it runs: give each call one of its own,
 * that begins as `{ attempts: 0, retries: 0 }`. What is read of a body or a
 * listing later is counted when it is read.
 */
export interface CallTrace {
  /** The requests that were sent, in all. A call that was refused before has none. */
  attempts: number;
  /** Those of them that were sent because an earlier one had failed. */
  retries: number;
  /** The store's id of the last request that was answered, where it gives one. */
  requestId?: string | undefined;
}

/** Options that every call takes. */
export interface CallOptions {
  /** Cancels the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Is told what the call took. */
  readonly trace?: CallTrace | undefined;
}

/** What a call demands of the key it writes to. */
export interface ConditionOptions extends CallOptions {
  /** What the write demands of the key. @default "overwrite" */
  readonly precondition?: Precondition | undefined;
}

/** What is kept beside an object's bytes, for those who fetch it by HTTP and for the bill. */
export interface ObjectAttributes {
  /** The media type. @default the store's own, `application/octet-stream` */
  readonly contentType?: string | undefined;
  /** How long proxies and browsers may keep it, such as `max-age=31536000, immutable`. */
  readonly cacheControl?: string | undefined;
  /** The storage class by the store's own name, such as `STANDARD_IA`. @default the store's own */
  readonly storageClass?: string | undefined;
}

/** Options of `put`. */
export interface PutOptions extends ConditionOptions {
  /** What is kept beside the bytes; a store without that capability refuses it. */
  readonly attributes?: ObjectAttributes | undefined;
}

/** What `put` and `copy` give. */
export interface PutResult {
  /** The ETag without quotes. */
  readonly etag: string;
}

/** Options of `head`. */
export interface VersionOptions extends CallOptions {
  /** The version that is wanted; a store without that capability refuses it. @default the current one */
  readonly versionId?: string | undefined;
}

/** Options of `get`. */
export interface GetOptions extends VersionOptions {
  /** The part of the object that is wanted. @default the whole */
  readonly range?: ByteRange | undefined;
  /** Gives the object only while this ETag stands, else `PreconditionFailedError`. */
  readonly ifMatch?: string | undefined;
}

/** What `get` gives. The body must be read or cancelled. */
export interface GetResult {
  /** The whole object's info, for a range too. */
  readonly info: ObjectInfo;
  /** The bytes asked for. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Options of `list`. */
export interface ListOptions extends CallOptions {
  /** Only keys that start with this. @default "" */
  readonly prefix?: string | undefined;
  /** Only keys after this one, which need not exist. */
  readonly startAfter?: string | undefined;
  /** Keys that share what stands before its next appearance are given once, as a prefix. */
  readonly delimiter?: "/" | undefined;
  /** The most entries (objects and prefixes) to give in all. @default no limit */
  readonly limit?: number | undefined;
}

/** One page of a listing: up to 1,000 entries. */
export interface ListPage {
  /** The objects, in order. */
  readonly objects: ObjectInfo[];
  /** The common prefixes, in order, each with its delimiter; empty without one. */
  readonly prefixes: string[];
}

/** Options of `presign`. */
export interface PresignOptions extends CallOptions {
  /** What the URL allows. */
  readonly method: "GET" | "PUT";
  /** For how long, in seconds: from 1 to 604,800, seven days, and no longer than the credentials that sign. */
  readonly expiresIn: number;
  /** The media type that a PUT must name, and that the object then has. @default any */
  readonly contentType?: string | undefined;
  /** The length that the body of a PUT must have, in bytes: exactly. @default any */
  readonly contentLength?: number | undefined;
  /**
   * Is told the headers that the request must carry: those that the two options
   * above ask for, and those of the store's own options, such as its encryption. A
   * store with such options refuses to make a URL where this is not given, as
   * nobody could use it. With a customer's key, the key is among them.
   */
  readonly send?: Record<string, string> | undefined;
  /** Headers that the answer to a GET shall carry. */
  readonly response?: {
    readonly contentType?: string;
    readonly contentDisposition?: string;
    readonly contentEncoding?: string;
    readonly contentLanguage?: string;
    readonly cacheControl?: string;
    readonly expires?: string;
  } | undefined;
}

/** The bytes of a `put`. */
export type Body = Uint8Array | ReadableStream<Uint8Array>;

/**
 * A place for objects.
 *
 * - Keys are those that `checkKey` accepts; any other is an `InvalidInputError`.
 * - An object appears whole or not at all; a reader never sees a part of one.
 * - What was put is seen by every `get`, `head` and `list` after it.
 * - Every failure is one of the package's errors; a cancelled call rejects
 *   with the signal's reason.
 * - A stream given to `put` is read to its end, or cancelled where `put` fails.
 *
 * @example
 * ```ts
 * import { getBytes, memoryStore, type ObjectStore } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const store: ObjectStore = memoryStore();
 * await store.put("greeting", new TextEncoder().encode("hello"));
 * const { bytes } = await getBytes(store, "greeting");
 * assert.equal(new TextDecoder().decode(bytes), "hello");
 * ```
 */
export interface ObjectStore {
  /** Names the store in messages, such as `memory` or `s3 bucket "state"`. Never a secret. */
  readonly name: string;
  /** What it honours. */
  readonly capabilities: StoreCapabilities;
  /**
   * Writes an object. Bytes up to the store's multipart threshold go in one
   * request; more, or a stream of unknown length, in a multipart upload with
   * parts of one size, a bounded number of them in flight, aborted on failure.
   */
  put(key: string, body: Body, options?: PutOptions): Promise<PutResult>;
  /** Reads an object. `NotFoundError` where there is none; a range that starts past its end is an `InvalidInputError`. */
  get(key: string, options?: GetOptions): Promise<GetResult>;
  /** Reads what is known of an object. `NotFoundError` where there is none. */
  head(key: string, options?: VersionOptions): Promise<ObjectInfo>;
  /** Lists keys in ascending order of their UTF-8 bytes, in pages. An empty listing gives no page or an empty one. */
  list(options?: ListOptions): AsyncIterable<ListPage>;
  /** Deletes objects, as many as are given. A key that is absent is no error. */
  delete(keys: readonly string[], options?: CallOptions): Promise<void>;
  /**
   * Copies an object within the store, on the server where it can. What is kept
   * beside its bytes goes along, but for the storage class, which is that of any
   * write. `NotFoundError` where there is none.
   */
  copy(from: string, to: string, options?: ConditionOptions): Promise<PutResult>;
  /** Gives a URL that allows one request without a credential of one's own. */
  presign(key: string, options: PresignOptions): Promise<string>;
}

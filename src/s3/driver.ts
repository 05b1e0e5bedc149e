import type { S3Answer, S3Request } from "./api.ts";
import type { PartRef } from "../store/multipart.ts";
import type { UrlRequest } from "./presign.ts";
import type { DeleteFailure, ListAnswer } from "./messages.ts";

/** What a page of a listing is asked for. */
export interface ListQuery {
  readonly prefix?: string | undefined;
  readonly startAfter?: string | undefined;
  readonly delimiter?: string | undefined;
  /** The token of the page before. */
  readonly token?: string | undefined;
  readonly maxKeys: number;
}

/** Headers beside those that the transport itself sets, in lower case. */
export type ExtraHeaders = Readonly<Record<string, string>>;

/**
 * What differs between the S3 transports: how one request is sent. Each call
 * is one attempt, rejects with a `CairnError`, and passes its signal on; how
 * often it is tried, what it demands, and what its answer means, is decided
 * above.
 */
export interface S3Driver {
  /** Whoever calls reads or cancels the body. */
  getObject(
    key: string,
    versionId: string | undefined,
    headers: ExtraHeaders,
    signal: AbortSignal,
  ): Promise<{ headers: Headers; body: ReadableStream<Uint8Array<ArrayBuffer>> }>;
  headObject(
    key: string,
    versionId: string | undefined,
    headers: ExtraHeaders,
    signal: AbortSignal,
  ): Promise<Headers>;
  listObjects(query: ListQuery, signal: AbortSignal): Promise<ListAnswer>;
  putObject(
    key: string,
    bytes: Uint8Array,
    headers: ExtraHeaders,
    signal: AbortSignal,
  ): Promise<Headers>;
  /** Gives the ETag without quotes. */
  copyObject(
    from: string,
    to: string,
    headers: ExtraHeaders,
    signal: AbortSignal,
  ): Promise<string>;
  deleteObject(key: string, signal: AbortSignal): Promise<void>;
  /** Gives the keys that were not deleted. */
  deleteObjects(keys: readonly string[], signal: AbortSignal): Promise<DeleteFailure[]>;
  /** Gives the upload's id. */
  createUpload(key: string, headers: ExtraHeaders, signal: AbortSignal): Promise<string>;
  uploadPart(
    key: string,
    uploadId: string,
    number: number,
    bytes: Uint8Array,
    headers: ExtraHeaders,
    signal: AbortSignal,
  ): Promise<Headers>;
  /** Makes a part of some bytes of an object; gives its ETag without quotes. */
  uploadPartCopy(
    from: string,
    to: string,
    uploadId: string,
    number: number,
    headers: ExtraHeaders,
    signal: AbortSignal,
  ): Promise<string>;
  /** Gives the ETag without quotes. */
  completeUpload(
    key: string,
    uploadId: string,
    parts: readonly PartRef[],
    headers: ExtraHeaders,
    signal: AbortSignal,
  ): Promise<string>;
  abortUpload(key: string, uploadId: string, signal: AbortSignal): Promise<void>;
  /** A 200 that carries an `<Error>` rejects, too. */
  request(request: S3Request, signal: AbortSignal): Promise<S3Answer>;
  /** No request is sent for it; one that outlives the credentials is an `InvalidInputError`. */
  presign(key: string, request: UrlRequest): Promise<string>;
}

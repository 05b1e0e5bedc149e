import { UnsupportedError } from "../errors.ts";
import { quote } from "../store/key.ts";
import { createPolicy } from "../store/policy.ts";
import { credentialsSource } from "../s3/credentials.ts";
import { isDirectoryBucket } from "../s3/dialect.ts";
import {
  resolveS3Options,
  type S3Credentials,
  type S3CredentialsProvider,
  type S3Options,
} from "../s3/options.ts";
import type { S3Store } from "../s3/api.ts";
import { s3Store } from "../s3/s3_store.ts";
import { createDriver } from "./_driver.ts";
import { createWire } from "./_wire.ts";

/** Options of {@link edgeStore}. */
export interface EdgeStoreOptions extends S3Options {
  /** Credentials, or what gives them: there is no chain to find them by. */
  readonly credentials: S3Credentials | S3CredentialsProvider;
  /** What sends the requests. @default globalThis.fetch */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/**
 * A bucket in S3, R2 or anything that speaks S3, by `fetch` and WebCrypto
 * alone: it runs in Workers, Deno Deploy, Lambda, Node, Bun and Deno, at 17
 * KB gzipped. `aws4fetch` signs; attempts, timeouts and answers are handled here.
 *
 * A body that breaks off or stalls is asked for again from where it stopped.
 * Where the server's clock differs, it is followed; where credentials from a
 * provider have expired, they are read again. A multipart upload that fails is
 * aborted; for a process that dies on the way, give the bucket a lifecycle rule
 * with `AbortIncompleteMultipartUpload`.
 *
 * @throws {InvalidInputError} where an option cannot be used.
 * @throws {UnsupportedError} for a directory bucket, which needs sessions.
 *
 * @example A store for each environment, made without a request
 * ```ts
 * import { edgeStore } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const store = edgeStore({
 *   bucket: "state",
 *   endpoint: "https://0123456789abcdef.r2.cloudflarestorage.com",
 *   credentials: { accessKeyId: "id", secretAccessKey: "secret" },
 * });
 * assert.equal(store.name, 's3 bucket "state"');
 * const url = await store.presign("trail/1", { method: "GET", expiresIn: 60 });
 * assert(new URL(url).pathname.endsWith("/state/trail/1"));
 * ```
 */
export function edgeStore(options: EdgeStoreOptions): S3Store {
  const settings = resolveS3Options(options);
  const { bucket, dialect } = settings;
  if (dialect.name === "aws" && isDirectoryBucket(bucket)) {
    throw new UnsupportedError(
      `Cannot use bucket: ${quote(bucket)} is a directory bucket; use sdkStore`,
    );
  }
  const wire = createWire({
    settings,
    credentials: credentialsSource(options.credentials),
    fetch: options.fetch,
  });
  return s3Store(settings, createPolicy(options), createDriver(settings, wire));
}

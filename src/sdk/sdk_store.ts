import type { S3Client } from "@aws-sdk/client-s3";
import { InvalidInputError } from "../errors.ts";
import { credentialsSource } from "../s3/credentials.ts";
import { resolveS3Options, type S3Options } from "../s3/options.ts";
import type { S3Store } from "../s3/api.ts";
import { s3Store } from "../s3/s3_store.ts";
import { OUTSIDE_WORKERS } from "../store/open_requests.ts";
import { createPolicy } from "../store/policy.ts";
import { createClient } from "./_client.ts";
import { createDriver } from "./_driver.ts";
import { createSend } from "./_requests.ts";

/** Options of {@link sdkStore}. */
export interface SdkStoreOptions extends S3Options {
  /**
   * A client of your own, used as it is and never destroyed. Its region,
   * endpoint, credentials, checksums, sockets, proxy and middleware are its own affair,
   * and its own retries stay: each of our attempts is up to `maxAttempts` of
   * them, all within `attemptTimeout`, so give it 1 where one policy is enough.
   * `endpoint` or `dialect` still says whose S3 it is, where that is not AWS.
   *
   * @default one that is made of the other options when it is first needed
   */
  readonly client?: S3Client | undefined;
}

/**
 * A bucket in S3, or in anything that speaks S3, by the AWS SDK: for Node,
 * Lambda, Bun and Deno, wherever its default credentials, profiles, proxies or
 * directory buckets are wanted. It behaves as `edgeStore` does, and fails with
 * the same errors; that one is the smaller by far.
 *
 * The SDK signs and sends. Attempts, timeouts, the bound on open requests and
 * the bodies that break off are ours, its own retries are off, and it adds a
 * checksum only where S3 demands one. Where `credentials` is absent, its default
 * chain finds them. A multipart upload that fails is aborted; for a process
 * that dies on the way, give the bucket a lifecycle rule with
 * `AbortIncompleteMultipartUpload`. In Deno `fetch` sends the GETs of a client that
 * is made here, whose bodies `node:http` there takes twice the memory and time for.
 *
 * There is nothing to close: idle connections let a process end. A client that
 * is made here keeps up to 50 connections, or `maxOpenRequests` if that is more;
 * a body that is neither read nor cancelled holds one.
 *
 * @throws {InvalidInputError} where an option cannot be used.
 *
 * @example A store for each environment, made without a request
 * ```ts
 * import { sdkStore } from "@cairn/checkpoint/sdk";
 * import assert from "node:assert/strict";
 *
 * const store = sdkStore({
 *   bucket: "state",
 *   region: "eu-central-1",
 *   credentials: { accessKeyId: "id", secretAccessKey: "secret" },
 * });
 * assert.equal(store.name, 's3 bucket "state"');
 * const url = await store.presign("trail/1", { method: "GET", expiresIn: 60 });
 * assert.equal(new URL(url).hostname, "state.s3.eu-central-1.amazonaws.com");
 * ```
 */
export function sdkStore(options: SdkStoreOptions): S3Store {
  const settings = resolveS3Options(options);
  const policy = createPolicy(options);
  const { maxOpenRequests = 0 } = options;
  const given = options.client;
  if (given !== undefined && typeof given?.send !== "function") {
    throw new InvalidInputError("Cannot use client: it is no S3Client of @aws-sdk/client-s3");
  }
  const credentials = given !== undefined || options.credentials === undefined
    ? undefined
    : credentialsSource(options.credentials);
  const maxSockets = Math.max(OUTSIDE_WORKERS, maxOpenRequests);
  let made: S3Client | undefined;
  const client = () => given ?? (made ??= createClient(settings, options, credentials, maxSockets));
  const send = createSend(settings, client, credentials);
  return s3Store(settings, policy, createDriver(settings, client, credentials, send));
}

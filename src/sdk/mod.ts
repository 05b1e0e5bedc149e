/**
 * S3, and anything that speaks S3, by the AWS SDK: the transport for Node,
 * Lambda, Bun and Deno. It needs the optional peers `@aws-sdk/client-s3` and
 * `@aws-sdk/s3-request-presigner`; where their size matters, `edgeStore` of
 * `@cairn/checkpoint/edge` does the same without them.
 *
 * @example With a client of your own
 * ```ts
 * import { S3Client } from "@aws-sdk/client-s3";
 * import { sdkStore } from "@cairn/checkpoint/sdk";
 * import assert from "node:assert/strict";
 *
 * const client = new S3Client({ region: "eu-central-1", maxAttempts: 1 });
 * const store = sdkStore({ bucket: "state", client });
 * assert(store.capabilities.conditionalCreate);
 * ```
 *
 * @module
 */
export { sdkStore, type SdkStoreOptions } from "./sdk_store.ts";
export type { BucketApi, S3Answer, S3Request, S3Store } from "../s3/api.ts";
export type { DialectName } from "../s3/dialect.ts";
export type { EndpointOptions } from "../s3/endpoint.ts";
export type { S3Credentials, S3CredentialsProvider, S3Options } from "../s3/options.ts";
export type { S3RequestOptions } from "../s3/request_headers.ts";

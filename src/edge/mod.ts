/**
 * S3, R2 and anything that speaks S3, by `fetch` and WebCrypto alone: the
 * transport for Workers and other small places.
 *
 * @example
 * ```ts
 * import { edgeStore } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const store = edgeStore({
 *   bucket: "state",
 *   region: "eu-central-1",
 *   credentials: { accessKeyId: "id", secretAccessKey: "secret" },
 * });
 * assert(store.capabilities.conditionalCreate);
 * ```
 *
 * @module
 */
export { cloudFrontSigner } from "./cloudfront_signer.ts";
export type {
  CloudFrontCookies,
  CloudFrontGrant,
  CloudFrontSigner,
  CloudFrontSignerOptions,
} from "./cloudfront_signer.ts";
export {
  cloudWatchClient,
  type CloudWatchClientOptions,
  type EdgeCloudWatchClient,
} from "./cloudwatch_client.ts";
export { edgeStore, type EdgeStoreOptions } from "./edge_store.ts";
export {
  type EdgeKmsClient,
  type EncryptionContext,
  kmsClient,
  type KmsClientOptions,
} from "./kms_client.ts";
export type { BucketApi, S3Answer, S3Request, S3Store } from "../s3/api.ts";
export type { DialectName } from "../s3/dialect.ts";
export type { EndpointOptions } from "../s3/endpoint.ts";
export type { S3Credentials, S3CredentialsProvider, S3Options } from "../s3/options.ts";
export type { S3RequestOptions } from "../s3/request_headers.ts";

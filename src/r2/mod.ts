/**
 * A store in Cloudflare R2, through a Worker's binding: no credential, no
 * signature, and no npm package.
 *
 * @module
 */
export { r2Store } from "./r2_store.ts";
export type { R2StoreOptions } from "./r2_store.ts";
export type {
  R2AttributeOptions,
  R2Bucket,
  R2Conditional,
  R2GetOptions,
  R2HttpMetadata,
  R2ListOptions,
  R2MultipartUpload,
  R2Object,
  R2ObjectBody,
  R2Objects,
  R2PutOptions,
  R2UploadedPart,
} from "./bucket.ts";

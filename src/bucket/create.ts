import {
  AccessError,
  CairnError,
  InvalidInputError,
  NotFoundError,
  PreconditionFailedError,
  UnsupportedError,
} from "../errors.ts";
import type { BucketApi, S3Store } from "../s3/api.ts";
import { isDirectoryBucket } from "../s3/dialect.ts";
import { childrenOf, parseXml, renderXml } from "../s3/xml.ts";
import { refuse } from "../store/_options.ts";
import type { CallOptions } from "../store/store.ts";
import { apiOf } from "./_api.ts";
import { childOf, element } from "./_documents.ts";

/** Options of {@link createBucket}. */
export interface CreateBucketOptions extends CallOptions {
  /** Whether a bucket of one's own that is there already is taken as it is. @default true */
  readonly ifAbsent?: boolean | undefined;
  /** The account that must own a bucket that is there already: 12 digits. @default not asked */
  readonly owner?: string | undefined;
}

/** What {@link createBucket} found or did. */
export interface CreatedBucket {
  /** Whether it was made just now. */
  readonly created: boolean;
  /** Where it is. */
  readonly region: string;
}

/** Where no location is sent: AWS refuses this one, R2 finds a place by itself. */
const NO_LOCATION: readonly string[] = ["us-east-1", "auto"];

/**
 * Makes the store's bucket in the store's region, unless it is there. Names of
 * buckets are the whole world's on AWS: one that is there may be somebody
 * else's, and that is an error, also where its owner lets you in.
 *
 * In `us-east-1` S3 answers the creation of a bucket that one has with 200, and
 * resets its access control list. A bucket with grants in that list is
 * therefore left alone, and taken for yours; give `owner` to be sure.
 *
 * @throws {PreconditionFailedError} where it is somebody else's, or is there and must not be.
 * @throws {AccessError} where you may not make it, or `owner` does not own it.
 * @throws {InvalidInputError} where it is in another region.
 * @throws {UnsupportedError} for a directory bucket, or a store that is no S3 store.
 *
 * @example
 * ```ts
 * import { createBucket } from "@cairn/checkpoint/bucket";
 * import { edgeStore } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
 * const store = edgeStore({ bucket: "state", region: "eu-central-1", credentials });
 * const ensure = () => createBucket(store); // { created: true, region: "eu-central-1" }
 * assert.equal(typeof ensure, "function");
 * ```
 */
export async function createBucket(
  store: S3Store,
  { ifAbsent = true, owner, signal }: CreateBucketOptions = {},
): Promise<CreatedBucket> {
  const api = apiOf(store, "create the bucket of");
  const { bucket, region, dialect } = api;
  if (owner !== undefined && !/^\d{12}$/.test(owner)) {
    refuse("owner", owner, "the number of an account, 12 digits");
  }
  if (isDirectoryBucket(bucket)) {
    throw new UnsupportedError(
      `Cannot create "${bucket}": it would be a directory bucket, which has a zone; make it with AWS's tools`,
    );
  }
  const found = await findBucket(api, { owner, signal });
  if (found !== undefined && !ifAbsent) throw taken(bucket, "is there already");
  if (found === "yours" || found === "granted" && await hasGrants(api, { signal })) {
    return { created: false, region };
  }
  try {
    const location = element("LocationConstraint", region);
    const body = NO_LOCATION.includes(region)
      ? undefined
      : renderXml(element("CreateBucketConfiguration", [location]));
    await api.request({ method: "PUT", body, operation: "CreateBucket" }, { signal });
    return { created: found === undefined, region };
  } catch (error) {
    const code = error instanceof CairnError ? error.code : undefined;
    // Names are the account's own on R2, so that what exists is yours.
    const isOwn = code === "BucketAlreadyOwnedByYou" ||
      code === "BucketAlreadyExists" && dialect === "r2";
    if (isOwn && ifAbsent) return { created: false, region };
    if (isOwn) throw taken(bucket, "is there already", error);
    if (code !== "BucketAlreadyExists") throw error;
    throw taken(bucket, "belongs to somebody else; choose another name", error);
  }
}

/**
 * What is there under the name: nothing, what `owner` has, what lets one in, or
 * what does not.
 *
 * @throws {AccessError} where `owner` does not own it.
 * @throws {InvalidInputError} where it is in another region.
 */
async function findBucket(
  api: BucketApi,
  { owner, signal }: { owner: string | undefined; signal: AbortSignal | undefined },
): Promise<"yours" | "granted" | "closed" | undefined> {
  const { bucket, region } = api;
  const headers = owner === undefined ? {} : { "x-amz-expected-bucket-owner": owner };
  try {
    const request = { method: "HEAD", headers, operation: "HeadBucket" } as const;
    const place = (await api.request(request, { signal })).headers.get("x-amz-bucket-region");
    if (place !== null && place !== region && region !== "auto") {
      throw new InvalidInputError(
        `Cannot use bucket "${bucket}" in region "${region}": it is in "${place}"; set \`region\` to it`,
      );
    }
    return owner === undefined ? "granted" : "yours";
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    if (!(error instanceof AccessError)) throw error;
    if (owner === undefined) return "closed";
    throw new AccessError(
      `Cannot use bucket "${bucket}": it does not belong to account ${owner}, or you may not see it`,
      { cause: error, status: error.status, code: error.code, requestId: error.requestId },
    );
  }
}

/** Whether making the bucket again would take a grant away. */
async function hasGrants(api: BucketApi, options: CallOptions): Promise<boolean> {
  if (api.region !== "us-east-1" || !["aws", "localstack"].includes(api.dialect)) return false;
  try {
    const request = { method: "GET", query: { acl: "" }, operation: "GetBucketAcl" } as const;
    const { text } = await api.request(request, options);
    const list = childOf(parseXml(text), "AccessControlList");
    return list === undefined || childrenOf(list, "Grant").length > 1;
  } catch (error) {
    if (error instanceof AccessError) return true;
    throw error;
  }
}

function taken(bucket: string, how: string, cause?: unknown): PreconditionFailedError {
  const { status, code, requestId } = cause instanceof CairnError ? cause : {} as CairnError;
  return new PreconditionFailedError(`Cannot create bucket "${bucket}": it ${how}`, {
    cause,
    status,
    code,
    requestId,
  });
}

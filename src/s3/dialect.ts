import { refuse } from "../store/_options.ts";
import type { StoreCapabilities } from "../store/store.ts";

/** The dialects of S3 that are known by name; `unknown` is anything else that speaks it. */
export type DialectName = "aws" | "r2" | "minio" | "localstack" | "ceph" | "unknown";

/**
 * What one server's S3 does differently, as data. Nothing but this table names
 * a vendor; what each column means for a user is told in `docs/dialects.md`.
 */
export interface Dialect {
  /** Its name. */
  readonly name: DialectName;
  /** The region where none is given. */
  readonly region: string;
  /** Whether the bucket stands in the path where `forcePathStyle` is not given. */
  readonly pathStyle: boolean;
  /** How DeleteObjects is checksummed: one way, never two. */
  readonly deleteChecksum: "content-md5" | "x-amz-checksum";
  /** `If-None-Match: *` and `If-Match` are honoured not on PutObject alone, but on CompleteMultipartUpload, too. */
  readonly conditionalComplete: boolean;
  /** What stands before their names on CopyObject; `undefined` where a copy takes no condition. */
  readonly copyConditionPrefix: string | undefined;
  /** Objects have versions, where the bucket is set so. */
  readonly versions: boolean;
  /** How LIST is asked to encode keys; `undefined` where it must not be asked. */
  readonly listEncoding: "url" | undefined;
}

const PLAIN: Omit<Dialect, "name"> = {
  region: "us-east-1",
  pathStyle: true,
  // The older of the two: servers that know no x-amz-checksum-* ask for it.
  // https://github.com/aws/aws-sdk-js-v3/issues/6819
  deleteChecksum: "content-md5",
  // Safe rather than sorry: bytes then go in one PutObject, and only a long
  // stream with a precondition is refused.
  conditionalComplete: false,
  copyConditionPrefix: undefined,
  versions: true,
  listEncoding: "url",
};

const DIALECTS: Readonly<Record<DialectName, Partial<Dialect>>> = {
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
  // https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
  aws: {
    pathStyle: false,
    deleteChecksum: "x-amz-checksum",
    conditionalComplete: true,
    copyConditionPrefix: "",
  },
  // https://developers.cloudflare.com/r2/api/s3/conditional-operations/
  // https://developers.cloudflare.com/r2/api/s3/api/
  r2: {
    region: "auto",
    conditionalComplete: true,
    versions: false,
    copyConditionPrefix: "cf-copy-destination-",
  },
  // https://github.com/minio/minio/blob/master/cmd/object-multipart-handlers.go
  minio: { conditionalComplete: true },
  // https://github.com/localstack/localstack/blob/main/localstack-core/localstack/services/s3/provider.py
  localstack: {
    conditionalComplete: true,
    // It compares encoded keys with a startAfter and a token that are not, and loses keys.
    listEncoding: undefined,
  },
  // https://docs.ceph.com/en/latest/radosgw/s3/objectops/
  ceph: {},
  unknown: {},
};

/** By host and port, as the endpoint has them; 4566 is LocalStack's own. */
const HOSTS: readonly (readonly [RegExp, DialectName])[] = [
  [/(^|\.)amazonaws\.(com(\.cn)?|eu)(:\d+)?$/, "aws"],
  [/(^|\.)r2\.cloudflarestorage\.com(:\d+)?$/, "r2"],
  [/(^|\.)localstack(\.cloud)?(:\d+)?$|:4566$/, "localstack"],
  [/(^|[.-])minio([.:-]|$)/, "minio"],
];

/**
 * Gives the dialect by name, or else tells it from the endpoint: none is AWS,
 * and a host that nothing is known of is `unknown`.
 *
 * @throws {InvalidInputError} where there is no dialect of that name.
 */
export function dialectFor(endpoint?: string | URL, name?: DialectName): Dialect {
  name ??= endpoint === undefined ? "aws" : nameOf(new URL(endpoint));
  if (!Object.hasOwn(DIALECTS, name)) {
    refuse("dialect", name, `one of ${Object.keys(DIALECTS).join(", ")}`);
  }
  return { ...PLAIN, ...DIALECTS[name], name };
}

function nameOf({ host }: URL): DialectName {
  return HOSTS.find(([known]) => known.test(host))?.[1] ?? "unknown";
}

/** Whether a bucket is a directory bucket of S3 Express One Zone. */
export function isDirectoryBucket(bucket: string): boolean {
  return bucket.endsWith("--x-s3");
}

/** What a bucket honours, with what the user knows better. */
export function capabilitiesOf(
  bucket: string,
  dialect: Dialect,
  {
    conditionalCreate = true,
    conditionalUpdate = true,
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html
    orderedList = !isDirectoryBucket(bucket),
    presign = true,
    attributes = true,
    versions = dialect.versions,
  }: Partial<StoreCapabilities> = {},
): StoreCapabilities {
  return { conditionalCreate, conditionalUpdate, orderedList, presign, attributes, versions };
}

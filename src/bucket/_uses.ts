/**
 * Which of S3's actions each feature needs, and on what: the one table that
 * `iamPolicy` reads and `docs/iam.md` prints.
 *
 * @module
 */

/** What an action is allowed on. */
export type IamScope =
  /** The objects under the prefix. */
  | "objects"
  /** The chunks of threads under the prefix: the immutable part, that a CDN may serve. */
  | "chunks"
  /** The bucket, where the request lists under the prefix. */
  | "listing"
  /** The bucket as a whole: its configuration knows no prefix. */
  | "bucket"
  /** The objects under the folder of `probe`. */
  | "probe"
  /** The bucket, where the request lists under the folder of `probe`. */
  | "probe listing"
  /** A namespace of CloudWatch's metrics. */
  | "metrics";

/** What the bodies of a use go through where KMS encrypts them. */
export type IamFlow = "reads" | "writes" | "parts";

/** What one use needs. */
export interface IamUseInfo {
  /** What it is for. */
  readonly what: string;
  /** The actions, by what they are allowed on. */
  readonly needs: Readonly<Partial<Record<IamScope, readonly string[]>>>;
  /** What KMS has to do with it. @default nothing */
  readonly flows?: readonly IamFlow[] | undefined;
}

/** A single feature that a policy can allow. */
export type IamUse =
  | "read"
  | "chunks"
  | "list"
  | "write"
  | "multipart"
  | "copy"
  | "delete"
  | "presign"
  | "probe"
  | "versions"
  | "restore"
  | "versioning"
  | "lifecycle"
  | "notifications"
  | "replication"
  | "encryption"
  | "acceleration"
  | "tiering"
  | "create"
  | "metrics";

/**
 * What each use needs on AWS, by the names of
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
 * and https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html.
 *
 * @example What a listing needs
 * ```ts
 * import { IAM_USES } from "@cairn/checkpoint/bucket";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(IAM_USES.list.needs, { listing: ["s3:ListBucket"] });
 * ```
 */
export const IAM_USES: Readonly<Record<IamUse, IamUseInfo>> = {
  read: {
    what: "`get` and `head`; a link for GET",
    needs: { objects: ["s3:GetObject"] },
    flows: ["reads"],
  },
  chunks: {
    what: "`get` of chunks alone, as a CDN needs it",
    needs: { chunks: ["s3:GetObject"] },
    flows: ["reads"],
  },
  list: {
    what: "`list`: the latest checkpoint, `list`, `threads`; and a 404 for what is absent",
    needs: { listing: ["s3:ListBucket"] },
  },
  write: {
    what: "`put` in one request; a link for PUT. With `{ ifMatch }`, AWS asks for `read`, too",
    needs: { objects: ["s3:PutObject"] },
    flows: ["writes"],
  },
  multipart: {
    what: "`put` above `multipartThreshold`, and of streams",
    needs: { objects: ["s3:AbortMultipartUpload", "s3:PutObject"] },
    flows: ["parts"],
  },
  copy: {
    what:
      "`copy` on the server, whole and in parts: `copyThread`; with `list` and `delete`, `moveThread`",
    needs: { objects: ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"] },
    flows: ["reads", "parts"],
  },
  delete: {
    what: "`delete`: of threads, of checkpoints, by `prune` and `sweep`",
    needs: { objects: ["s3:DeleteObject"] },
  },
  presign: {
    what: "links of both kinds: a link may what its signer may",
    needs: { objects: ["s3:GetObject", "s3:PutObject"] },
    flows: ["reads", "writes"],
  },
  probe: {
    what: "`probe`, under its own folder",
    needs: {
      probe: ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
      "probe listing": ["s3:ListBucket"],
    },
    flows: ["reads", "writes"],
  },
  versions: {
    what: "`listVersions`, `loadVersion`, `nonCurrentUsage`",
    needs: {
      objects: ["s3:GetObject", "s3:GetObjectVersion"],
      listing: ["s3:ListBucket", "s3:ListBucketVersions"],
      bucket: ["s3:GetBucketVersioning"],
    },
    flows: ["reads"],
  },
  restore: {
    what:
      "`restoreThread`, `restoreCheckpoint`: to read what was deleted, and take its delete markers away",
    needs: {
      objects: ["s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion"],
      listing: ["s3:ListBucket", "s3:ListBucketVersions"],
      bucket: ["s3:GetBucketVersioning"],
    },
    flows: ["reads"],
  },
  versioning: {
    what: "versioning: to read, enable and suspend it",
    needs: { bucket: ["s3:GetBucketVersioning", "s3:PutBucketVersioning"] },
  },
  lifecycle: {
    what: "lifecycle rules: to read and change them",
    needs: { bucket: ["s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration"] },
  },
  notifications: {
    what: "event notifications: to read and change them",
    needs: { bucket: ["s3:GetBucketNotification", "s3:PutBucketNotification"] },
  },
  replication: {
    what: "replication rules: to read and change them, with `replicationRoleArn` to hand over",
    needs: {
      bucket: [
        "s3:GetBucketVersioning",
        "s3:GetReplicationConfiguration",
        "s3:PutReplicationConfiguration",
      ],
    },
  },
  encryption: {
    what: "the bucket's default encryption: to read and change it",
    needs: { bucket: ["s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration"] },
  },
  acceleration: {
    what: "Transfer Acceleration: to read, enable and suspend it; AWS alone",
    needs: { bucket: ["s3:GetAccelerateConfiguration", "s3:PutAccelerateConfiguration"] },
  },
  tiering: {
    what: "the archive tiers of Intelligent-Tiering: to read and change them; AWS alone",
    needs: {
      bucket: ["s3:GetIntelligentTieringConfiguration", "s3:PutIntelligentTieringConfiguration"],
    },
  },
  create: {
    what: "`createBucket`",
    needs: { bucket: ["s3:CreateBucket"] },
  },
  metrics: {
    what: "metrics that are sent to CloudWatch, in the namespace `metricsNamespace`; AWS alone",
    needs: { metrics: ["cloudwatch:PutMetricData"] },
  },
};

/** Several uses by one name. */
export type IamRole = "reader" | "writer" | "operator";

/**
 * What each role is: a reader loads and lists; a writer saves, too, and deletes
 * nothing; an operator does all that every server knows.
 *
 * @example
 * ```ts
 * import { IAM_ROLES } from "@cairn/checkpoint/bucket";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(IAM_ROLES.reader, ["read", "list"]);
 * assert(!IAM_ROLES.writer.includes("delete"));
 * ```
 */
export const IAM_ROLES: Readonly<Record<IamRole, readonly IamUse[]>> = {
  reader: ["read", "list"],
  writer: ["read", "list", "write", "multipart"],
  // Not `chunks` and `presign`, which are parts of others, nor what only AWS knows.
  operator: [
    "read",
    "list",
    "write",
    "multipart",
    "copy",
    "delete",
    "probe",
    "versions",
    "restore",
    "versioning",
    "lifecycle",
    "notifications",
    "replication",
    "encryption",
    "create",
  ],
};

import { InvalidInputError } from "../errors.ts";
import { refuse } from "../store/_options.ts";
import { checkKey, quote } from "../store/key.ts";
import {
  IAM_ROLES,
  IAM_USES,
  type IamFlow,
  type IamRole,
  type IamScope,
  type IamUse,
} from "./_uses.ts";

/** What a policy is attached to, by which AWS limits its length. */
export type IamAttachment = "managed" | "user" | "group" | "role" | "session" | "bucket";

/** Options of {@link iamPolicy}. */
export interface IamPolicyOptions {
  /** The bucket's name, or the ARN of an access point to it. */
  readonly bucket: string;
  /** The folder, as the checkpointers' `prefix`, or several; `""` is the whole bucket. @default "cairn/" */
  readonly prefix?: string | readonly string[] | undefined;
  /** The features in use: roles and single ones. */
  readonly uses: readonly (IamRole | IamUse)[];
  /**
   * Whose policies they are. MinIO decides some actions by another's name; the
   * policy for it allows the same, as far as it can.
   *
   * @default "aws"
   */
  readonly dialect?: "aws" | "minio" | undefined;
  /** The partition of the ARNs. @default the access point's, or "aws" */
  readonly partition?: "aws" | "aws-cn" | "aws-us-gov" | undefined;
  /** The ARN of the KMS key that S3 encrypts under (SSE-KMS, DSSE-KMS). */
  readonly kmsKeyArn?: string | undefined;
  /** The ARN of the KMS key that `awsKmsKeys` wraps data keys under, before S3 sees anything. */
  readonly clientKeyArn?: string | undefined;
  /** The ARN of the role that replication runs as: whoever sets the rules up hands it over. */
  readonly replicationRoleArn?: string | undefined;
  /** Where `probe` may write. @default "cairn-probe/", as `probe` has it */
  readonly probePrefix?: string | undefined;
  /** The namespace of the metrics that are sent to CloudWatch. @default "Cairn", as the exporters have it */
  readonly metricsNamespace?: string | undefined;
  /**
   * Who may, where the policy is a bucket's own: `"*"` for everybody, `{ AWS:
   * arn }` for an account, a user or a role, `{ Service: name }` for a service.
   */
  readonly principal?: "*" | { readonly AWS: string } | { readonly Service: string } | undefined;
  /** The one distribution of CloudFront, or other resource, that a `Service` asks for. */
  readonly sourceArn?: string | undefined;
  /** What it is attached to. @default "bucket" where a `principal` is given, else "managed" */
  readonly attachment?: IamAttachment | undefined;
}

/** One statement of a policy. */
export interface IamStatement {
  /** What it is about. */
  readonly Sid: string;
  /** Whether it allows. */
  readonly Effect: "Allow" | "Deny";
  /** Who may, in a bucket's own policy. */
  readonly Principal?: "*" | Readonly<Record<string, string>>;
  /** The actions, in order. */
  readonly Action: string[];
  /** What they are allowed on. */
  readonly Resource: string[];
  /** When they are. */
  readonly Condition?: Record<string, Record<string, string | string[]>>;
}

/** A policy as plain data: what `JSON.stringify` gives is the document. */
export interface IamPolicy {
  /** The version of the language. */
  readonly Version: "2012-10-17";
  /** The statements. */
  readonly Statement: IamStatement[];
}

/**
 * The most characters a policy may have without its spaces.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html
 */
const LIMITS: Readonly<Record<IamAttachment, number>> = {
  managed: 6_144,
  user: 2_048,
  group: 5_120,
  role: 10_240,
  session: 2_048,
  bucket: 20_480,
};

const SIDS: Readonly<Record<IamScope, string>> = {
  objects: "CairnObjects",
  chunks: "CairnChunks",
  listing: "CairnListing",
  bucket: "CairnBucket",
  probe: "CairnProbe",
  "probe listing": "CairnProbeListing",
  metrics: "CairnMetrics",
};

/** What a name stands for in a message, and what it must look like. */
const ARN = /^arn:(aws|aws-cn|aws-us-gov):/;
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/;
const ACCESS_POINT =
  /^arn:(aws|aws-cn|aws-us-gov):s3:[a-z0-9-]*:\d{12}:accesspoint\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const KEY_ARN = /^arn:(aws|aws-cn|aws-us-gov):kms:([a-z0-9-]+):\d{12}:key\/[A-Za-z0-9-]{1,128}$/;
const ROLE_ARN = /^arn:(aws|aws-cn|aws-us-gov):iam::\d{12}:role\/[\w+=,.@\/-]{1,576}$/;
/** What a policy reads as a pattern or a variable. */
const PATTERN = /[*?]|\$\{/;
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html
const FOREIGN = /[^\u0020-\u00ff]/;

/**
 * The least policy for exactly the features in use: the actions that each one
 * sends, on the objects under the prefix, and on the bucket only where S3 knows
 * no other place. It is plain data and always the same for the same options;
 * nothing is sent.
 *
 * @throws {InvalidInputError} where no feature is named, or one that there is
 * none of; where a name holds what a policy reads as a pattern (`*`, `?`,
 * `${`); where an ARN is none; and where the policy is longer than what it is
 * attached to may have.
 *
 * @example A reader's
 * ```ts
 * import { iamPolicy } from "@cairn/checkpoint/bucket";
 * import assert from "node:assert/strict";
 *
 * const policy = iamPolicy({ bucket: "state", prefix: "cairn/", uses: ["reader"] });
 * assert.deepEqual(policy, {
 *   Version: "2012-10-17",
 *   Statement: [
 *     {
 *       Sid: "CairnObjects",
 *       Effect: "Allow",
 *       Action: ["s3:GetObject"],
 *       Resource: ["arn:aws:s3:::state/cairn/*"],
 *     },
 *     {
 *       Sid: "CairnListing",
 *       Effect: "Allow",
 *       Action: ["s3:ListBucket"],
 *       Resource: ["arn:aws:s3:::state"],
 *       Condition: { StringLike: { "s3:prefix": ["cairn/*"] } },
 *     },
 *   ],
 * });
 * console.log(JSON.stringify(policy, null, 2));
 * ```
 */
export function iamPolicy(options: IamPolicyOptions): IamPolicy {
  const { dialect = "aws", principal, attachment = principal ? "bucket" : "managed" } = options;
  if (!Object.hasOwn(LIMITS, attachment)) {
    refuse("attachment", attachment, `one of ${Object.keys(LIMITS).join(", ")}`);
  }
  if (dialect !== "aws" && dialect !== "minio") refuse("dialect", dialect, "aws or minio");
  checkPrincipal(options, attachment);
  const uses = usesOf(options.uses);
  const places = placesOf(options);
  const statements = [
    ...scopesOf(uses).map(([scope, actions]) => statementOf(scope, actions, places)),
    ...(dialect === "minio" ? minioStatements(uses, places) : []),
    ...keyStatements(uses, options),
    ...roleStatements(uses, options),
  ];
  const policy: IamPolicy = {
    Version: "2012-10-17",
    Statement: statements.map((statement) => withPrincipal(statement, options)),
  };
  checkLength(policy, attachment);
  return policy;
}

/** Where a policy's actions are allowed: patterns for the resources, and for what may be listed. */
interface Places {
  readonly bucket: string;
  readonly object: (name: string) => string;
  readonly prefixes: readonly string[];
  readonly probe: string;
  readonly metrics: string;
}

/** The single uses that roles and names come to, in the order of the table. */
function usesOf(names: readonly string[]): IamUse[] {
  const known = [...Object.keys(IAM_ROLES), ...Object.keys(IAM_USES)].join(", ");
  if (!Array.isArray(names) || names.length === 0) {
    refuse("uses", names, `at least one of ${known}: a policy for no feature allows nothing`);
  }
  const wanted = new Set<string>();
  for (const name of names) {
    if (Object.hasOwn(IAM_ROLES, name)) {
      for (const use of IAM_ROLES[name as IamRole]) wanted.add(use);
    } else if (Object.hasOwn(IAM_USES, name)) wanted.add(name);
    else refuse("uses", name, `one of ${known}`);
  }
  return (Object.keys(IAM_USES) as IamUse[]).filter((use) => wanted.has(use));
}

function placesOf(options: IamPolicyOptions): Places {
  const { bucket, prefix = "cairn/", probePrefix = "cairn-probe/", partition } = options;
  const { metricsNamespace: metrics = "Cairn" } = options;
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
  if (typeof metrics !== "string" || !/^[\w.#/ -]{1,255}$/.test(metrics)) {
    refuse("metricsNamespace", metrics, "1 to 255 letters, digits, spaces and . _ - / #");
  }
  const given = typeof prefix === "string" ? [prefix] : prefix;
  if (!Array.isArray(given) || given.length === 0) refuse("prefix", prefix, "a folder, or several");
  const folders = [...new Set(given.map((each) => folderOf("prefix", each)))].sort();
  // What lies in another of them needs no word of its own.
  const prefixes = folders.filter((folder) =>
    !folders.some((other) => other !== folder && folder.startsWith(other))
  );
  const probe = folderOf("probePrefix", probePrefix);
  if (typeof bucket === "string" && ACCESS_POINT.test(bucket)) {
    const own = ARN.exec(bucket)![1];
    if (partition !== undefined && partition !== own) refuse("partition", partition, own!);
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html
    return { bucket, object: (name) => `${bucket}/object/${name}`, prefixes, probe, metrics };
  }
  if (typeof bucket !== "string" || !BUCKET.test(bucket)) {
    refuse("bucket", bucket, "a bucket's name, or the ARN of an access point, without a pattern");
  }
  if (bucket.endsWith("--x-s3")) {
    refuse(
      "bucket",
      bucket,
      "one that is no directory bucket: those are entered whole, by s3express:CreateSession",
    );
  }
  if (partition !== undefined && !ARN.test(`arn:${partition}:`)) {
    refuse("partition", partition, "aws, aws-cn or aws-us-gov");
  }
  const arn = `arn:${partition ?? "aws"}:s3:::${bucket}`;
  return { bucket: arn, object: (name) => `${arn}/${name}`, prefixes, probe, metrics };
}

/** A folder as text that no policy reads as anything else; it ends in a slash, so that `a` is not `ab`. */
function folderOf(name: string, prefix: string): string {
  if (prefix === "") return prefix;
  if (typeof prefix !== "string") refuse(name, prefix, "a string");
  if (PATTERN.test(prefix)) {
    refuse(name, prefix, "one without *, ? and ${: a policy would read them as a pattern");
  }
  if (FOREIGN.test(prefix)) {
    refuse(name, prefix, "one of the characters up to U+00FF: a policy holds no others");
  }
  const folder = prefix.endsWith("/") ? prefix : `${prefix}/`;
  checkKey(`${folder}x`);
  return folder;
}

/** The actions of uses by what they are allowed on, each once. */
function scopesOf(uses: readonly IamUse[]): [IamScope, string[]][] {
  return (Object.keys(SIDS) as IamScope[]).flatMap((scope) => {
    const actions = uses.flatMap((use) => IAM_USES[use].needs[scope] ?? []);
    // What all objects allow, chunks need not be named for.
    const whole = scope === "chunks"
      ? uses.flatMap((use) => IAM_USES[use].needs.objects ?? [])
      : [];
    const left = [...new Set(actions)].filter((action) => !whole.includes(action)).sort();
    return left.length === 0 ? [] : [[scope, left] as [IamScope, string[]]];
  });
}

function statementOf(scope: IamScope, Action: string[], places: Places): IamStatement {
  const { bucket, object, prefixes, probe, metrics } = places;
  const base = { Sid: SIDS[scope], Effect: "Allow", Action } as const;
  switch (scope) {
    case "objects":
      return { ...base, Resource: prefixes.map((prefix) => object(`${prefix}*`)) };
    case "chunks":
      // A chunk's name is its hash: 64 characters. A shorter pattern would match records of a
      // namespace "v".
      return {
        ...base,
        Resource: prefixes.map((prefix) => object(`${prefix}*/v/${"?".repeat(64)}`)),
      };
    case "probe":
      return { ...base, Resource: [object(`${probe}*`)] };
    case "listing":
      return listing(base, bucket, prefixes);
    case "probe listing":
      return listing(base, bucket, [probe]);
    case "bucket":
      return { ...base, Resource: [bucket] };
    case "metrics":
      // CloudWatch has no resources to name, only this condition.
      return {
        ...base,
        Resource: ["*"],
        Condition: { StringEquals: { "cloudwatch:namespace": metrics } },
      };
  }
}

function listing(
  base: Omit<IamStatement, "Resource">,
  bucket: string,
  prefixes: readonly string[],
): IamStatement {
  const whole = { ...base, Resource: [bucket] };
  if (prefixes.includes("")) return whole;
  return {
    ...whole,
    Condition: { StringLike: { "s3:prefix": prefixes.map((prefix) => `${prefix}*`) } },
  };
}

/**
 * MinIO asks for DeleteObject where a version is deleted, and then only whether
 * DeleteObjectVersion is denied.
 * https://github.com/minio/minio/blob/master/cmd/auth-handler.go
 */
function minioStatements(uses: readonly IamUse[], { object, prefixes, probe }: Places) {
  const under = (folders: readonly string[]) => folders.map((folder) => object(`${folder}*`));
  const statements: IamStatement[] = [];
  const restores = uses.includes("restore");
  if (restores && !uses.includes("delete")) {
    statements.push({
      Sid: "CairnMinioVersions",
      Effect: "Allow",
      Action: ["s3:DeleteObject"],
      Resource: under(prefixes),
    });
  }
  const deletes = [
    ...(uses.includes("delete") && !restores ? prefixes : []),
    ...(uses.includes("probe") && !(restores && prefixes.includes(probe)) ? [probe] : []),
  ];
  if (deletes.length > 0) {
    statements.push({
      Sid: "CairnMinioKeepVersions",
      Effect: "Deny",
      Action: ["s3:DeleteObjectVersion"],
      Resource: under([...new Set(deletes)]),
    });
  }
  return statements;
}

/** What KMS must allow for the bodies that go through. */
function keyStatements(uses: readonly IamUse[], options: IamPolicyOptions): IamStatement[] {
  const { kmsKeyArn, clientKeyArn } = options;
  const flows = new Set(uses.flatMap((use) => IAM_USES[use].flows ?? []));
  const allowed = (byFlow: Record<IamFlow, readonly string[]>) =>
    [...new Set([...flows].flatMap((flow) => byFlow[flow]))].sort();
  const statements: IamStatement[] = [];
  if (kmsKeyArn !== undefined) {
    const [, partition, region] = keyArnOf("kmsKeyArn", kmsKeyArn);
    const suffix = partition === "aws-cn" ? ".cn" : "";
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    const Action = allowed({
      reads: ["kms:Decrypt"],
      writes: ["kms:GenerateDataKey"],
      parts: ["kms:Decrypt", "kms:GenerateDataKey"],
    });
    const Condition = {
      StringEquals: { "kms:ViaService": `s3.${region}.amazonaws.com${suffix}` },
    };
    const Resource = [kmsKeyArn];
    if (Action.length > 0) {
      statements.push({ Sid: "CairnBucketKey", Effect: "Allow", Action, Resource, Condition });
    }
  }
  if (clientKeyArn !== undefined) {
    keyArnOf("clientKeyArn", clientKeyArn);
    const writes = ["kms:Encrypt", "kms:GenerateDataKey"];
    const Action = allowed({ reads: ["kms:Decrypt"], writes, parts: writes });
    const Resource = [clientKeyArn];
    if (Action.length > 0) {
      statements.push({ Sid: "CairnClientKey", Effect: "Allow", Action, Resource });
    }
  }
  return statements;
}

function keyArnOf(name: string, arn: string): RegExpExecArray {
  return (typeof arn === "string" ? KEY_ARN.exec(arn) : null) ??
    refuse(
      name,
      arn,
      "the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID: no policy knows an alias",
    );
}

function roleStatements(
  uses: readonly IamUse[],
  { replicationRoleArn }: IamPolicyOptions,
): IamStatement[] {
  if (replicationRoleArn === undefined) return [];
  if (!uses.includes("replication")) {
    refuse("replicationRoleArn", replicationRoleArn, "none where replication is not in use");
  }
  if (typeof replicationRoleArn !== "string" || !ROLE_ARN.test(replicationRoleArn)) {
    refuse(
      "replicationRoleArn",
      replicationRoleArn,
      "a role's ARN, arn:aws:iam::ACCOUNT:role/NAME",
    );
  }
  return [{
    Sid: "CairnReplicationRole",
    Effect: "Allow",
    Action: ["iam:PassRole"],
    Resource: [replicationRoleArn],
    Condition: { StringEquals: { "iam:PassedToService": "s3.amazonaws.com" } },
  }];
}

/** Refuses what does not go with a principal, and what does not go without. */
function checkPrincipal(options: IamPolicyOptions, attachment: IamAttachment): void {
  const { principal, sourceArn, uses } = options;
  const isService = typeof principal === "object" && "Service" in principal;
  if (principal === undefined) {
    if (attachment === "bucket") {
      refuse("principal", principal, "who may, in a bucket's own policy");
    }
  } else {
    const names = typeof principal === "object" ? Object.entries(principal ?? {}) : [];
    const [[kind, name] = []] = names;
    const fits = principal === "*" ||
      (names.length === 1 && /^(AWS|Service)$/.test(kind!) && /^[\w:/+=,.@-]+$/.test(`${name}`));
    if (!fits) refuse("principal", JSON.stringify(principal), '"*", { AWS } or { Service }');
    if (attachment !== "bucket") refuse("attachment", attachment, '"bucket" with a principal');
    if (Array.isArray(uses) && uses.includes("metrics")) {
      refuse(
        "uses",
        "metrics",
        "none of it with a principal: a bucket's policy is about the bucket",
      );
    }
    for (const name of ["kmsKeyArn", "clientKeyArn", "replicationRoleArn"] as const) {
      if (options[name] === undefined) continue;
      refuse(name, options[name], "none with a principal: a bucket's policy is about the bucket");
    }
  }
  const arn = typeof sourceArn === "string" && ARN.test(sourceArn) && !PATTERN.test(sourceArn);
  // Anybody's distribution would do otherwise.
  if (isService !== arn) {
    refuse(
      "sourceArn",
      sourceArn,
      "the ARN of what a Service asks for, and none without a Service",
    );
  }
}

function withPrincipal(
  { Sid, Effect, Condition = {}, ...rest }: IamStatement,
  { principal, sourceArn }: IamPolicyOptions,
): IamStatement {
  const conditions = sourceArn === undefined
    ? Condition
    : { ...Condition, StringEquals: { "AWS:SourceArn": sourceArn } };
  return {
    Sid,
    Effect,
    ...(principal === undefined ? {} : { Principal: principal }),
    ...rest,
    ...(Object.keys(conditions).length === 0 ? {} : { Condition: conditions }),
  };
}

function checkLength(policy: IamPolicy, attachment: IamAttachment): void {
  const { length } = JSON.stringify(policy);
  const limit = LIMITS[attachment];
  if (length <= limit) return;
  const others = Object.entries(LIMITS).filter(([, most]) => most >= length)
    .map(([name, most]) => `${name} (${most})`);
  throw new InvalidInputError(
    `Cannot attach the policy as ${quote(attachment)}: it has ${length} characters; the limit is ` +
      `${limit}; name fewer uses or prefixes, ` +
      (others.length > 0 ? `or attach it as ${others.join(", ")}` : "or make it several policies"),
  );
}

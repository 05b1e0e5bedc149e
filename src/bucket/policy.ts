import { InvalidInputError } from "../errors.ts";
import { refuse } from "../store/_options.ts";
import { quote } from "../store/key.ts";
import { placesOf } from "./_policy_places.ts";
import { checkPrincipal, withPrincipal } from "./_policy_principal.ts";
import { minioStatements, scopeStatements } from "./_policy_scopes.ts";
import { keyStatements, roleStatements } from "./_policy_services.ts";
import { IAM_ROLES, IAM_USES, type IamRole, type IamUse } from "./_uses.ts";

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
    ...scopeStatements(uses, places),
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

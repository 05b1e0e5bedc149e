import { UnsupportedError } from "../../errors.ts";
import { childrenOf, textOf, type XmlElement } from "../../s3/xml.ts";
import { refuse } from "../../store/_options.ts";
import { childOf, element, withChild } from "../_documents.ts";
import type { Section, SectionContext } from "../_section.ts";

/**
 * How S3 encrypts what is written without a word about it: with keys of its own
 * (`sse-s3`), with one of AWS KMS (`sse-kms`), twice with one (`dsse-kms`), or,
 * on a server that can, not at all (`none`; AWS then takes `sse-s3`).
 */
export type DefaultEncryption =
  | { readonly algorithm: "sse-s3" | "none" }
  | {
    readonly algorithm: "sse-kms";
    /** The key: its id, its ARN or its alias. @default the account's `aws/s3` */
    readonly keyId?: string | undefined;
    /** Whether S3 asks KMS once for many objects: cheaper by up to 99 %. @default true */
    readonly bucketKey?: boolean | undefined;
  }
  | {
    readonly algorithm: "dsse-kms";
    /** The key: its id, its ARN or its alias. @default the account's `aws/s3` */
    readonly keyId?: string | undefined;
  };

/** S3's words: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ServerSideEncryptionByDefault.html */
const ALGORITHMS = {
  "sse-s3": "AES256",
  "sse-kms": "aws:kms",
  "dsse-kms": "aws:kms:dsse",
} as const;

const ROOT = "ServerSideEncryptionConfiguration";
const DEFAULT = "ApplyServerSideEncryptionByDefault";

/** Servers on which nothing is ever stored in the clear: `none` is `sse-s3` there. */
const ALWAYS: readonly SectionContext["dialect"][] = ["aws", "localstack"];

/** What a server can, where it is not all. */
const KNOWN: Readonly<
  Partial<Record<SectionContext["dialect"], readonly DefaultEncryption["algorithm"][]>>
> = {
  // https://github.com/minio/minio/blob/master/internal/bucket/encryption/bucket-sse-config.go
  minio: ["sse-s3", "sse-kms", "none"],
};

/** The section `encryption`: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html */
export const encryption: Section<DefaultEncryption> = {
  name: "encryption",
  query: "encryption",
  root: ROOT,
  operations: {
    read: "GetBucketEncryption",
    write: "PutBucketEncryption",
    remove: "DeleteBucketEncryption",
  },
  absent: "ServerSideEncryptionConfigurationNotFoundError",

  merge(current, desired, { dialect, bucket }): XmlElement | undefined {
    const { algorithm, keyId, bucketKey } = checked(desired);
    const known = KNOWN[dialect];
    if (known !== undefined && !known.includes(algorithm)) {
      throw new UnsupportedError(
        `Cannot encrypt bucket "${bucket}" with ${algorithm}: this server has ` +
          `${known.join(", ")} (dialect "${dialect}")`,
      );
    }
    if (algorithm === "none" && !ALWAYS.includes(dialect)) return undefined;
    const byDefault = element(DEFAULT, [
      element("SSEAlgorithm", ALGORITHMS[algorithm === "none" ? "sse-s3" : algorithm]),
      keyId === undefined ? undefined : element("KMSMasterKeyID", keyId),
    ]);
    // A rule may say more, such as which ways of encryption are refused: that stays.
    const rule = childOf(current, "Rule") ?? element("Rule", []);
    const merged = withChild(
      withChild(rule, DEFAULT, byDefault),
      "BucketKeyEnabled",
      algorithm === "sse-kms" ? element("BucketKeyEnabled", String(bucketKey ?? true)) : undefined,
    );
    return withChild(current ?? element(ROOT, []), "Rule", merged);
  },

  items(document) {
    return childrenOf(document ?? element(ROOT), "Rule").flatMap((rule) => {
      const byDefault = childOf(rule, DEFAULT);
      const algorithm = byDefault && textOf(byDefault, "SSEAlgorithm");
      if (!algorithm) return [];
      const key = textOf(byDefault, "KMSMasterKeyID") || undefined;
      const bucketKey = textOf(rule, "BucketKeyEnabled") === "true";
      return [{
        id: "encryption",
        value: JSON.stringify([algorithm, key ?? "", bucketKey]),
        text: `new objects are encrypted with ${algorithm}` +
          (algorithm === "AES256" ? "" : ` under ${key ?? "the account's own key for S3"}`) +
          (bucketKey ? ", with a bucket key" : ""),
      }];
    });
  },

  notes(desired) {
    if (desired.algorithm === "none" || desired.algorithm === "sse-s3") return [];
    return [
      "encryption: who reads or writes needs kms:Decrypt and kms:GenerateDataKey for the key; " +
      "objects that are there already stay as they are",
    ];
  },
};

interface Checked {
  readonly algorithm: DefaultEncryption["algorithm"];
  readonly keyId?: string | undefined;
  readonly bucketKey?: boolean | undefined;
}

function checked(desired: Checked): Checked {
  const { algorithm, keyId, bucketKey } = desired;
  if (algorithm !== "none" && !Object.hasOwn(ALGORITHMS, algorithm)) {
    refuse("encryption.algorithm", algorithm, `"sse-s3", "sse-kms", "dsse-kms" or "none"`);
  }
  const byKms = algorithm === "sse-kms" || algorithm === "dsse-kms";
  if (keyId !== undefined && (!byKms || typeof keyId !== "string" || keyId === "")) {
    refuse("encryption.keyId", keyId, `a key of KMS, with "sse-kms" or "dsse-kms"`);
  }
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
  if (bucketKey !== undefined && (algorithm !== "sse-kms" || typeof bucketKey !== "boolean")) {
    refuse("encryption.bucketKey", bucketKey, `true or false, with "sse-kms" alone`);
  }
  return desired;
}

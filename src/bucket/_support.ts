import { UnsupportedError } from "../errors.ts";
import { type DialectName, isDirectoryBucket } from "../s3/dialect.ts";
import type { AnySection } from "./_section.ts";
import type { SectionName } from "./configuration.ts";

/**
 * What a server does not have, as data. It is asked before anything is sent: a
 * server that does not know a query may take the request for one without it,
 * and `DELETE /bucket?unknown` for the deletion of the bucket.
 */
const MISSING: Readonly<Partial<Record<DialectName, Partial<Record<SectionName, string>>>>> = {
  // https://developers.cloudflare.com/r2/api/s3/api/
  r2: {
    versioning: "R2 keeps no versions",
    replication: "R2 replicates nothing to another bucket",
    encryption: "R2 encrypts everything with keys of its own, always",
    notifications:
      "R2's are configured by `wrangler r2 bucket notification create`, or its own API",
    tiering: "R2 has no Intelligent-Tiering",
    acceleration: "R2 is everywhere already",
  },
  // https://github.com/minio/minio/blob/master/cmd/api-router.go
  minio: {
    tiering: "MinIO has no Intelligent-Tiering",
    acceleration: "MinIO has no edge locations",
  },
};

/**
 * What a directory bucket does not have.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html
 */
const NOT_IN_DIRECTORIES: readonly SectionName[] = [
  "versioning",
  "notifications",
  "replication",
  "tiering",
  "acceleration",
];

/**
 * Refuses a section that the server does not have.
 *
 * @throws {UnsupportedError} that names the server and says why.
 */
export function requireSection(section: SectionName, dialect: DialectName, bucket: string): void {
  const why = isDirectoryBucket(bucket) && NOT_IN_DIRECTORIES.includes(section)
    ? "it is a directory bucket, which has none"
    : MISSING[dialect]?.[section];
  if (why === undefined) return;
  throw new UnsupportedError(
    `Cannot configure ${section} of bucket "${bucket}": ${why} (dialect "${dialect}")`,
  );
}

/** Operations that a server does not have, though it has the rest of their section. */
const NO_REMOVAL: Readonly<Partial<Record<DialectName, readonly SectionName[]>>> = {
  r2: ["lifecycle"],
};

/**
 * Refuses to take away a section's document where the server cannot.
 *
 * @throws {UnsupportedError} that names the server.
 */
export function requireRemoval(
  { name, operations: { remove } }: AnySection,
  dialect: DialectName,
  bucket: string,
): void {
  if (remove === undefined || !NO_REMOVAL[dialect]?.includes(name)) return;
  throw new UnsupportedError(
    `Cannot take the last of ${name} from bucket "${bucket}": the server has no ${remove} ` +
      `(dialect "${dialect}"); do it in its dashboard`,
  );
}

import type { Section } from "./_section.ts";
import { acceleration, type AccelerationStatus } from "./sections/acceleration.ts";
import { type DefaultEncryption, encryption } from "./sections/encryption.ts";
import { type Lifecycle, lifecycle } from "./sections/lifecycle.ts";
import { type Notifications, notifications } from "./sections/notifications.ts";
import { type Replication, replication } from "./sections/replication.ts";
import { tiering, type TieringRule } from "./sections/tiering.ts";
import { versioning, type VersioningStatus } from "./sections/versioning.ts";

/**
 * What is wished for of a bucket, as plain data. A section that is not named is
 * left alone.
 */
export interface BucketConfiguration {
  /** Whether S3 keeps what is overwritten or deleted. */
  readonly versioning?: VersioningStatus | undefined;
  /** How S3 encrypts what is written without a word about it. */
  readonly encryption?: DefaultEncryption | undefined;
  /** How objects age: threads' time to live, old versions, stale uploads, cheaper storage. */
  readonly lifecycle?: Lifecycle | undefined;
  /** Who is told of what becomes of checkpoints. */
  readonly notifications?: Notifications | undefined;
  /** To which other buckets checkpoints are copied. */
  readonly replication?: Replication | undefined;
  /** When Intelligent-Tiering archives what nobody reads. */
  readonly tiering?: readonly TieringRule[] | undefined;
  /** Whether Transfer Acceleration reaches the bucket. */
  readonly acceleration?: AccelerationStatus | undefined;
}

/** The name of a section. */
export type SectionName = keyof BucketConfiguration;

/** Every section, in the order in which they are applied: replication needs versions, so those come first. */
export const SECTIONS: {
  readonly [Name in SectionName]-?: Section<NonNullable<BucketConfiguration[Name]>>;
} = {
  versioning,
  encryption,
  lifecycle,
  notifications,
  replication,
  tiering,
  acceleration,
};

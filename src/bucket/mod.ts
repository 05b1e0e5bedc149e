/**
 * How a bucket is managed: what is wished for is plain data, a plan is the
 * difference, and applying it twice changes nothing. What others have
 * configured stays.
 *
 * @example
 * ```ts
 * import { describePlan, planChanges } from "@cairn/checkpoint/bucket";
 * import assert from "node:assert/strict";
 *
 * const bucket = { bucket: "state", region: "eu-central-1", dialect: "aws", sections: {} } as const;
 * const plan = planChanges(bucket, {
 *   versioning: "enabled",
 *   encryption: { algorithm: "sse-kms", keyId: "alias/state" },
 * });
 * assert.equal(plan.changes.length, 2);
 * console.log(describePlan(plan));
 * ```
 *
 * @module
 */
export { checkAccess } from "./access.ts";
export type { AccessReport, CheckAccessOptions, Permission } from "./access.ts";
export { type AppliedPlan, type ApplyOptions, applyPlan } from "./apply.ts";
export type { BucketConfiguration, SectionName } from "./configuration.ts";
export type { SectionState } from "./_section.ts";
export { createBucket, type CreateBucketOptions, type CreatedBucket } from "./create.ts";
export { describePlan } from "./describe.ts";
export { compareSequencers, parseCheckpointEvent } from "./events.ts";
export type {
  CheckpointEvent,
  EventAction,
  EventEnvelope,
  EventSource,
  EventSubject,
  ObjectEvent,
  ParseEventOptions,
} from "./events.ts";
export { notificationPolicy } from "./notification_policy.ts";
export type { NotificationPolicy, NotificationPolicyOptions } from "./notification_policy.ts";
export type { Place } from "../checkpoint/keys.ts";
export { restoreCheckpoint, restoreThread } from "./restore.ts";
export type { RestoreOptions, RestoreProgress, RestoreResult } from "./restore.ts";
export { type NonCurrentUsage, nonCurrentUsage, type Usage, type UsageOptions } from "./usage.ts";
export { listVersions, loadVersion } from "./versions.ts";
export type { CheckpointVersion, ListVersionsOptions, WhichVersion } from "./versions.ts";
export { planBucket, planChanges } from "./plan.ts";
export type { BucketChange, BucketPlan, BucketState, PlanOptions, PlanStep } from "./plan.ts";
export { checkReplica } from "./replica.ts";
export { replicationStatus } from "./replication_status.ts";
export type {
  CheckpointReplication,
  ObjectReplication,
  ReplicationPlace,
  ReplicationState,
  ReplicationStatusOptions,
} from "./replication_status.ts";
export type { DefaultEncryption } from "./sections/encryption.ts";
export type {
  ExpireRule,
  Lifecycle,
  NoncurrentRule,
  ThreadScope,
  TransitionClass,
  TransitionRule,
  TransitionStep,
} from "./sections/lifecycle.ts";
export type {
  NotificationEvent,
  Notifications,
  NotificationTarget,
} from "./sections/notifications.ts";
export type {
  Replication,
  ReplicationDestination,
  ReplicationStorageClass,
} from "./sections/replication.ts";
export type { AccelerationStatus } from "./sections/acceleration.ts";
export type { TieringRule } from "./sections/tiering.ts";
export type { VersioningStatus } from "./sections/versioning.ts";
export { IAM_ROLES, IAM_USES } from "./_uses.ts";
export type { IamFlow, IamRole, IamScope, IamUse, IamUseInfo } from "./_uses.ts";
export { iamPolicy } from "./policy.ts";
export type { IamAttachment, IamPolicy, IamPolicyOptions, IamStatement } from "./policy.ts";

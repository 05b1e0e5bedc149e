import { refuse } from "../store/_options.ts";
import { isAccount, parseArn } from "./_arn.ts";
import { parseTarget, SERVICES } from "./_targets.ts";

/** Options of {@link notificationPolicy}. */
export interface NotificationPolicyOptions {
  /** The ARN of the queue, topic or function that is to be told. */
  readonly target: string;
  /**
   * Who tells it: the name of a bucket, the ARN of a topic of SNS that the
   * target subscribes to, or of a rule of EventBridge.
   */
  readonly source: string;
  /** The account that the source is in, of twelve digits. @default the target's */
  readonly account?: string | undefined;
}

/** A policy of a queue, a topic or a function, as plain data. */
export interface NotificationPolicy {
  /** The version of the language of policies. */
  readonly Version: "2012-10-17";
  /** What it allows. */
  readonly Statement: readonly [{
    readonly Sid: "CairnNotifications";
    readonly Effect: "Allow";
    readonly Principal: { readonly Service: string };
    readonly Action: string;
    readonly Resource: string;
    readonly Condition: {
      readonly ArnEquals: { readonly "aws:SourceArn": string };
      readonly StringEquals: { readonly "aws:SourceAccount": string };
    };
  }];
}

const SENDERS: Readonly<Record<string, string>> = {
  s3: "s3.amazonaws.com",
  sns: "sns.amazonaws.com",
  events: "events.amazonaws.com",
};

/**
 * The policy that lets a target be told of events, by this one source and no
 * other. Set it as the queue's or topic's `Policy`, or by Lambda's
 * AddPermission, before the notification is configured: S3 tries it out.
 *
 * A queue or topic encrypted by AWS KMS needs a key of your own, too, whose
 * policy lets the same service do `kms:GenerateDataKey` and `kms:Decrypt`:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
 *
 * @throws {InvalidInputError} where an ARN or the account is none.
 *
 * @example
 * ```ts
 * import { notificationPolicy } from "@cairn/checkpoint/bucket";
 * import assert from "node:assert/strict";
 *
 * const target = "arn:aws:sqs:eu-central-1:123456789012:checkpoints";
 * const { Statement: [statement] } = notificationPolicy({ target, source: "state" });
 * assert.equal(statement.Action, "sqs:SendMessage");
 * assert.equal(statement.Condition.ArnEquals["aws:SourceArn"], "arn:aws:s3:::state");
 * ```
 */
export function notificationPolicy(
  { target, source, account: given }: NotificationPolicyOptions,
): NotificationPolicy {
  const { partition, service, account: own } = parseTarget(target, "target");
  const account = given ?? own;
  if (!isAccount(account)) refuse("account", account, "the twelve digits of an account");
  const isName = typeof source === "string" && /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(source);
  const from = parseArn(
    isName ? `arn:${partition}:s3:::${source}` : source,
    "source",
    "the name of a bucket, or the ARN of a topic of SNS or a rule of EventBridge",
  );
  if (!Object.hasOwn(SENDERS, from.service)) {
    refuse("source", source, "a bucket, a topic of SNS or a rule of EventBridge");
  }
  return {
    Version: "2012-10-17",
    Statement: [{
      Sid: "CairnNotifications",
      Effect: "Allow",
      Principal: { Service: SENDERS[from.service]! },
      Action: SERVICES[service].action,
      Resource: target,
      Condition: {
        ArnEquals: { "aws:SourceArn": from.text },
        StringEquals: { "aws:SourceAccount": account },
      },
    }],
  };
}

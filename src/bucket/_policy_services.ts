import { refuse } from "../store/_options.ts";
import { IAM_USES, type IamFlow, type IamUse } from "./_uses.ts";
import type { IamPolicyOptions, IamStatement } from "./policy.ts";

const KEY_ARN = /^arn:(aws|aws-cn|aws-us-gov):kms:([a-z0-9-]+):\d{12}:key\/[A-Za-z0-9-]{1,128}$/;
const ROLE_ARN = /^arn:(aws|aws-cn|aws-us-gov):iam::\d{12}:role\/[\w+=,.@\/-]{1,576}$/;

/** What KMS must allow for the bodies that go through. */
export function keyStatements(uses: readonly IamUse[], options: IamPolicyOptions): IamStatement[] {
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

/** What IAM must allow whoever sets replication up: to hand the role over. */
export function roleStatements(
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

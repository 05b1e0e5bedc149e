import { AwsClient } from "aws4fetch";
import assert from "node:assert/strict";
import {
  IAM_ROLES,
  IAM_USES,
  iamPolicy,
  type IamRole,
  type IamUse,
} from "@cairn/checkpoint/bucket";
import { requireServer } from "../servers/env.ts";

const ACCOUNT = "123456789012";

/** Makes a managed policy in IAM, and takes it away again; gives IAM's answer. */
async function create(policy: unknown): Promise<{ status: number; text: string }> {
  const { endpoint, accessKeyId, secretAccessKey, region } = requireServer();
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    region,
    service: "iam",
    retries: 0,
  });
  const ask = async (fields: Record<string, string>) => {
    const body = new URLSearchParams({ ...fields, Version: "2010-05-08" }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
    const answer = await client.fetch(`${endpoint}/`, { method: "POST", headers, body });
    return { status: answer.status, text: await answer.text() };
  };
  const PolicyName = `cairn-${crypto.randomUUID()}`;
  const PolicyDocument = JSON.stringify(policy);
  const made = await ask({ Action: "CreatePolicy", PolicyName, PolicyDocument });
  const arn = /<Arn>(.+?)</.exec(made.text)?.[1];
  if (arn !== undefined) await ask({ Action: "DeletePolicy", PolicyArn: arn });
  return made;
}

Deno.test("IAM takes the policy of each use and role, with keys, roles and several prefixes", async () => {
  const key = `arn:aws:kms:eu-central-1:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
  for (const name of [...Object.keys(IAM_ROLES), ...Object.keys(IAM_USES)]) {
    const policy = iamPolicy({
      bucket: "state",
      prefix: ["cairn/", "agents/a b/"],
      uses: [name as IamRole | IamUse, "replication"],
      kmsKeyArn: key,
      clientKeyArn: key,
      replicationRoleArn: `arn:aws:iam::${ACCOUNT}:role/cairn-replication`,
    });
    const { status, text } = await create(policy);
    assert.equal(status, 200, `${name}: ${text}`);
  }
});

Deno.test("IAM refuses a policy that is malformed, so that its consent means something", async () => {
  const policy = iamPolicy({ bucket: "state", uses: ["reader"] });
  const broken = {
    ...policy,
    Statement: policy.Statement.map((s) => ({ ...s, Effect: "Perhaps" })),
  };
  const { status, text } = await create(broken);
  assert.equal(status, 400);
  assert.match(text, /MalformedPolicyDocument/);
});

import { AccessError } from "@cairn/checkpoint";
import { checkAccess } from "@cairn/checkpoint/bucket";
import assert from "node:assert/strict";
import { serverOptions } from "../conformance/_server.ts";
import { withUser } from "../servers/minio_admin.ts";
import { TRANSPORTS } from "./_buckets.ts";

const { bucket } = serverOptions();

function policyFor(actions: readonly string[]) {
  const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/cairn/*`];
  const Statement = [{ Effect: "Allow", Action: actions, Resource }];
  return { Version: "2012-10-17", Statement };
}

const ACTIONS = {
  list: "s3:ListBucket",
  put: "s3:PutObject",
  get: "s3:GetObject",
  delete: "s3:DeleteObject",
} as const;

for (const [name, open] of Object.entries(TRANSPORTS)) {
  Deno.test(`${name}: what a policy allows is what is found, each right by itself`, async () => {
    const rights = Object.keys(ACTIONS) as (keyof typeof ACTIONS)[];
    for (const missing of rights) {
      const given = rights.filter((right) => right !== missing);
      const policy = policyFor(given.map((right) => ACTIONS[right]));
      await withUser(policy, async (credentials) => {
        const { left, ...report } = await checkAccess(open({ ...serverOptions(), credentials }));
        for (const right of rights) {
          assert.equal(report[right], right === missing ? "denied" : "allowed", `${right}`);
        }
        if (left !== undefined) await open(serverOptions()).delete([left]);
        assert.equal(left !== undefined, missing === "delete");
      });
    }
  });

  Deno.test(`${name}: outside the policy's prefix nothing is allowed but listing`, async () => {
    await withUser(policyFor(Object.values(ACTIONS)), async (credentials) => {
      const store = open({ ...serverOptions(), credentials });
      const report = await checkAccess(store, { prefix: "elsewhere/" });
      assert.deepEqual(report, { list: "allowed", put: "denied", get: "denied", delete: "denied" });
    });
  });

  Deno.test(`${name}: a key that nobody knows is an error`, async () => {
    const credentials = { accessKeyId: "nobody-at-all", secretAccessKey: "secret-of-nobody" };
    await assert.rejects(checkAccess(open({ ...serverOptions(), credentials })), AccessError);
  });
}

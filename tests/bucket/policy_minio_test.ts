/**
 * What a policy allows and what it does not, on a server that enforces it: each
 * use and each role against each operation, inside the prefix and outside.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  IAM_ROLES,
  IAM_USES,
  iamPolicy,
  type IamRole,
  type IamUse,
} from "@cairn/checkpoint/bucket";
import { mapParallel } from "../../src/store/parallel.ts";
import { withUser } from "../servers/minio_admin.ts";
import { type Operation, OPERATIONS, storeOf, withBucket } from "./_policy_operations.ts";

const PREFIX = "cairn/";
/** What the prefix is near to: a sibling that begins like it, another, the whole, one that ends like it. */
const OUTSIDE = ["cairn2/", "other/", "", "x/cairn/"];

function isAllowed({ needs }: Operation, uses: ReadonlySet<string>): boolean {
  return needs.some((group) => group.every((use) => uses.has(use)));
}

/** What became of an operation: "allowed", or "denied". */
async function outcomeOf(run: Promise<void>): Promise<string> {
  try {
    await run;
    return "allowed";
  } catch (error) {
    if ((error as Error).name === "AccessError") return "denied";
    throw error;
  }
}

const roles = Object.keys(IAM_ROLES) as IamRole[];
// MinIO has none of these, and refuses a policy that names one.
const AWS_ALONE: readonly IamUse[] = ["acceleration", "tiering", "metrics"];
const uses = (Object.keys(IAM_USES) as IamUse[]).filter((use) => !AWS_ALONE.includes(use));

for (const name of [...roles, ...uses]) {
  Deno.test(`on MinIO, the policy for ${name} allows what it says, under the prefix, and nothing else`, async () => {
    const single = new Set<string>(
      Object.hasOwn(IAM_ROLES, name) ? IAM_ROLES[name as IamRole] : [name],
    );
    const bucket = `policy-${crypto.randomUUID().slice(0, 13)}`;
    await withBucket(bucket, async (root) => {
      const policy = iamPolicy({ bucket, prefix: PREFIX, uses: [name], dialect: "minio" });
      await withUser(policy, async (credentials) => {
        const store = storeOf(bucket, credentials);
        const found: Record<string, string> = {};
        const expected: Record<string, string> = {};
        const cases = OPERATIONS.flatMap((operation) =>
          (operation.whole ? [PREFIX] : [PREFIX, ...OUTSIDE]).map((folder) => ({
            operation,
            folder,
          }))
        );
        await mapParallel(cases, 4, async ({ operation, folder }) => {
          const what = `${operation.name} in ${folder || "the whole bucket"}`;
          const inside = folder === PREFIX && isAllowed(operation, single);
          expected[what] = inside ? "allowed" : "denied";
          found[what] = await outcomeOf(operation.run({ store, root, folder })).catch(
            (error) => `${error}`,
          );
        });
        assert.deepEqual(found, expected);
      });
    });
  });
}

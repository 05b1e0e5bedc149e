import { InvalidInputError } from "@cairn/checkpoint";
import { applyPlan, planBucket } from "@cairn/checkpoint/bucket";
import assert from "node:assert/strict";
import { TRANSPORTS, withBucket } from "./_buckets.ts";

for (const [name, open] of Object.entries(TRANSPORTS)) {
  Deno.test(`${name}: a target that MinIO does not have is refused by name`, async () => {
    await withBucket(open, async (store) => {
      const notifications = { targets: [{ arn: "arn:minio:sqs::nobody:webhook" }] };
      const plan = await planBucket(store, { notifications });
      await assert.rejects(applyPlan(store, plan), (error) => {
        assert(error instanceof InvalidInputError, `${error}`);
        assert.match(error.message, /each target must exist/);
        return true;
      });
      assert.deepEqual((await planBucket(store, { notifications: {} })).steps, []);
    });
  });
}

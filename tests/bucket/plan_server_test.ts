import { applyPlan, planBucket } from "@cairn/checkpoint/bucket";
import assert from "node:assert/strict";
import { TRANSPORTS, withBucket } from "./_buckets.ts";

for (const [name, open] of Object.entries(TRANSPORTS)) {
  Deno.test(`${name}: versioning is enabled, suspended and enabled again by plans`, async () => {
    await withBucket(open, async (store) => {
      for (const versioning of ["enabled", "suspended", "enabled"] as const) {
        const plan = await planBucket(store, { versioning });
        assert.equal(plan.changes.length, 1);
        assert.deepEqual((await applyPlan(store, plan)).applied, ["versioning"]);
        assert.deepEqual((await planBucket(store, { versioning })).steps, []);
      }
    });
  });
}

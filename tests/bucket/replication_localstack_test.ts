import { InvalidInputError, NotFoundError, S3Checkpointer } from "@cairn/checkpoint";
import { applyPlan, checkReplica, planBucket, replicationStatus } from "@cairn/checkpoint/bucket";
import assert from "node:assert/strict";
import { TRANSPORTS, withBucket } from "./_buckets.ts";

const role = "arn:aws:iam::000000000000:role/replication";

for (const [name, open] of Object.entries(TRANSPORTS)) {
  Deno.test(`${name}: replication is planned, applied, changed and taken away`, async () => {
    await withBucket(open, async (origin) => {
      await withBucket(open, async (replica) => {
        const destinations = [{ bucket: replica.api.bucket }];
        const wish = { replication: { role, destinations } };
        await assert.rejects(planBucket(origin, wish), InvalidInputError);
        await applyPlan(replica, await planBucket(replica, { versioning: "enabled" }));
        // Versions and replication by one plan: in this order, or it would be refused.
        const plan = await planBucket(origin, { ...wish, versioning: "enabled" });
        assert.deepEqual((await applyPlan(origin, plan)).applied, ["versioning", "replication"]);
        await checkReplica(origin, replica);
        assert.deepEqual((await planBucket(origin, wish)).steps, []);

        const other = [{
          bucket: replica.api.bucket,
          storageClass: "STANDARD_IA",
          deleteMarkers: false,
          timeControl: true,
        }] as const;
        const change = await planBucket(origin, { replication: { role, destinations: other } });
        assert.deepEqual(change.changes.map(({ action }) => action), ["change"]);
        await applyPlan(origin, change);
        const { steps } = await planBucket(origin, { replication: { role, destinations: other } });
        assert.deepEqual(steps, []);

        // LocalStack keeps the rules, and copies nothing: it tells no state of any object.
        await new S3Checkpointer(origin).save("t", { large: "x".repeat(50_000) });
        assert.equal((await replicationStatus(origin, { thread: "t" })).state, "none");

        await applyPlan(origin, await planBucket(origin, { replication: { destinations: [] } }));
        await assert.rejects(
          origin.api.request({
            method: "GET",
            query: { replication: "" },
            operation: "GetBucketReplication",
          }),
          NotFoundError,
        );
      });
    });
  });

  Deno.test(`${name}: a destination that is not there is told of with the way out`, async () => {
    await withBucket(open, async (origin) => {
      const destinations = [{ bucket: `nobody-${crypto.randomUUID().slice(0, 8)}` }];
      const wish = { versioning: "enabled", replication: { role, destinations } } as const;
      await assert.rejects(applyPlan(origin, await planBucket(origin, wish)), (error) => {
        assert(error instanceof InvalidInputError, `${error}`);
        assert.match(error.message, /both buckets must have versioning enabled/);
        assert.match(error.message, /applied: versioning; failed: replication/);
        return true;
      });
    });
  });
}

import { applyPlan, planBucket } from "@cairn/checkpoint/bucket";
import assert from "node:assert/strict";
import { TRANSPORTS, withBucket } from "./_buckets.ts";

const FOREIGN =
  '<IntelligentTieringConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Id>theirs</Id>' +
  "<Filter><And><Prefix>x/</Prefix><Tag><Key>a</Key><Value>&lt;</Value></Tag></And></Filter>" +
  "<Status>Disabled</Status><Tiering><Days>200</Days><AccessTier>DEEP_ARCHIVE_ACCESS</AccessTier>" +
  "</Tiering></IntelligentTieringConfiguration>";

for (const [name, open] of Object.entries(TRANSPORTS)) {
  Deno.test(`${name}: archive tiers come, change and go, and others' stay`, async () => {
    await withBucket(open, async (store) => {
      const query = { "intelligent-tiering": "", id: "theirs" };
      await store.api.request({ method: "PUT", query, body: FOREIGN, operation: "PUT" });
      const rule = { archiveDays: 90, archive: true } as const;
      const plan = await planBucket(store, {
        tiering: [{ ...rule, threads: "a" }, { ...rule, threads: "b", deepArchiveDays: 180 }],
      });
      assert.deepEqual(plan.changes.map(({ action }) => action), ["add", "add"]);
      assert.deepEqual(plan.steps[0]!.kept, ["theirs"]);
      await applyPlan(store, plan);
      assert.deepEqual((await planBucket(store, { tiering: plan.desired.tiering })).steps, []);

      const other = await planBucket(store, {
        tiering: [{ ...rule, threads: "a", archiveDays: 91 }],
      });
      assert.deepEqual(other.changes.map(({ action }) => action), ["change", "remove"]);
      await applyPlan(store, other);

      await applyPlan(store, await planBucket(store, { tiering: [] }));
      const left = await planBucket(store, { tiering: [] });
      assert.deepEqual(left.steps, []);
      const { text } = await store.api.request({ method: "GET", query, operation: "GET" });
      assert.match(text, /<Value>&lt;<\/Value>/);
    });
  });

  Deno.test(`${name}: acceleration is enabled and suspended`, async () => {
    await withBucket(open, async (store) => {
      assert.deepEqual((await planBucket(store, { acceleration: "suspended" })).steps, []);
      for (const acceleration of ["enabled", "suspended"] as const) {
        const plan = await planBucket(store, { acceleration });
        assert.deepEqual((await applyPlan(store, plan)).applied, ["acceleration"]);
        assert.deepEqual((await planBucket(store, { acceleration })).steps, []);
      }
    });
  });
}

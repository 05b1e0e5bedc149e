import { applyPlan, type Lifecycle, planBucket } from "@cairn/checkpoint/bucket";
import assert from "node:assert/strict";
import { requireServer } from "../servers/env.ts";
import { TRANSPORTS, withBucket } from "./_buckets.ts";

const EVERYWHERE: Lifecycle = {
  expire: [{ ttl: { days: 300 } }, { ttl: { days: 300 }, threads: "a & <b>/é" }],
  noncurrent: [{ days: 3, keep: 2 }],
  deleteMarkers: true,
};

/** Only what S3 itself has; MinIO's are others. */
const OF_S3: Lifecycle = {
  abortUploads: 7,
  transitions: [{
    current: [
      { days: 30, to: "STANDARD_IA" },
      { days: 60, to: "INTELLIGENT_TIERING" },
      { days: 70, to: "ONEZONE_IA" },
    ],
    noncurrent: [{ days: 1, to: "GLACIER_IR" }, { days: 2, to: "DEEP_ARCHIVE" }],
    minBytes: 1,
    threads: "rare-",
  }],
};

const FOREIGN = [
  "<Rule><ID>logs &amp; more</ID><Filter><And><Prefix>logs/</Prefix><Tag><Key>k</Key>" +
  "<Value>v&lt;w</Value></Tag></And></Filter><Status>Disabled</Status>" +
  "<Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration></Rule>",
  "<Rule><ID>cairn:expire:other/</ID><Filter><Prefix>other/</Prefix></Filter>" +
  "<Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule>",
];

for (const [name, open] of Object.entries(TRANSPORTS)) {
  Deno.test(`${name}: a lifecycle comes and goes, and rules of others stay`, async () => {
    const full = requireServer().name === "minio" ? EVERYWHERE : { ...EVERYWHERE, ...OF_S3 };
    await withBucket(open, async (store) => {
      const query = { lifecycle: "" };
      const body = `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${
        FOREIGN.join("")
      }</LifecycleConfiguration>`;
      await store.api.request({ method: "PUT", query, body, operation: "PutBucketLifecycle" });
      const nothing = await planBucket(store, { lifecycle: {} });
      assert.deepEqual(nothing.steps, []);

      const plan = await planBucket(store, { lifecycle: full });
      assert.deepEqual(plan.steps[0]!.kept, ["logs & more", "cairn:expire:other/"]);
      assert(plan.changes.every(({ action }) => action === "add"));
      assert.deepEqual((await applyPlan(store, plan)).applied, ["lifecycle"]);
      assert.deepEqual((await planBucket(store, { lifecycle: full })).steps, []);

      const changed = await planBucket(store, {
        lifecycle: { ...full, noncurrent: [{ days: 4, keep: 2 }], deleteMarkers: false },
      });
      assert.deepEqual(changed.changes.map(({ action, id }) => [action, id]), [
        ["change", "cairn:noncurrent:cairn/"],
        ["remove", "cairn:delete-markers:cairn/"],
      ]);
      await applyPlan(store, changed);

      await applyPlan(store, await planBucket(store, { lifecycle: {} }));
      const left = await planBucket(store, { lifecycle: { deleteMarkers: true } });
      assert.deepEqual(left.steps[0]!.kept, ["logs & more", "cairn:expire:other/"]);
      const { text } = await store.api.request({ method: "GET", query, operation: "GET" });
      assert.match(text, /<Value>v&lt;w<\/Value>/);
      assert.match(text, /<Date>2030-01-01T00:00:00(\.000)?Z<\/Date>/);
      assert.equal(text.split("<Rule>").length, 3);
    });
  });

  Deno.test(`${name}: the last rule of a bucket takes its document along`, async () => {
    await withBucket(open, async (store) => {
      const rules = { lifecycle: { noncurrent: [{ days: 3 }] } };
      await applyPlan(store, await planBucket(store, rules));
      const removal = await planBucket(store, { lifecycle: {} });
      assert.equal(removal.steps[0]!.after.xml, null);
      await applyPlan(store, removal);
      assert.deepEqual((await planBucket(store, { lifecycle: {} })).steps, []);
    });
  });
}

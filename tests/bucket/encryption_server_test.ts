import { applyPlan, type DefaultEncryption, planBucket } from "@cairn/checkpoint/bucket";
import assert from "node:assert/strict";
import { requireServer } from "../servers/env.ts";
import { TRANSPORTS, withBucket } from "./_buckets.ts";

/** The key that each server has without being asked for one. */
const KEYS: Readonly<Record<string, string>> = {
  minio: "cairn-tests",
  localstack: "alias/aws/s3",
};

for (const [name, open] of Object.entries(TRANSPORTS)) {
  Deno.test(`${name}: a bucket's default encryption is what new objects have`, async () => {
    const server = requireServer().name;
    const keyId = KEYS[server];
    assert(keyId !== undefined, `Which key does ${server} have?`);
    const cases: [DefaultEncryption, string][] = [
      [{ algorithm: "sse-s3" }, "AES256"],
      [{ algorithm: "sse-kms", keyId, bucketKey: false }, "aws:kms"],
      ...server === "localstack"
        ? [
          [{ algorithm: "sse-kms" }, "aws:kms"],
          [{ algorithm: "dsse-kms" }, "aws:kms:dsse"],
        ] as [DefaultEncryption, string][]
        : [],
      [{ algorithm: "sse-s3" }, "AES256"],
    ];
    await withBucket(open, async (store) => {
      for (const [encryption, algorithm] of cases) {
        await applyPlan(store, await planBucket(store, { encryption }));
        assert.deepEqual((await planBucket(store, { encryption })).steps, []);
        await store.put("key", new Uint8Array(3));
        const { headers } = await store.api.request({
          method: "HEAD",
          key: "key",
          operation: "HeadObject",
        });
        assert.equal(headers.get("x-amz-server-side-encryption"), algorithm);
      }
      const none = { encryption: { algorithm: "none" } } as const;
      await applyPlan(store, await planBucket(store, none));
      assert.deepEqual((await planBucket(store, none)).steps, []);
    });
  });
}

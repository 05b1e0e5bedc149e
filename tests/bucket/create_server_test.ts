import { PreconditionFailedError } from "@cairn/checkpoint";
import { checkAccess, createBucket } from "@cairn/checkpoint/bucket";
import assert from "node:assert/strict";
import { serverOptions } from "../conformance/_server.ts";
import { TRANSPORTS, withBucket } from "./_buckets.ts";

for (const [name, open] of Object.entries(TRANSPORTS)) {
  Deno.test(`${name}: a bucket is made once, and is fine the second time`, async () => {
    const { region, ...options } = serverOptions();
    const bucket = `create-${crypto.randomUUID().slice(0, 13)}`;
    const store = open({ ...options, region, bucket });
    assert.deepEqual(await createBucket(store), { created: true, region });
    try {
      assert.deepEqual(await createBucket(store), { created: false, region });
      await assert.rejects(createBucket(store, { ifAbsent: false }), PreconditionFailedError);
      await store.put("key", new Uint8Array(3));
      await createBucket(store);
      assert.equal((await store.head("key")).size, 3);
    } finally {
      await store.delete(["key"]);
      await store.api.request({ method: "DELETE", operation: "DeleteBucket" });
    }
  });

  Deno.test(`${name}: access is checked, and the bucket is as empty as before`, async () => {
    await withBucket(open, async (store) => {
      const report = await checkAccess(store, { prefix: "a b/" });
      assert.deepEqual(report, {
        list: "allowed",
        put: "allowed",
        get: "allowed",
        delete: "allowed",
      });
      for await (const { objects } of store.list()) assert.deepEqual(objects, []);
    });
  });
}

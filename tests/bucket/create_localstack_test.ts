import { InvalidInputError, PreconditionFailedError } from "@cairn/checkpoint";
import { createBucket } from "@cairn/checkpoint/bucket";
import assert from "node:assert/strict";
import { serverOptions } from "../conformance/_server.ts";
import { TRANSPORTS } from "./_buckets.ts";

for (const [name, open] of Object.entries(TRANSPORTS)) {
  Deno.test(`${name}: a bucket stands in the store's region, and another region's store hears of it`, async () => {
    const bucket = `region-${crypto.randomUUID().slice(0, 13)}`;
    const in_ = (region: string) => open({ ...serverOptions(), region, bucket });
    const store = in_("eu-west-1");
    assert.deepEqual(await createBucket(store), { created: true, region: "eu-west-1" });
    try {
      const query = { location: "" };
      const { text } = await store.api.request({
        method: "GET",
        query,
        operation: "GetBucketLocation",
      });
      assert.match(text, />eu-west-1</);
      assert.equal((await createBucket(store)).created, false);
      for (const region of ["us-east-1", "us-west-2"]) {
        await assert.rejects(
          createBucket(in_(region)),
          (error) => error instanceof InvalidInputError && /"eu-west-1"/.test(error.message),
        );
      }
    } finally {
      await store.api.request({ method: "DELETE", operation: "DeleteBucket" });
    }
  });

  Deno.test(`${name}: a bucket of another account is an error, in every region`, async () => {
    for (const region of ["eu-west-1", "us-east-1"]) {
      const bucket = `others-${crypto.randomUUID().slice(0, 13)}`;
      const as = (accessKeyId: string) =>
        open({
          ...serverOptions(),
          region,
          bucket,
          credentials: { accessKeyId, secretAccessKey: "secret" },
        });
      await createBucket(as("111111111111"));
      try {
        await assert.rejects(
          createBucket(as("222222222222")),
          (error) =>
            error instanceof PreconditionFailedError && /somebody else/.test(error.message),
        );
        assert.equal((await createBucket(as("111111111111"))).created, false);
      } finally {
        await as("111111111111").api.request({ method: "DELETE", operation: "DeleteBucket" });
      }
    }
  });
}

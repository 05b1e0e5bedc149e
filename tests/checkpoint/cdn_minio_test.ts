import { cdn, S3Checkpointer } from "@cairn/checkpoint";
import { iamPolicy } from "@cairn/checkpoint/bucket";
import { edgeStore } from "@cairn/checkpoint/edge";
import assert from "node:assert/strict";
import { listKeys } from "../../src/store/body.ts";
import { serverOptions } from "../conformance/_server.ts";

const STATE = { log: Array.from({ length: 30_000 }, (_, at) => `stone ${at}`) };

Deno.test("chunks that everybody may read are read without a signature, and nothing else can be", async () => {
  const options = serverOptions();
  const bucket = `cdn-${crypto.randomUUID().slice(0, 13)}`;
  const store = edgeStore({ ...options, bucket });
  await store.api.request({ method: "PUT", operation: "CreateBucket" });
  try {
    const prefix = "agents/";
    await new S3Checkpointer(store, { prefix }).save("t", STATE);
    const baseUrl = `${options.endpoint}/${bucket}`;
    const load = async () => {
      const outcomes: string[] = [];
      const layer = cdn(store, {
        baseUrl,
        prefix,
        observe: ({ outcome }) => outcomes.push(outcome),
      });
      const found = await new S3Checkpointer<typeof STATE>(layer, { prefix }).load("t");
      assert.deepEqual(found?.state, STATE);
      return new Set(outcomes);
    };
    assert.deepEqual(await load(), new Set(["status"]), "nobody may, so far");

    const policy = iamPolicy({
      bucket,
      prefix,
      uses: ["chunks"],
      principal: "*",
      dialect: "minio",
    });
    await store.api.request({
      method: "PUT",
      query: { policy: "" },
      body: JSON.stringify(policy),
      operation: "PutBucketPolicy",
    });
    assert.deepEqual(await load(), new Set(["hit"]));

    const statuses: Record<string, number> = {};
    for await (const key of listKeys(store, "")) {
      const answer = await fetch(`${baseUrl}/${key}`);
      await answer.body?.cancel();
      statuses[/\/v\//.test(key) ? "chunk" : "record"] = answer.status;
      if (/\/v\//.test(key)) {
        assert.equal(answer.headers.get("cache-control"), "max-age=31536000, immutable");
        const changed = await fetch(`${baseUrl}/${key}`, { method: "DELETE" });
        assert.equal(changed.status, 403);
        await changed.body?.cancel();
      }
    }
    assert.deepEqual(statuses, { chunk: 200, record: 403 });
    const listing = await fetch(`${baseUrl}?list-type=2&prefix=${prefix}`);
    await listing.body?.cancel();
    assert.equal(listing.status, 403);
  } finally {
    const headers = { "x-minio-force-delete": "true" };
    await store.api.request({ method: "DELETE", headers, operation: "DeleteBucket" });
  }
});

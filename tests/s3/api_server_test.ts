import { InvalidInputError, NotFoundError } from "@cairn/checkpoint";
import { edgeStore, type S3Store } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { serverOptions } from "../conformance/_server.ts";

const TRANSPORTS = { edgeStore, sdkStore };

for (const [name, open] of Object.entries(TRANSPORTS)) {
  const store = (): S3Store =>
    open({ ...serverOptions(), bucket: `api-${crypto.randomUUID().slice(0, 13)}` });

  Deno.test(`${name}.api makes a bucket, configures it and deletes it`, async () => {
    const { api } = store();
    await api.request({ method: "PUT", operation: "CreateBucket" });
    try {
      const query = { versioning: "", absent: undefined };
      const body = '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
        "<Status>Enabled</Status></VersioningConfiguration>";
      await api.request({ method: "PUT", query, body, operation: "PutBucketVersioning" });
      const answer = await api.request({ method: "GET", query, operation: "GetBucketVersioning" });
      assert.equal(answer.status, 200);
      assert.match(answer.text, /<Status>Enabled<\/Status>/);
      assert(answer.headers.has("x-amz-request-id"));
    } finally {
      await api.request({ method: "DELETE", operation: "DeleteBucket" });
    }
  });

  Deno.test(`${name}.api tells a refusal by its class, its code and the operation`, async () => {
    const { api } = open(serverOptions());
    const missing = store().api;
    await assert.rejects(
      missing.request({ method: "HEAD", operation: "HeadBucket" }),
      NotFoundError,
    );
    await assert.rejects(
      missing.request({ method: "GET", query: { policy: "" }, operation: "GetBucketPolicy" }),
      (error) => error instanceof NotFoundError && error.what === "bucket",
    );
    const body = "<VersioningConfiguration><Status>Maybe</Status></VersioningConfiguration>";
    const query = { versioning: "" };
    await assert.rejects(
      api.request({ method: "PUT", query, body, operation: "PutBucketVersioning" }),
      (error) =>
        error instanceof InvalidInputError && error.code !== undefined && error.status === 400 &&
        /Cannot PutBucketVersioning bucket/.test(error.message),
    );
  });

  Deno.test(`${name}.api asks about an object, whatever its key`, async () => {
    const { api, ...rest } = open(serverOptions());
    const key = `api/${crypto.randomUUID()}/a+b é'(1)`;
    await rest.put(key, new Uint8Array([1]));
    const body = "<Tagging><TagSet><Tag><Key>k</Key><Value>v w</Value></Tag></TagSet></Tagging>";
    const query = { tagging: "" };
    await api.request({ method: "PUT", key, query, body, operation: "PutObjectTagging" });
    const { text } = await api.request({
      method: "GET",
      key,
      query,
      operation: "GetObjectTagging",
    });
    assert.match(text, /<Key>k<\/Key><Value>v w<\/Value>/);
    await rest.delete([key]);
  });
}

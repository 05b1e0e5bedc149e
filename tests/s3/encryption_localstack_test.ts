import { AccessError, InvalidInputError, S3Checkpointer } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { serverOptions } from "../conformance/_server.ts";
import { headersOf, KEY, testEncryption, type Ways } from "./_encryption.ts";

const WAYS: Ways = {
  "SSE-S3": [{ serverSideEncryption: "AES256" }, { "x-amz-server-side-encryption": "AES256" }],
  "SSE-KMS with a bucket key": [
    { serverSideEncryption: "aws:kms", bucketKeyEnabled: true },
    {
      "x-amz-server-side-encryption": "aws:kms",
      "x-amz-server-side-encryption-bucket-key-enabled": "true",
    },
  ],
  "DSSE-KMS": [
    { serverSideEncryption: "aws:kms:dsse" },
    { "x-amz-server-side-encryption": "aws:kms:dsse" },
  ],
  "SSE-C": [
    { sseCustomerKey: KEY },
    { "x-amz-server-side-encryption-customer-algorithm": "AES256" },
  ],
};

testEncryption(WAYS);

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  Deno.test(`${name} keeps a checkpoint under a customer's key that no other key reads`, async () => {
    const prefix = `sse/${crypto.randomUUID()}/`;
    const store = open({ ...serverOptions(), sseCustomerKey: KEY });
    const checkpointer = new S3Checkpointer<{ text: string }>(store, { prefix });
    await checkpointer.save("t", { text: "s".repeat(100_000) });
    const again = new S3Checkpointer<{ text: string }>(store, { prefix });
    assert.equal((await again.load("t"))?.state.text.length, 100_000);

    const secret = btoa(String.fromCharCode(...KEY));
    for (const sseCustomerKey of [undefined, new Uint8Array(32)]) {
      const other = open({ ...serverOptions(), sseCustomerKey });
      await assert.rejects(new S3Checkpointer(other, { prefix }).load("t"), (error) => {
        assert(error instanceof InvalidInputError || error instanceof AccessError);
        assert(!error.message.includes(secret));
        return true;
      });
    }
    await again.delete("t");
  });

  Deno.test(`${name} keeps content type, cache control and storage class`, async () => {
    const store = open({ ...serverOptions(), storageClass: "STANDARD_IA" });
    const key = `attributes/${crypto.randomUUID()}`;
    const attributes = { contentType: "text/plain; charset=utf-8", cacheControl: "no-cache" };
    await store.put(key, new Uint8Array([1]), { attributes });
    const said = await headersOf(store, key);
    assert.equal(said.get("content-type"), attributes.contentType);
    assert.equal(said.get("cache-control"), "no-cache");
    assert.equal(said.get("x-amz-storage-class"), "STANDARD_IA");
    await store.put(key, new Uint8Array([1]), { attributes: { storageClass: "GLACIER_IR" } });
    assert.equal((await headersOf(store, key)).get("x-amz-storage-class"), "GLACIER_IR");
    await store.delete([key]);
  });
}

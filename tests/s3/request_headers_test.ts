import { InvalidInputError, UnsupportedError } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { attributeHeaders, requestHeaders } from "../../src/s3/request_headers.ts";
import type { S3Options } from "../../src/s3/options.ts";
import { withScript } from "../sdk/_scripted_server.ts";

const KEY = new Uint8Array(32).fill(7);
const credentials = { accessKeyId: "id", secretAccessKey: "secret" };

const REFUSED: Record<string, [Omit<Partial<S3Options>, "credentials">, RegExp]> = {
  "an algorithm that S3 has not": [
    { serverSideEncryption: "AES128" as "AES256" },
    /serverSideEncryption.*AES128.*aws:kms:dsse/,
  ],
  "a KMS key without KMS": [{ sseKmsKeyId: "alias/state" }, /sseKmsKeyId.*aws:kms/],
  "a KMS key with S3's own keys": [
    { serverSideEncryption: "AES256", sseKmsKeyId: "alias/state" },
    /sseKmsKeyId/,
  ],
  "a bucket key with two layers": [
    { serverSideEncryption: "aws:kms:dsse", bucketKeyEnabled: true },
    /bucketKeyEnabled.*dsse/,
  ],
  "a customer key of 31 bytes": [{ sseCustomerKey: new Uint8Array(31) }, /length.*31/],
  "a customer key of 33 bytes": [{ sseCustomerKey: new Uint8Array(33) }, /length.*33/],
  "a customer key as text": [
    { sseCustomerKey: "0123456789abcdef0123456789abcdef" as unknown as Uint8Array },
    /sseCustomerKey.*string.*Uint8Array/,
  ],
  "two ways to encrypt": [
    { sseCustomerKey: KEY, serverSideEncryption: "AES256" },
    /not both/,
  ],
  "a customer key over plain HTTP": [
    { sseCustomerKey: KEY, endpoint: "http://s3.example.com" },
    /https:.*sseCustomerKey/,
  ],
  "a customer key over plain HTTP to a host that is named as an address": [
    { sseCustomerKey: KEY, endpoint: "http://127.0.0.1.example.com" },
    /https:.*sseCustomerKey/,
  ],
  "an owner that is no account": [{ expectedBucketOwner: "me" }, /expectedBucketOwner.*me/],
  "a payer that S3 does not know": [
    { requestPayer: "owner" as "requester" },
    /requestPayer.*owner/,
  ],
  "a storage class with a line break": [{ storageClass: "STANDARD\r\nx: y" }, /storageClass/],
};

for (const [what, [options, message]] of Object.entries(REFUSED)) {
  Deno.test(`S3 stores refuse ${what}, and name it`, () => {
    for (const open of [edgeStore, sdkStore]) {
      assert.throws(() => open({ bucket: "state", credentials, ...options }), (error) => {
        assert(error instanceof InvalidInputError);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /BwcHBw|0123456789abcdef|7,7,7/);
        return true;
      });
    }
  });
}

Deno.test("requestHeaders() gives a store without options no header", () => {
  assert.deepEqual(requestHeaders({}), { every: {}, object: {}, write: {}, copySource: {} });
});

Deno.test("requestHeaders() carries a KMS context as base64 of its JSON", () => {
  const { write } = requestHeaders({
    serverSideEncryption: "aws:kms",
    sseKmsEncryptionContext: { team: "é" },
  });
  const context = write["x-amz-server-side-encryption-context"]!;
  const bytes = Uint8Array.from(atob(context), (char) => char.charCodeAt(0));
  assert.deepEqual(JSON.parse(new TextDecoder().decode(bytes)), { team: "é" });
});

Deno.test("attributeHeaders() refuses a line break, which would be a header of its own", () => {
  for (const name of ["contentType", "cacheControl", "storageClass"]) {
    assert.throws(() => attributeHeaders({ [name]: "a\r\nx-amz-acl: public-read" }), (error) => {
      assert(error instanceof InvalidInputError);
      return error.message.includes(name);
    });
  }
});

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  Deno.test(`${name} says who pays and whose the bucket must be with every request`, async () => {
    const pays = { requestPayer: "requester", expectedBucketOwner: "123456789012" } as const;
    await withScript(
      ({ method }) =>
        method === "POST"
          ? { body: "<DeleteResult></DeleteResult>" }
          : { headers: { etag: '"e"', "last-modified": new Date(0).toUTCString() } },
      async (endpoint, seen) => {
        const store = open({ bucket: "state", endpoint, credentials, ...pays });
        await store.put("a", new Uint8Array([1]));
        await (await store.get("a")).body.cancel();
        await store.head("a");
        await store.delete(["a"]);
        await store.delete(["a", "b"]);
        await store.api.request({ method: "GET", query: { acl: "" }, operation: "GetBucketAcl" });
        assert.equal(seen.length, 6);
        for (const { method, headers } of seen) {
          assert.equal(headers.get("x-amz-request-payer"), "requester", method);
          assert.equal(headers.get("x-amz-expected-bucket-owner"), "123456789012", method);
        }
      },
    );
  });

  Deno.test(`${name} cancels a stream whose attributes cannot be headers`, async () => {
    const store = open({ bucket: "state", credentials, endpoint: "http://127.0.0.1:9" });
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) });
    const attributes = { contentType: "a\r\nb: c" };
    await assert.rejects(store.put("key", body, { attributes }), InvalidInputError);
    assert(cancelled);
  });

  Deno.test(`${name} refuses a version where the dialect keeps none`, async () => {
    const store = open({
      bucket: "state",
      endpoint: "https://abc.r2.cloudflarestorage.com",
      credentials,
    });
    assert.equal(store.capabilities.versions, false);
    await assert.rejects(store.get("a", { versionId: "1" }), UnsupportedError);
    await assert.rejects(store.head("a", { versionId: "1" }), UnsupportedError);
  });
}

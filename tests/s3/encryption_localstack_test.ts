import { AccessError, getBytes, InvalidInputError, S3Checkpointer } from "@cairn/checkpoint";
import { edgeStore, type S3Options, type S3Store } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { serverOptions } from "../conformance/_server.ts";

const KEY = crypto.getRandomValues(new Uint8Array(32));
const MIB = 1024 * 1024;

const WAYS: Record<string, [Omit<Partial<S3Options>, "credentials">, Record<string, string>]> = {
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

/** What the server says of an object, asked with the headers that the store itself sends. */
async function headersOf({ api }: S3Store, key: string, headers = {}): Promise<Headers> {
  return (await api.request({ method: "HEAD", key, headers, operation: "HeadObject" })).headers;
}

function customerHeaders(options: Pick<S3Options, "sseCustomerKey">): Record<string, string> {
  if (options.sseCustomerKey === undefined) return {};
  const name = "x-amz-server-side-encryption-customer-";
  return {
    [`${name}algorithm`]: "AES256",
    [`${name}key`]: btoa(String.fromCharCode(...KEY)),
    [`${name}key-md5`]: MD5,
  };
}

const { createHash } = await import("node:crypto");
const MD5 = createHash("md5").update(KEY).digest("base64");

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  for (const [way, [options, expected]] of Object.entries(WAYS)) {
    Deno.test(`${name} writes, copies and uploads in parts by ${way}, and reads back`, async () => {
      const prefix = `sse/${crypto.randomUUID()}/`;
      const store = open({ ...serverOptions(), ...options, partSize: 5 * MIB });
      const large = crypto.getRandomValues(new Uint8Array(65_536));
      const parts = new Uint8Array(11 * MIB).map((_, at) => large[at & 65_535]!);
      await store.put(`${prefix}small`, new Uint8Array([1, 2, 3]));
      await store.copy(`${prefix}small`, `${prefix}copy`);
      await store.put(`${prefix}parts`, new Blob([parts]).stream());
      for (const key of ["small", "copy", "parts"]) {
        const said = await headersOf(store, prefix + key, customerHeaders(options));
        for (const [header, value] of Object.entries(expected)) {
          assert.equal(said.get(header), value, `${key}: ${header}`);
        }
      }
      assert.deepEqual((await getBytes(store, `${prefix}copy`)).bytes, new Uint8Array([1, 2, 3]));
      assert.equal((await store.head(`${prefix}parts`)).size, parts.length);
      const range = { start: 6 * MIB, end: 6 * MIB + 10 };
      const part = await getBytes(store, `${prefix}parts`, { range });
      assert.deepEqual(part.bytes, parts.slice(range.start, range.end));
      await store.delete(["small", "copy", "parts"].map((key) => prefix + key));
    });
  }

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

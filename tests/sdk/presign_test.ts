import assert from "node:assert/strict";
import { S3Client } from "@aws-sdk/client-s3";
import { InvalidInputError, UnsupportedError } from "../../src/errors.ts";
import { sdkStore } from "../../src/sdk/mod.ts";
import { optionsFor, SECRET, test } from "./_fixture.ts";

const ENDPOINT = "https://s3.example.com";

test("SdkStore.presign() gives a URL for the key alone, for so many seconds", async () => {
  const store = sdkStore(optionsFor(ENDPOINT));
  const url = new URL(await store.presign("a b/+c", { method: "GET", expiresIn: 604_800 }));
  assert.equal(url.origin, ENDPOINT);
  assert.equal(url.pathname, "/state/a%20b/%2Bc");
  assert.equal(url.searchParams.get("X-Amz-Expires"), "604800");
  assert.equal(url.searchParams.get("X-Amz-SignedHeaders"), "host");
  assert(!url.href.includes(SECRET));
});

test("SdkStore.presign() asks for the headers of the answer", async () => {
  const store = sdkStore(optionsFor(ENDPOINT));
  const response = {
    contentType: "text/plain; charset=utf-8",
    contentDisposition: 'attachment; filename="a b.txt"',
    contentEncoding: "gzip",
    contentLanguage: "de",
    cacheControl: "no-store",
    expires: "Thu, 01 Jan 2026 00:00:00 GMT",
  };
  const url = new URL(await store.presign("key", { method: "GET", expiresIn: 60, response }));
  assert(!url.search.includes("+"), "a plus is not a space to every server");
  for (const [name, value] of Object.entries(response)) {
    const parameter = `response-${name.replace(/[A-Z]/g, (char) => `-${char.toLowerCase()}`)}`;
    assert.equal(url.searchParams.get(parameter), value);
  }
});

test("SdkStore.presign() asks an uploader and a reader for no checksum, whoever's client signs", async () => {
  const client = new S3Client({
    endpoint: ENDPOINT,
    region: "us-east-1",
    credentials: { accessKeyId: "id", secretAccessKey: SECRET },
    requestChecksumCalculation: "WHEN_SUPPORTED",
    responseChecksumValidation: "WHEN_SUPPORTED",
  });
  for (
    const store of [sdkStore(optionsFor(ENDPOINT)), sdkStore(optionsFor(ENDPOINT, { client }))]
  ) {
    for (const method of ["GET", "PUT"] as const) {
      const { searchParams } = new URL(await store.presign("key", { method, expiresIn: 60 }));
      assert.deepEqual([...searchParams.keys()].filter((name) => /checksum/i.test(name)), []);
      assert.equal(searchParams.get("X-Amz-SignedHeaders"), "host");
    }
  }
});

test("SdkStore.presign() signs with the session token of temporary credentials", async () => {
  const credentials = { accessKeyId: "id", secretAccessKey: SECRET, sessionToken: "temporary" };
  const store = sdkStore(optionsFor(ENDPOINT, { credentials }));
  const url = new URL(await store.presign("key", { method: "PUT", expiresIn: 60 }));
  assert.equal(url.searchParams.get("X-Amz-Security-Token"), "temporary");
});

test("SdkStore.presign() refuses what no URL can allow", async () => {
  const store = sdkStore(optionsFor(ENDPOINT));
  for (const expiresIn of [0, -1, 1.5, NaN, 604_801]) {
    await assert.rejects(store.presign("key", { method: "GET", expiresIn }), InvalidInputError);
  }
  await assert.rejects(store.presign("a/../b", { method: "GET", expiresIn: 1 }), InvalidInputError);
});

test("SdkStore.presign() gives UnsupportedError where the bucket takes no such URL", async () => {
  const store = sdkStore(optionsFor(ENDPOINT, { capabilities: { presign: false } }));
  await assert.rejects(store.presign("key", { method: "GET", expiresIn: 60 }), UnsupportedError);
});

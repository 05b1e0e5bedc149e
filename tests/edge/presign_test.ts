import assert from "node:assert/strict";
import { InvalidInputError, UnsupportedError } from "../../src/errors.ts";
import { edgeStore } from "../../src/edge/mod.ts";
import { optionsFor, SECRET } from "./_fixture.ts";

const ENDPOINT = "https://s3.example.com";
const GET = { method: "GET", expiresIn: 60 } as const;

Deno.test("EdgeStore.presign() gives a URL that is signed, and names no secret", async () => {
  const url = new URL(await edgeStore(optionsFor(ENDPOINT)).presign("a b/c+d", GET));
  assert.equal(url.origin + url.pathname, `${ENDPOINT}/state/a%20b/c%2Bd`);
  assert.equal(url.searchParams.get("X-Amz-Expires"), "60");
  assert.equal(url.searchParams.get("X-Amz-SignedHeaders"), "host");
  assert.match(url.searchParams.get("X-Amz-Signature") ?? "", /^[\da-f]{64}$/);
  assert(!url.href.includes(SECRET));
});

Deno.test("EdgeStore.presign() writes a space as every server reads it", async () => {
  const response = { contentDisposition: 'attachment; filename="a b+c"' };
  const url = await edgeStore(optionsFor(ENDPOINT)).presign("key", { ...GET, response });
  assert.match(url, /response-content-disposition=attachment%3B%20filename%3D%22a%20b%2Bc%22/);
  assert(!url.includes("+"));
});

Deno.test("EdgeStore.presign() carries the token of temporary credentials", async () => {
  const credentials = { accessKeyId: "id", secretAccessKey: SECRET, sessionToken: "t+1" };
  const url = new URL(await edgeStore(optionsFor(ENDPOINT, { credentials })).presign("key", GET));
  assert.equal(url.searchParams.get("X-Amz-Security-Token"), "t+1");
});

Deno.test("EdgeStore.presign() signs for a PUT otherwise than for a GET", async () => {
  const store = edgeStore(optionsFor(ENDPOINT));
  const signature = async (method: "GET" | "PUT") =>
    new URL(await store.presign("key", { method, expiresIn: 60 })).searchParams
      .get("X-Amz-Signature");
  assert.notEqual(await signature("GET"), await signature("PUT"));
});

Deno.test("EdgeStore.presign() refuses more than seven days", async () => {
  const store = edgeStore(optionsFor(ENDPOINT));
  await assert.rejects(store.presign("key", { ...GET, expiresIn: 604_801 }), InvalidInputError);
});

Deno.test("EdgeStore.presign() refuses where the bucket takes no such URL", async () => {
  const store = edgeStore(optionsFor(ENDPOINT, { capabilities: { presign: false } }));
  await assert.rejects(store.presign("key", GET), UnsupportedError);
});

Deno.test("edgeStore() refuses a directory bucket, and says what opens it", () => {
  const { endpoint: _, ...options } = optionsFor(ENDPOINT, { bucket: "state--use1-az4--x-s3" });
  assert.throws(() => edgeStore(options), (error) => {
    assert(error instanceof UnsupportedError);
    assert.match(error.message, /sdkStore/);
    return true;
  });
});

Deno.test("edgeStore() refuses to go without credentials", () => {
  const options = optionsFor(ENDPOINT, { credentials: undefined as never });
  assert.throws(() => edgeStore(options), InvalidInputError);
});

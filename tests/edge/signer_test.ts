import { edgeStore } from "@cairn/checkpoint/edge";
import { S3Checkpointer } from "@cairn/checkpoint";
import { AwsV4Signer } from "aws4fetch";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Signer } from "../../src/edge/_signer.ts";
import { countWebCrypto } from "../_web_crypto.ts";
import { withoutBuiltins } from "../frame/_without_builtins.ts";
import { optionsFor } from "./_fixture.ts";

const segment = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }).map(
  encodeURIComponent,
);
const ascii = fc.stringMatching(/^[!-~]{1,40}$/);
const requests = fc.record({
  method: fc.constantFrom("GET", "HEAD", "PUT", "POST", "DELETE"),
  url: fc.tuple(fc.array(segment, { maxLength: 4 }), fc.array(fc.tuple(segment, segment)))
    .map(([path, query]) =>
      `https://s3.example.com/${path.join("/")}?${query.map((pair) => pair.join("=")).join("&")}`
    ),
  headers: fc.dictionary(fc.stringMatching(/^x-amz-[a-z]{1,9}$/), ascii),
  accessKeyId: ascii,
  secretAccessKey: ascii,
  sessionToken: fc.option(ascii, { nil: "" }),
  service: fc.constantFrom("s3", "kms", "monitoring"),
  region: fc.constantFrom("us-east-1", "auto", "cn-north-1"),
  datetime: fc.integer({ min: 0, max: 4e12 }).map((time) =>
    new Date(time).toISOString().replace(/[:-]|\.\d{3}/g, "")
  ),
  signQuery: fc.boolean(),
});

Deno.test("Signer signs as aws4fetch does, with node:crypto and without", async () => {
  await fc.assert(
    fc.asyncProperty(requests, async (request) => {
      const signed = async (Class: typeof AwsV4Signer) => {
        const { url, headers } = await new Class(request).sign();
        return { url: url.href, headers: [...headers] };
      };
      const expected = await signed(AwsV4Signer);
      assert.deepEqual(await signed(Signer), expected);
      assert.deepEqual(await withoutBuiltins(() => signed(Signer)), expected);
    }),
  );
});

Deno.test("A small checkpoint is put, and its thread listed, with no turn of WebCrypto where node:crypto is", async () => {
  const answer = `<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>`;
  const store = edgeStore({
    ...optionsFor("https://s3.example.com"),
    fetch: (_, init) =>
      Promise.resolve(
        init?.method === "PUT"
          ? new Response(null, { headers: { etag: '"e1"' } })
          : new Response(answer, { headers: { "content-type": "application/xml" } }),
      ),
  });
  const work = async () => {
    const checkpointer = new S3Checkpointer(store);
    await checkpointer.save("t", { messages: ["stone upon stone ".repeat(500)] });
    await checkpointer.load("t");
  };
  assert.deepEqual(await countWebCrypto(work), []);
  const without = await countWebCrypto(() => withoutBuiltins(work));
  assert.equal(without.filter((name) => name === "sign").length, 2 + 4, "a key is derived once");
});

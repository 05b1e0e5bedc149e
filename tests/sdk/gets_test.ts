import assert from "node:assert/strict";
import { S3Client } from "@aws-sdk/client-s3";
import { AwsV4Signer } from "aws4fetch";
import { gzipSync } from "node:zlib";
import { CairnError } from "../../src/errors.ts";
import { sdkStore, type SdkStoreOptions } from "../../src/sdk/mod.ts";
import { readAll } from "../../src/store/body.ts";
import { object, optionsFor, SECRET, STORED, test, withStore } from "./_fixture.ts";
import { withScript } from "./_scripted_server.ts";

/** The methods and URLs that reach `fetch` meanwhile. */
async function seenByFetch(run: () => Promise<unknown>): Promise<string[]> {
  const { fetch } = globalThis;
  const seen: string[] = [];
  globalThis.fetch = (input, init) => {
    seen.push(`${init?.method ?? "GET"} ${new URL(String(input)).pathname}`);
    return fetch(input, init);
  };
  try {
    await run();
  } finally {
    globalThis.fetch = fetch;
  }
  return seen;
}

async function getAndPut(options: SdkStoreOptions): Promise<void> {
  const store = sdkStore(options);
  await store.put("a/b", new Uint8Array([1]));
  await (await store.get("a/b")).body.cancel();
}

test("sdkStore() sends GETs by fetch in Deno, and only those", async () => {
  const script = ({ method }: { method: string }) => method === "GET" ? object("stone") : STORED;
  await withScript(script, async (endpoint, seen) => {
    assert.deepEqual(await seenByFetch(() => getAndPut(optionsFor(endpoint))), [
      "GET /state/a/b",
    ]);
    assert.deepEqual(seen.map(({ method }) => method), ["PUT", "GET"]);
  });
});

test("sdkStore() leaves the sending to a client that it is given", async () => {
  const script = ({ method }: { method: string }) => method === "GET" ? object("stone") : STORED;
  await withScript(script, async (endpoint, seen) => {
    const client = new S3Client({
      endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: "own", secretAccessKey: SECRET },
    });
    assert.deepEqual(await seenByFetch(() => getAndPut(optionsFor(endpoint, { client }))), []);
    assert.deepEqual(seen.map(({ method }) => method), ["PUT", "GET"]);
    client.destroy();
  });
});

test("SdkStore.get() gives an object that has an encoding of its own as it is stored", async () => {
  const packed = new Uint8Array(gzipSync("stone upon stone ".repeat(100)));
  await withStore(
    () => object(packed, { "content-encoding": "gzip" }),
    async (store, seen) => {
      const { info, body } = await store.get("key");
      assert.equal(info.size, packed.length);
      assert.deepEqual(await readAll(body), packed);
      assert.equal(seen[0]?.headers.get("accept-encoding"), "identity");
    },
  );
});

test("SdkStore.get() gives no byte of an empty object", async () => {
  await withStore(() => object(""), async (store) => {
    const { info, body } = await store.get("key");
    assert.equal(info.size, 0);
    assert.equal((await readAll(body)).length, 0);
  });
});

test("SdkStore.get() sends what it signed, whatever is in the key and the version", async () => {
  await withStore(() => object("stone"), async (store, seen) => {
    const key = "a b/ü+%2F!'()*~&=?#;:@$,[]";
    await (await store.get(key, { versionId: "v+1/2=" })).body.cancel();
    const { url, headers } = seen[0]!;
    assert.equal(decodeURIComponent(url.pathname), `/state/${key}`);
    assert.match(url.pathname, /^[\w%/.~-]+$/);
    assert.match(url.search, /[?&]versionId=v%2B1%2F2%3D(&|$)/);
    const authorization = headers.get("authorization") ?? "";
    const names = /SignedHeaders=([\w;-]+)/.exec(authorization)![1]!.split(";");
    assert(names.includes("host"));
    const signer = new AwsV4Signer({
      url: url.href,
      headers: names.map((name) => [name, headers.get(name)!] as [string, string]),
      accessKeyId: "id",
      secretAccessKey: SECRET,
      service: "s3",
      region: "us-east-1",
      datetime: headers.get("x-amz-date")!,
      allHeaders: true,
    });
    assert.equal((await signer.sign()).headers.get("authorization"), authorization);
  }, { dialect: "aws" });
});

test("SdkStore.get() follows no redirect with its signature", async () => {
  await withStore(
    (_, number) =>
      number === 1 ? { status: 307, headers: { location: "/elsewhere" } } : object("stone"),
    async (store, seen) => {
      await assert.rejects(store.get("key"), CairnError);
      assert.equal(seen.length, 1);
    },
  );
});

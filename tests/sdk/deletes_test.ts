import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { S3Client } from "@aws-sdk/client-s3";
import { AccessError, ThrottledError } from "../../src/errors.ts";
import { sdkStore } from "../../src/sdk/mod.ts";
import { failure, optionsFor, SECRET, test, withStore } from "./_fixture.ts";
import { type Seen, withScript } from "./_scripted_server.ts";

const DELETED = { body: "<DeleteResult></DeleteResult>" };

function failed(...keys: [key: string, code: string][]) {
  const errors = keys.map(([key, code]) =>
    `<Error><Key>${key}</Key><Code>${code}</Code><Message>As scripted</Message></Error>`
  );
  return { body: `<DeleteResult>${errors.join("")}</DeleteResult>` };
}

function keysOf({ body }: Seen): (string | undefined)[] {
  return [...new TextDecoder().decode(body).matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key);
}

function checksumsOf({ headers }: Seen): string[] {
  return [...headers.keys()].filter((name) => /content-md5|checksum|trailer/.test(name)).sort();
}

test("SdkStore.delete() sends Content-MD5, and no other checksum, to a store that wants it", async () => {
  await withStore(() => DELETED, async (store, seen) => {
    await store.delete(["a", "b & c"]);
    const [request] = seen as [Seen];
    assert.deepEqual(keysOf(request), ["a", "b &amp; c"]);
    assert.deepEqual(checksumsOf(request), ["content-md5"]);
    const md5 = createHash("md5").update(request.body).digest("base64");
    assert.equal(request.headers.get("content-md5"), md5);
  });
});

test("SdkStore.delete() sends the SDK's one checksum to AWS", async () => {
  await withStore(() => DELETED, async (store, seen) => {
    await store.delete(["a", "b"]);
    const sums = checksumsOf(seen[0]!).filter((name) => name !== "x-amz-sdk-checksum-algorithm");
    assert.deepEqual(sums, ["x-amz-checksum-crc32"]);
  }, { dialect: "aws", forcePathStyle: true });
});

test("SdkStore.delete() sends one checksum also with a client that adds its own", async () => {
  await withScript(() => DELETED, async (endpoint, seen) => {
    const client = new S3Client({
      endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: "id", secretAccessKey: SECRET },
    });
    await sdkStore(optionsFor(endpoint, { client })).delete(["a", "b"]);
    assert.deepEqual(checksumsOf(seen[0]!), ["content-md5"]);
  });
});

test("SdkStore.delete() sends only the keys that failed again", async () => {
  await withStore(
    (_, number) => number === 1 ? failed(["b", "InternalError"], ["c", "SlowDown"]) : DELETED,
    async (store, seen) => {
      await store.delete(["a", "b", "c"]);
      assert.deepEqual(seen.map(keysOf), [["a", "b", "c"], ["b", "c"]]);
    },
  );
});

test("SdkStore.delete() fails at once for a key that it may not delete", async () => {
  await withStore(() => failed(["b", "AccessDenied"]), async (store, seen) => {
    await assert.rejects(store.delete(["a", "b"]), (error) => {
      assert(error instanceof AccessError);
      return error.key === "b";
    });
    assert.equal(seen.length, 1);
  });
});

test("SdkStore.delete() finds no fault in a key that is absent", async () => {
  await withStore(
    ({ method }) => method === "DELETE" ? failure(404, "NoSuchKey") : failed(["b", "NoSuchKey"]),
    async (store, seen) => {
      await store.delete(["a", "b"]);
      await store.delete(["a"]);
      assert.deepEqual(seen.map(({ method }) => method), ["POST", "DELETE"]);
    },
  );
});

test("SdkStore.delete() takes as many keys as are given, 1,000 at a time", async () => {
  await withStore(() => DELETED, async (store, seen) => {
    const keys = Array.from({ length: 2_500 }, (_, index) => `key ${index}`);
    await store.delete(keys);
    assert.deepEqual(seen.map((request) => keysOf(request).length), [1_000, 1_000, 500]);
    assert.deepEqual(seen.flatMap(keysOf), keys);
  });
});

test("SdkStore.delete() sends nothing for no key", async () => {
  await withStore(() => DELETED, async (store, seen) => {
    await store.delete([]);
    assert.equal(seen.length, 0);
  });
});

test("SdkStore.delete() gives ThrottledError where the keys stay too many", async () => {
  await withStore(
    () => failed(["a", "SlowDown"], ["b", "SlowDown"]),
    (store) => assert.rejects(store.delete(["a", "b"]), ThrottledError),
    { retry: { maxAttempts: 2, baseDelay: 1 } },
  );
});

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { AccessError, CorruptError, UnsupportedError } from "../../src/errors.ts";
import { childrenOf, escapeXml, parseXml, textOf } from "../../src/s3/xml.ts";
import { encodeUri } from "../../src/s3/uri.ts";
import { failure, type Reply, type Seen, test, withStore } from "./_fixture.ts";

function keysOf({ body }: Seen): string[] {
  const root = parseXml(new TextDecoder().decode(body));
  return childrenOf(root, "Object").map((object) => textOf(object, "Key") ?? "");
}

function deleted(...errors: [key: string, code: string][]): Reply {
  const items = errors.map(([key, code]) =>
    `<Error><Key>${escapeXml(key)}</Key><Code>${code}</Code><Message>no</Message></Error>`
  );
  return { body: `<DeleteResult>${items.join("")}</DeleteResult>` };
}

test("EdgeStore.delete() sends 1,000 keys at a time, each batch with its MD5", async () => {
  const keys = Array.from({ length: 2500 }, (_, i) => `key <${i}>`);
  await withStore(() => deleted(), async (store, seen) => {
    await store.delete([...keys, ...keys]);
    assert.deepEqual(seen.map((request) => keysOf(request).length), [1000, 1000, 500]);
    assert.deepEqual(seen.flatMap(keysOf), keys);
    for (const { method, url, headers, body } of seen) {
      assert.equal(`${method} ${url.pathname}${url.search}`, "POST /state?delete=");
      assert.equal(headers.get("content-md5"), createHash("md5").update(body).digest("base64"));
      assert.equal(headers.get("x-amz-checksum-sha256"), null);
    }
  });
});

test("EdgeStore.delete() sends AWS one checksum of the newer kind", async () => {
  await withStore(() => deleted(), async (store, seen) => {
    await store.delete(["a", "b"]);
    const [{ headers, body }] = seen as [Seen];
    const digest = createHash("sha256").update(body).digest("base64");
    assert.equal(headers.get("x-amz-checksum-sha256"), digest);
    assert.equal(headers.get("content-md5"), null);
  }, { dialect: "aws" });
});

test("EdgeStore.delete() sends again only the keys that failed for now", async () => {
  await withStore(
    (_, number) => number === 1 ? deleted(["b", "SlowDown"], ["c", "InternalError"]) : deleted(),
    async (store, seen) => {
      await store.delete(["a", "b", "c", "d"]);
      assert.deepEqual(seen.map(keysOf), [["a", "b", "c", "d"], ["b", "c"]]);
    },
  );
});

test("EdgeStore.delete() surfaces each key that was refused", async () => {
  await withStore(
    () => deleted(["b", "AccessDenied"], ["c", "InternalError"]),
    async (store, seen) => {
      await assert.rejects(store.delete(["a", "b", "c"]), (error) => {
        assert(error instanceof AccessError);
        assert.equal(error.key, "b");
        assert(error.cause instanceof AggregateError);
        assert.deepEqual(error.cause.errors.map(({ key }) => key), ["b", "c"]);
        return true;
      });
      assert.equal(seen.length, 1);
    },
  );
});

test("EdgeStore.delete() takes a key that is absent for deleted", async () => {
  await withStore(
    ({ method }) => method === "POST" ? deleted(["a", "NoSuchKey"]) : failure(404, "NoSuchKey"),
    async (store, seen) => {
      await store.delete(["a", "b"]);
      await store.delete(["a"]);
      assert.deepEqual(seen.map(({ method }) => method), ["POST", "DELETE"]);
    },
  );
});

test("EdgeStore.delete() deletes by itself a key that XML has no place for", async () => {
  await withStore(() => deleted(), async (store, seen) => {
    await store.delete(["a", "b\uffff", "c"]);
    assert.deepEqual(keysOf(seen[0] as Seen), ["a", "c"]);
    assert.equal(seen[1]?.url.pathname, "/state/b%EF%BF%BF");
  });
});

test("EdgeStore.delete() sends nothing for no keys", async () => {
  await withStore(() => "reset", async (store, seen) => {
    await store.delete([]);
    assert.equal(seen.length, 0);
  });
});

function page(keys: string[], next?: string): Reply {
  const entries = keys.map((key) =>
    `<Contents><Key>${encodeUri(key)}</Key><Size>1</Size><ETag>"e"</ETag>` +
    "<LastModified>2026-01-01T00:00:00Z</LastModified></Contents>"
  );
  const more = next === undefined
    ? ""
    : `<IsTruncated>true</IsTruncated><NextContinuationToken>${next}</NextContinuationToken>`;
  return {
    body: `<ListBucketResult><EncodingType>url</EncodingType>${more}${
      entries.join("")
    }</ListBucketResult>`,
  };
}

test("EdgeStore.list() follows the pages, and asks for no more than its limit", async () => {
  await withStore(
    ({ url }) =>
      url.searchParams.has("continuation-token") ? page(["c"], "t2") : page(["a+ b", "b"], "t+/1"),
    async (store, seen) => {
      const keys: string[] = [];
      for await (const { objects } of store.list({ prefix: "a", startAfter: "a+", limit: 3 })) {
        keys.push(...objects.map(({ key }) => key));
      }
      assert.deepEqual(keys, ["a+ b", "b", "c"]);
      assert.deepEqual(seen.map(({ url }) => Object.fromEntries(url.searchParams)), [
        {
          "list-type": "2",
          "encoding-type": "url",
          "max-keys": "3",
          prefix: "a",
          "start-after": "a+",
        },
        {
          "list-type": "2",
          "encoding-type": "url",
          "max-keys": "1",
          prefix: "a",
          "continuation-token": "t+/1",
        },
      ]);
    },
  );
});

test("EdgeStore.list() does not say where to start before everything that it asks for", async () => {
  await withStore(() => page(["b/1"]), async (store, seen) => {
    for (const startAfter of ["", "a", "b", "b/", "\uff5e"]) {
      await Array.fromAsync(store.list({ prefix: "b/", startAfter }));
    }
    const sent = seen.map(({ url }) => url.searchParams.get("start-after"));
    assert.deepEqual(sent, [null, null, null, "b/", "\uff5e"]);
  });
});

test("EdgeStore.list() tries a page again, not the pages before", async () => {
  await withStore(
    (_, number) =>
      number === 1 ? page(["a"], "t") : number === 2 ? failure(503, "SlowDown") : page(["b"]),
    async (store, seen) => {
      const pages: number[] = [];
      for await (const { objects } of store.list()) pages.push(objects.length);
      assert.deepEqual(pages, [1, 1]);
      assert.equal(seen.length, 3);
    },
  );
});

test("EdgeStore.list() goes round in no circle", async () => {
  await withStore(() => page(["a"], "same"), async (store, seen) => {
    await assert.rejects(async () => {
      for await (const { objects } of store.list()) assert.equal(objects.length, 1);
    }, CorruptError);
    assert.equal(seen.length, 2);
  });
});

test("EdgeStore.list() has no startAfter where a bucket lists in no order", async () => {
  await withStore(
    () => page([]),
    async (store) => {
      const pages = store.list({ startAfter: "a" });
      await assert.rejects(pages[Symbol.asyncIterator]().next(), UnsupportedError);
    },
    { capabilities: { orderedList: false } },
  );
});

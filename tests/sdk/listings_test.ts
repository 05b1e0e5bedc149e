import assert from "node:assert/strict";
import { CorruptError } from "../../src/errors.ts";
import { test, withStore } from "./_fixture.ts";

function page(keys: readonly string[], next?: string): { body: string } {
  const contents = keys.map((key) =>
    `<Contents><Key>${key}</Key><Size>1</Size><ETag>&quot;e1&quot;</ETag>` +
    "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
  );
  return {
    body: `<ListBucketResult><Name>state</Name><EncodingType>url</EncodingType>` +
      `<IsTruncated>${next !== undefined}</IsTruncated>` +
      (next === undefined ? "" : `<NextContinuationToken>${next}</NextContinuationToken>`) +
      `${contents.join("")}</ListBucketResult>`,
  };
}

test("SdkStore.list() follows the pages, and decodes the keys", async () => {
  await withStore(
    ({ url }) =>
      url.searchParams.has("continuation-token")
        ? page(["p/%EF%BF%BE", "p/%2B"])
        : page(["p/a+b", "p/%26"], "token +/="),
    async (store, seen) => {
      const pages = await Array.fromAsync(store.list({ prefix: "p/", startAfter: "p/ " }));
      assert.deepEqual(pages.map(({ objects }) => objects.map(({ key }) => key)), [
        ["p/a b", "p/&"],
        ["p/\ufffe", "p/+"],
      ]);
      assert.deepEqual(pages[0]?.objects[0], {
        key: "p/a b",
        size: 1,
        etag: "e1",
        lastModified: new Date("2026-01-01T00:00:00.000Z"),
      });
      const [first, second] = seen.map(({ url }) => url.searchParams);
      assert.equal(first?.get("start-after"), "p/ ");
      assert.equal(first?.get("encoding-type"), "url");
      assert.equal(second?.get("continuation-token"), "token +/=");
      assert.equal(second?.get("prefix"), "p/");
    },
  );
});

test("SdkStore.list() asks for no more than its limit, and not for a page beyond it", async () => {
  await withStore(() => page(["a", "b"], "more"), async (store, seen) => {
    const pages = await Array.fromAsync(store.list({ limit: 2 }));
    assert.equal(pages.length, 1);
    assert.deepEqual(seen.map(({ url }) => url.searchParams.get("max-keys")), ["2"]);
  });
});

test("SdkStore.list() gives common prefixes", async () => {
  const body = "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>1</KeyCount>" +
    "<EncodingType>url</EncodingType>" +
    "<CommonPrefixes><Prefix>a%20b/</Prefix></CommonPrefixes></ListBucketResult>";
  await withStore(() => ({ body }), async (store, seen) => {
    const pages = await Array.fromAsync(store.list({ delimiter: "/" }));
    assert.deepEqual(pages, [{ objects: [], prefixes: ["a b/"] }]);
    assert.equal(seen[0]?.url.searchParams.get("delimiter"), "/");
  });
});

test("SdkStore.list() asks again where a page was cut", async () => {
  const whole = page(["a"]);
  await withStore(
    (_, number) => number === 1 ? { ...whole, cutAfter: 40 } : whole,
    async (store, seen) => {
      const pages = await Array.fromAsync(store.list());
      assert.deepEqual(pages[0]?.objects.map(({ key }) => key), ["a"]);
      assert.equal(seen.length, 2);
    },
  );
});

test("SdkStore.list() refuses a page that names itself as the next", async () => {
  await withStore(
    () => page(["a"], "round"),
    (store) => assert.rejects(Array.fromAsync(store.list()), CorruptError),
  );
});

test("SdkStore.list() refuses an entry with no key", async () => {
  const body = "<ListBucketResult><IsTruncated>false</IsTruncated>" +
    "<Contents><Size>1</Size></Contents></ListBucketResult>";
  await withStore(
    () => ({ body }),
    (store) => assert.rejects(Array.fromAsync(store.list()), CorruptError),
  );
});

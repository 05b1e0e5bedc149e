import assert from "node:assert/strict";
import { NotFoundError, PreconditionFailedError } from "../../src/errors.ts";
import { failure, object, STORED, test, withStore } from "./_fixture.ts";

const COPIED = { body: '<CopyObjectResult><ETag>"e2"</ETag></CopyObjectResult>' };

test("SdkStore.copy() copies on the server, and quotes what a URL cannot hold", async () => {
  await withStore(() => COPIED, async (store, seen) => {
    assert.deepEqual(await store.copy("a b/+(c)", "to"), { etag: "e2" });
    assert.equal(seen.length, 1);
    assert.equal(seen[0]?.headers.get("x-amz-copy-source"), "/state/a%20b/%2B%28c%29");
  });
});

test("SdkStore.copy() asks for a creation in each server's own words", async () => {
  for (
    const [dialect, header] of [
      ["aws", "if-none-match"],
      ["r2", "cf-copy-destination-if-none-match"],
    ] as const
  ) {
    await withStore(() => COPIED, async (store, seen) => {
      await store.copy("from", "to", { precondition: "create" });
      assert.equal(seen[0]?.headers.get(header), "*");
      const signed = seen[0]?.headers.get("authorization") ?? "";
      assert(signed.includes(`${header};`), signed);
    }, { dialect, forcePathStyle: true });
  }
});

test("SdkStore.copy() reads and writes on a condition that no copy of the server takes", async () => {
  await withStore(
    ({ method }) => method === "GET" ? object("stone") : STORED,
    async (store, seen) => {
      await store.copy("from", "to", { precondition: "create" });
      await store.copy("from", "to", { precondition: { ifMatch: "e1" } });
      assert.deepEqual(
        seen.map(({ method, headers, url }) => [
          method,
          url.pathname,
          headers.get("if-none-match") ?? headers.get("if-match"),
        ]),
        [
          ["GET", "/state/from", null],
          ["PUT", "/state/to", "*"],
          ["GET", "/state/from", null],
          ["PUT", "/state/to", '"e1"'],
        ],
      );
      assert.equal(new TextDecoder().decode(seen[1]?.body), "stone");
    },
  );
});

test("SdkStore.copy() reads and writes what is too large to copy at once", async () => {
  await withStore(
    ({ method, headers }) =>
      method === "GET"
        ? object("stone")
        : headers.has("x-amz-copy-source")
        ? failure(400, "InvalidRequest")
        : STORED,
    async (store, seen) => {
      assert.deepEqual(await store.copy("from", "to"), { etag: "e1" });
      assert.deepEqual(seen.map(({ method }) => method), ["PUT", "GET", "PUT"]);
    },
  );
});

test("SdkStore.copy() tells a missing source from a failed condition", async () => {
  await withStore(() => failure(404, "NoSuchKey"), async (store) => {
    await assert.rejects(store.copy("from", "to"), (error) => {
      assert(error instanceof NotFoundError);
      assert.match(error.message, /"from"/);
      return error.what === "object";
    });
  });
  await withStore(() => failure(412, "PreconditionFailed"), async (store) => {
    await assert.rejects(
      store.copy("from", "to", { precondition: "create" }),
      PreconditionFailedError,
    );
  }, { dialect: "aws", forcePathStyle: true });
});

import {
  CorruptError,
  type ObjectStore,
  ThrottledError,
  UnavailableError,
} from "@cairn/checkpoint";
import assert from "node:assert/strict";
import { failure, object, withStore as withEdgeStore } from "../edge/_fixture.ts";
import { withStore as withSdkStore } from "../sdk/_fixture.ts";

const COPIED = { body: '<CopyObjectResult><ETag>"e2"</ETag></CopyObjectResult>' };

for (
  const [name, withStore] of Object.entries({ edgeStore: withEdgeStore, sdkStore: withSdkStore })
) {
  const test = (what: string, fn: () => Promise<void>) =>
    Deno.test(`${name} ${what}`, { sanitizeOps: true, sanitizeResources: true }, fn);

  test("takes no other answer for a deletion of many keys", async () => {
    const others = ["<html><body>Sign in</body></html>", "<CopyObjectResult/>", "ok"];
    for (const body of others) {
      await withStore(() => ({ body }), async (store: ObjectStore, seen) => {
        await assert.rejects(store.delete(["a", "b"]), CorruptError);
        assert.equal(seen.length, 1);
      });
    }
  });

  test("sends all keys again where the failures of a deletion name others than were asked for", async () => {
    const failed = "<DeleteResult><Error><Key>a%20b</Key><Code>InternalError</Code></Error>" +
      "</DeleteResult>";
    await withStore(
      (_, number) => ({ body: number === 1 ? failed : "<DeleteResult/>" }),
      async (store: ObjectStore, seen) => {
        await store.delete(["a b", "c"]);
        const keys = seen.map(({ body }) =>
          [...new TextDecoder().decode(body).matchAll(/<Key>(.*?)</g)].map(([, key]) => key)
        );
        assert.deepEqual(keys, [["a b", "c"], ["a b", "c"]]);
      },
    );
  });

  test("asks again where an answer in XML has broken off before its beginning", async () => {
    const calls: Record<string, [(store: ObjectStore) => Promise<unknown>, string]> = {
      copy: [(store) => store.copy("a", "b"), COPIED.body],
      delete: [(store) => store.delete(["a", "b"]), "<DeleteResult/>"],
      list: [
        (store) => Array.fromAsync(store.list()),
        "<ListBucketResult><Name>state</Name></ListBucketResult>",
      ],
    };
    for (const [call, body] of Object.values(calls)) {
      await withStore(
        (_, number) => ({ body: number === 1 ? "" : body }),
        async (store: ObjectStore, seen) => {
          await call(store);
          assert.equal(seen.length, 2);
        },
      );
      await withStore(() => ({}), async (store: ObjectStore) => {
        await assert.rejects(call(store), UnavailableError);
      }, { retry: { maxAttempts: 2, baseDelay: 1 } });
    }
  });

  test("takes no 200 that carries an error for a success, whatever was asked for", async () => {
    const calls: ((store: ObjectStore) => Promise<unknown>)[] = [
      (store) => store.put("a", new Uint8Array(1)),
      (store) => store.delete(["a"]),
      (store) => store.delete(["a", "b"]),
      (store) => store.copy("a", "b"),
      (store) => Array.fromAsync(store.list()),
    ];
    for (const call of calls) {
      const slow = { ...failure(200, "SlowDown", { etag: '"e"', "retry-after": "3" }) };
      await withStore(() => slow, async (store: ObjectStore) => {
        await assert.rejects(call(store), (error) => {
          assert(error instanceof ThrottledError);
          assert.deepEqual([error.status, error.code, error.requestId], [200, "SlowDown", "R1"]);
          assert.equal(error.retryAfter, 3000);
          return true;
        });
      }, { retry: { maxAttempts: 1 } });
    }
  });

  test("reads no more of an error than it needs, and lets its connection go", async () => {
    const endless = { ...failure(503, "SlowDown"), body: "x".repeat(200_000), stallAfter: 150_000 };
    for (const call of ["get", "head"] as const) {
      await withStore(() => endless, async (store: ObjectStore, seen) => {
        await assert.rejects(store[call]("key"), { name: "UnavailableError", status: 503 });
        assert.equal(seen.length, 1);
      }, { retry: { maxAttempts: 1 }, attemptTimeout: 20_000 });
    }
    await withStore(() => endless, async (store: ObjectStore) => {
      await assert.rejects(store.put("key", new Uint8Array(1)), { name: "UnavailableError" });
      await assert.rejects(Array.fromAsync(store.list()), { name: "UnavailableError" });
    }, { retry: { maxAttempts: 1 }, attemptTimeout: 20_000 });
  });

  test("leaves no body open of an object whose headers cannot be read", async () => {
    for (
      const flaw of [{ "last-modified": "soon" }, { etag: "" }, { "content-range": "bytes 1-3/9" }]
    ) {
      const answer = { ...object("stone", flaw), stallAfter: 3 };
      await withStore(() => answer, async (store: ObjectStore) => {
        await assert.rejects(store.get("key"), CorruptError);
      });
    }
  });

  test("reckons a Retry-After that is a date by the clock of the server that says it", async () => {
    const there = Date.now() - 6 * 3_600_000;
    const headers = {
      date: new Date(there).toUTCString(),
      "retry-after": new Date(there + 7000).toUTCString(),
    };
    await withStore(() => failure(503, "SlowDown", headers), async (store: ObjectStore) => {
      await assert.rejects(store.put("key", new Uint8Array(1)), (error) => {
        assert(error instanceof ThrottledError);
        assert.equal(error.retryAfter, 7000);
        return true;
      });
    }, { retry: { maxAttempts: 1 } });
  });
}

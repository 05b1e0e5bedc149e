import assert from "node:assert/strict";
import {
  AccessError,
  CorruptError,
  InvalidInputError,
  NotFoundError,
  PreconditionFailedError,
  ThrottledError,
  TimeoutError,
  UnavailableError,
} from "../../src/errors.ts";
import { edgeStore } from "../../src/edge/mod.ts";
import {
  bytesOf,
  failure,
  object,
  optionsFor,
  SECRET,
  STORED,
  test,
  withStore,
} from "./_fixture.ts";

const BYTES = bytesOf(100);

test("EdgeStore.put() sends the same bytes again after a 503", async () => {
  await withStore(
    (_, number) => number === 1 ? failure(503, "ServiceUnavailable") : STORED,
    async (store, seen) => {
      assert.deepEqual(await store.put("key", BYTES), { etag: "e1" });
      assert.equal(seen.length, 2);
      for (const { method, url, body } of seen) {
        assert.equal(`${method} ${url.pathname}`, "PUT /state/key");
        assert.deepEqual(body, BYTES);
      }
    },
  );
});

test("EdgeStore.put() tries again after a reset connection", async () => {
  await withStore(
    (_, number) => number === 1 ? "reset" : STORED,
    async (store, seen) => {
      await store.put("key", BYTES);
      assert.equal(seen.length, 2);
    },
  );
});

test("EdgeStore.put() tries again where a server never answers", async () => {
  await withStore(
    (_, number) => number === 1 ? "silence" : STORED,
    async (store, seen) => {
      await store.put("key", BYTES);
      assert.equal(seen.length, 2);
    },
    { attemptTimeout: 200 },
  );
});

test("EdgeStore.head() gives up on a server that never answers", async () => {
  await withStore(
    () => "silence",
    async (store, seen) => {
      await assert.rejects(store.head("key"), TimeoutError);
      assert.equal(seen.length, 2);
    },
    { attemptTimeout: 100, retry: { maxAttempts: 2, baseDelay: 1 } },
  );
});

test("EdgeStore gives up at last, with the error of the last answer", async () => {
  await withStore(
    () => failure(500, "InternalError"),
    async (store, seen) => {
      await assert.rejects(store.get("key"), (error) => {
        assert(error instanceof UnavailableError);
        assert.equal(error.code, "InternalError");
        assert.equal(error.requestId, "R1");
        assert.equal(error.key, "key");
        return true;
      });
      assert.equal(seen.length, 3);
    },
    { retry: { maxAttempts: 3, baseDelay: 1 } },
  );
});

test("EdgeStore keeps what Retry-After asks, in milliseconds", async () => {
  await withStore(
    () => failure(429, "TooManyRequests", { "retry-after": "7" }),
    async (store) => {
      await assert.rejects(store.get("key"), (error) => {
        assert(error instanceof ThrottledError);
        assert.equal(error.retryAfter, 7000);
        return true;
      });
    },
    { retry: { maxAttempts: 1 } },
  );
});

test("EdgeStore never tries a refusal again, and names no secret", async () => {
  await withStore(
    () => failure(403, "AccessDenied"),
    async (store, seen) => {
      await assert.rejects(store.put("key", BYTES), (error) => {
        assert(error instanceof AccessError);
        assert(!JSON.stringify({ ...error, message: error.message }).includes(SECRET));
        return true;
      });
      assert.equal(seen.length, 1);
    },
  );
});

test("EdgeStore sends each request signed, its payload not, and the token with it", async () => {
  await withStore(
    () => STORED,
    async (store, seen) => {
      await store.put("a b/c+d!'()*~é", BYTES, { precondition: "create" });
      const [{ url, headers }] = seen as [typeof seen[0]];
      assert.equal(url.pathname, "/state/a%20b/c%2Bd%21%27%28%29%2A~%C3%A9");
      assert.match(
        headers.get("authorization") ?? "",
        /^AWS4-HMAC-SHA256 Credential=id\/\d{8}\/us-east-1\/s3\/aws4_request, SignedHeaders=host;if-none-match;/,
      );
      assert.equal(headers.get("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
      assert.equal(headers.get("x-amz-security-token"), "token");
      assert.equal(headers.get("if-none-match"), "*");
      assert.equal(headers.get("content-length"), "100");
    },
    {
      dialect: "minio",
      credentials: { accessKeyId: "id", secretAccessKey: SECRET, sessionToken: "token" },
    },
  );
});

test("EdgeStore.put() sends again after a conflict of two conditional writes", async () => {
  await withStore(
    (_, number) => number === 1 ? failure(409, "ConditionalRequestConflict") : STORED,
    async (store, seen) => {
      await store.put("key", BYTES, { precondition: "create" });
      assert.equal(seen.length, 2);
    },
    { dialect: "minio" },
  );
});

test("EdgeStore.put() does not guess whose 412 it is after an answer that was lost", async () => {
  await withStore(
    (_, number) => number === 1 ? "reset" : failure(412, "PreconditionFailed"),
    async (store, seen) => {
      await assert.rejects(
        store.put("key", BYTES, { precondition: "create" }),
        PreconditionFailedError,
      );
      assert.equal(seen.length, 2);
    },
  );
});

test("EdgeStore.put() rejects an ETag where there is no object", async () => {
  await withStore(
    () => failure(404, "NoSuchKey"),
    async (store) => {
      await assert.rejects(
        store.put("key", BYTES, { precondition: { ifMatch: "e1" } }),
        PreconditionFailedError,
      );
    },
  );
});

test("EdgeStore.head() tells a missing bucket from a missing object", async () => {
  for (const [code, what] of [["NoSuchKey", "object"], ["NoSuchBucket", "bucket"]] as const) {
    await withStore(
      ({ method }) => method === "HEAD" ? { status: 404 } : failure(404, code),
      async (store, seen) => {
        await assert.rejects(store.head("key"), (error) => {
          assert(error instanceof NotFoundError);
          assert.equal(error.what, what);
          return true;
        });
        assert.deepEqual(seen.map(({ method }) => method), ["HEAD", "GET"]);
      },
    );
  }
});

test("EdgeStore follows the server's clock once, and stays with it", async () => {
  const there = new Date(Date.now() + 3 * 3_600_000);
  const asked = (headers: Headers) => headers.get("x-amz-date")!.replace(/T(\d\d)(\d\d).*/, "T$1");
  await withStore(
    (_, number) =>
      number === 1
        ? failure(403, "RequestTimeTooSkewed", { date: there.toUTCString() })
        : object("body"),
    async (store, seen) => {
      await store.head("key");
      await store.head("key");
      assert.equal(seen.length, 3);
      const [before, after, later] = seen.map(({ headers }) => asked(headers));
      assert.notEqual(before, after);
      assert.equal(after, later);
    },
  );
});

test("EdgeStore follows no clock that is right", async () => {
  await withStore(
    () => failure(403, "AccessDenied", { date: new Date().toUTCString() }),
    async (store, seen) => {
      await assert.rejects(store.get("key"), AccessError);
      assert.equal(seen.length, 1);
    },
  );
});

test("EdgeStore gives up on a clock that never agrees", async () => {
  let hours = 0;
  await withStore(
    () => {
      const date = new Date(Date.now() + ++hours * 3_600_000).toUTCString();
      return failure(403, "RequestTimeTooSkewed", { date });
    },
    async (store, seen) => {
      await assert.rejects(store.get("key"), AccessError);
      assert.equal(seen.length, 2);
    },
  );
});

test("EdgeStore asks for other credentials once where the store calls them expired", async () => {
  let asked = 0;
  await withStore(
    ({ headers }) =>
      headers.get("authorization")?.includes("id1/") ? failure(400, "ExpiredToken") : STORED,
    async (store, seen) => {
      await store.put("key", BYTES);
      await store.put("key", BYTES);
      assert.equal(seen.length, 3);
      assert.equal(asked, 2);
    },
    {
      credentials: () => Promise.resolve({ accessKeyId: `id${++asked}`, secretAccessKey: SECRET }),
    },
  );
});

test("EdgeStore reports expired credentials where there are no others", async () => {
  await withStore(
    () => failure(400, "ExpiredToken"),
    async (store, seen) => {
      await assert.rejects(store.put("key", BYTES), AccessError);
      assert.equal(seen.length, 1);
    },
  );
});

test("EdgeStore names the region where a bucket is, and follows no redirect", async () => {
  const elsewhere = { "x-amz-bucket-region": "eu-west-1", location: "http://127.0.0.1:9/" };
  for (const status of [301, 307]) {
    await withStore(
      ({ method }) =>
        method === "HEAD"
          ? { status, headers: elsewhere }
          : failure(status, "PermanentRedirect", elsewhere),
      async (store, seen) => {
        const calls = [
          () => store.head("key"),
          () => store.get("key"),
          () => store.put("key", BYTES),
        ];
        for (const call of calls) {
          await assert.rejects(call(), (error) => {
            assert(error instanceof InvalidInputError);
            assert.match(error.message, /"eu-west-1": set `region`/);
            return true;
          });
        }
        assert.equal(seen.length, 3);
      },
    );
  }
});

test("EdgeStore reads the region from the body where no header has it", async () => {
  await withStore(
    () => failure(400, "AuthorizationHeaderMalformed", {}, "<Region>eu-west-1</Region>"),
    async (store) => {
      await assert.rejects(store.get("key"), /"eu-west-1": set `region`/);
    },
  );
});

test("EdgeStore.copy() takes no 200 that carries an error for a success", async () => {
  await withStore(
    (_, number) =>
      number === 1
        ? failure(200, "InternalError")
        : { body: "\n\n<CopyObjectResult><ETag>&quot;e2&quot;</ETag></CopyObjectResult>" },
    async (store, seen) => {
      assert.deepEqual(await store.copy("from here", "to"), { etag: "e2" });
      assert.equal(seen.length, 2);
      assert.equal(seen[0]?.headers.get("x-amz-copy-source"), "/state/from%20here");
    },
  );
});

test("EdgeStore.copy() reads and writes what is too large for the server", async () => {
  await withStore(
    ({ method, headers }) =>
      headers.has("x-amz-copy-source")
        ? failure(400, "InvalidRequest")
        : method === "GET"
        ? object("body")
        : STORED,
    async (store, seen) => {
      await store.copy("from", "to");
      assert.equal(new TextDecoder().decode(seen[2]?.body), "body");
    },
  );
});

const HOSTILE = {
  "a document type": `<!DOCTYPE r [<!ENTITY a "b">]><ListBucketResult>&a;</ListBucketResult>`,
  "a page of HTML": "<!DOCTYPE html><html><body>Bad gateway</body></html>",
  "another answer": "<CopyObjectResult/>",
};

for (const [name, body] of Object.entries(HOSTILE)) {
  test(`EdgeStore.list() refuses ${name}`, async () => {
    await withStore(() => ({ body }), async (store) => {
      await assert.rejects(store.list()[Symbol.asyncIterator]().next(), CorruptError);
    });
  });
}

test("EdgeStore decides by the status where an error's body is no XML", async () => {
  await withStore(
    () => ({ status: 403, body: "<!DOCTYPE html><Error><Code>SlowDown</Code></Error>" }),
    async (store) => {
      await assert.rejects(store.get("key"), AccessError);
    },
  );
});

test("EdgeStore.put() rejects with the reason of its signal", async () => {
  const reason = new Error("no longer wanted");
  const control = new AbortController();
  await withStore(
    () => {
      control.abort(reason);
      return "silence";
    },
    async (store) => {
      await assert.rejects(store.put("key", BYTES, { signal: control.signal }), (error) => {
        assert.equal(error, reason);
        return true;
      });
    },
  );
});

test("EdgeStore sends its requests with a fetch of one's own", async () => {
  const urls: string[] = [];
  const store = edgeStore(optionsFor("https://s3.example.com/base", {
    forcePathStyle: false,
    fetch: (input) => {
      urls.push(String(input));
      return Promise.resolve(new Response(null, { headers: { etag: "e1" } }));
    },
  }));
  await store.put("key", BYTES);
  assert.deepEqual(urls, ["https://state.s3.example.com/base/key"]);
});

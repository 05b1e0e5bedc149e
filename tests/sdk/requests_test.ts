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
import { errorXml, failure, object, SECRET, STORED, test, TOKEN, withStore } from "./_fixture.ts";

const BYTES = new TextEncoder().encode("stone");

test("SdkStore.put() is sent again with its whole body after a 503", async () => {
  await withStore(
    (_, number) => number < 3 ? failure(503, "ServiceUnavailable") : STORED,
    async (store, seen) => {
      assert.deepEqual(await store.put("key", BYTES), { etag: "e1" });
      assert.deepEqual(seen.map(({ body }) => new TextDecoder().decode(body)), [
        "stone",
        "stone",
        "stone",
      ]);
    },
  );
});

test("SdkStore leaves no retry to the SDK", async () => {
  await withStore(
    () => failure(503, "ServiceUnavailable"),
    async (store, seen) => {
      await assert.rejects(store.put("key", BYTES), (error) => {
        assert(error instanceof UnavailableError);
        assert.equal(error.status, 503);
        assert.equal(error.code, "ServiceUnavailable");
        assert.equal(error.requestId, "R1");
        return true;
      });
      assert.equal(seen.length, 2);
    },
    { retry: { maxAttempts: 2, baseDelay: 1 } },
  );
});

test("SdkStore tries again after a connection was reset", async () => {
  await withStore(
    (_, number) => number === 1 ? "reset" : STORED,
    async (store, seen) => {
      assert.deepEqual(await store.put("key", BYTES), { etag: "e1" });
      assert.equal(seen.length, 2);
    },
  );
});

test("SdkStore gives UnavailableError with the network's error where each connection is reset", async () => {
  await withStore(
    () => "reset",
    (store) =>
      assert.rejects(store.put("key", BYTES), (error) => {
        assert(error instanceof UnavailableError);
        assert.equal(error.status, undefined);
        assert(error.cause instanceof Error);
        return true;
      }),
    { retry: { maxAttempts: 2, baseDelay: 1 } },
  );
});

test("SdkStore gives TimeoutError where a server never answers", async () => {
  await withStore(
    () => "silence",
    async (store, seen) => {
      await assert.rejects(store.head("key"), (error) => {
        assert(error instanceof TimeoutError);
        assert.equal(error.limit, 50);
        return true;
      });
      assert.equal(seen.length, 2);
    },
    { attemptTimeout: 50, retry: { maxAttempts: 2, baseDelay: 1 } },
  );
});

test("SdkStore rejects with the signal's own reason", async () => {
  const controller = new AbortController();
  const reason = { why: "the user left" };
  await withStore(
    () => {
      controller.abort(reason);
      return "silence";
    },
    (store) =>
      assert.rejects(
        store.put("key", BYTES, { signal: controller.signal }),
        (error) => error === reason,
      ),
  );
});

test("SdkStore sends nothing where the signal is aborted before", async () => {
  const signal = AbortSignal.abort("never mind");
  await withStore(() => STORED, async (store, seen) => {
    for (
      const call of [
        store.put("key", BYTES, { signal }),
        store.get("key", { signal }),
        store.head("key", { signal }),
        store.delete(["a", "b"], { signal }),
        store.copy("a", "b", { signal }),
        store.list({ signal })[Symbol.asyncIterator]().next(),
        store.presign("key", { method: "GET", expiresIn: 60, signal }),
      ]
    ) await assert.rejects(call, (error) => error === "never mind");
    assert.equal(seen.length, 0);
  });
});

test("SdkStore waits as long as Retry-After asks, or gives up at once past the deadline", async () => {
  await withStore(
    () => failure(503, "SlowDown", { "retry-after": "60" }),
    async (store, seen) => {
      await assert.rejects(store.put("key", BYTES), (error) => {
        assert(error instanceof ThrottledError);
        assert.equal(error.retryAfter, 60_000);
        return true;
      });
      assert.equal(seen.length, 1);
    },
    { timeout: 5_000 },
  );
});

test("SdkStore never sends a refused request again", async () => {
  const refusals = [
    [403, "AccessDenied", AccessError],
    [404, "NoSuchBucket", NotFoundError],
    [412, "PreconditionFailed", PreconditionFailedError],
    [400, "InvalidArgument", InvalidInputError],
    [301, "PermanentRedirect", InvalidInputError],
  ] as const;
  for (const [status, code, kind] of refusals) {
    await withStore(() => failure(status, code), async (store, seen) => {
      await assert.rejects(store.put("key", BYTES), kind);
      assert.equal(seen.length, 1);
    });
  }
});

test("SdkStore reads a proxy's page as the status it comes with", async () => {
  const page = { headers: { "content-type": "text/html" }, body: "<html><body>Bad <br> Gateway" };
  await withStore(
    (_, number) => number === 1 ? { ...page, status: 502 } : STORED,
    async (store) => assert.deepEqual(await store.put("key", BYTES), { etag: "e1" }),
  );
});

test("SdkStore takes no page of HTML for a listing or a deletion", async () => {
  const page = {
    headers: { "content-type": "text/html" },
    body: "<html><body>Sign in</body></html>",
  };
  await withStore(() => page, async (store) => {
    await assert.rejects(Array.fromAsync(store.list()), CorruptError);
    await assert.rejects(store.delete(["a", "b"]), CorruptError);
  });
});

test("SdkStore.copy() sends a 200 that carries an error again", async () => {
  await withStore(
    (_, number) =>
      number === 1
        ? { body: errorXml("InternalError") }
        : { body: '<CopyObjectResult><ETag>"e2"</ETag></CopyObjectResult>' },
    async (store, seen) => {
      assert.deepEqual(await store.copy("from me", "to"), { etag: "e2" });
      assert.equal(seen[1]?.headers.get("x-amz-copy-source"), "/state/from%20me");
      assert.equal(seen.length, 2);
    },
  );
});

test("SdkStore gives the error that a 200 carries by its code", async () => {
  await withStore(() => ({ body: errorXml("AccessDenied") }), async (store) => {
    await assert.rejects(store.copy("from", "to"), (error) => {
      assert(error instanceof AccessError);
      assert.equal(error.status, 200);
      return true;
    });
    await assert.rejects(Array.fromAsync(store.list()), AccessError);
  });
});

test("SdkStore.head() tells a missing bucket from a missing object by a GET", async () => {
  for (const [code, what] of [["NoSuchKey", "object"], ["NoSuchBucket", "bucket"]] as const) {
    await withStore(() => failure(404, code), async (store, seen) => {
      await assert.rejects(store.head("key"), (error) => {
        assert(error instanceof NotFoundError);
        return error.what === what;
      });
      assert.deepEqual(seen.map(({ method }) => method), ["HEAD", "GET"]);
    });
  }
});

test("SdkStore follows a server's clock that differs", async () => {
  const later = new Date(Date.now() + 3_600_000);
  await withStore(
    ({ headers }) => {
      const date = { date: later.toUTCString() };
      const signed = (headers.get("x-amz-date") ?? "")
        .replace(/(....)(..)(..)T(..)(..)(..)Z/, "$1-$2-$3T$4:$5:$6Z");
      return Math.abs(Date.parse(signed) - later.getTime()) < 60_000
        ? { headers: { etag: '"e1"', ...date } }
        : failure(403, "RequestTimeTooSkewed", date);
    },
    async (store, seen) => {
      assert.deepEqual(await store.put("key", BYTES), { etag: "e1" });
      assert.equal(seen.length, 2);
    },
  );
});

test("SdkStore names no secret in an error, however deep one looks", async () => {
  const leaky = `<Error><Code>SignatureDoesNotMatch</Code><Message>No match</Message>` +
    `<CanonicalRequest>x-amz-security-token:${TOKEN}</CanonicalRequest></Error>`;
  await withStore(
    () => ({ status: 403, body: leaky }),
    (store) =>
      assert.rejects(store.get("key"), (error) => {
        assert(error instanceof AccessError);
        const text = Deno.inspect(error, { depth: 20, showHidden: true });
        assert(!text.includes(TOKEN) && !text.includes(SECRET), text);
        return true;
      }),
    {
      credentials: { accessKeyId: "id", secretAccessKey: SECRET, sessionToken: TOKEN },
    },
  );
});

for (
  const [name, maxOpenRequests, expected] of [["it may", 3, 3], ["50", undefined, 50]] as const
) {
  test(`SdkStore holds no more requests open than ${name}, and so many where it has them`, async () => {
    const count = expected + 9;
    let open = 0;
    let most = 0;
    const full = Promise.withResolvers<void>();
    await withStore(
      async () => {
        most = Math.max(most, ++open);
        if (open === expected) full.resolve();
        await full.promise;
        await new Promise((resolve) => setTimeout(resolve, 5));
        open--;
        return object("");
      },
      async (store, seen) => {
        const keys = Array.from({ length: count }, (_, index) => `key ${index}`);
        await Promise.all(keys.map((key) => store.head(key)));
        assert.equal(seen.length, count);
        assert.equal(most, expected);
      },
      { maxOpenRequests },
    );
  });
}

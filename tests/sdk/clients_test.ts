import assert from "node:assert/strict";
import { S3Client } from "@aws-sdk/client-s3";
import { AccessError, InvalidInputError, UnavailableError } from "../../src/errors.ts";
import { sdkStore, type SdkStoreOptions } from "../../src/sdk/mod.ts";
import { failure, optionsFor, SECRET, STORED, test, TOKEN, withStore } from "./_fixture.ts";
import { withScript } from "./_scripted_server.ts";

const BYTES = new Uint8Array([1]);

test("sdkStore() refuses options that it cannot use, before any request", async () => {
  await withScript(() => STORED, (endpoint, seen) => {
    const bad: [Partial<SdkStoreOptions>, RegExp][] = [
      [{ bucket: "" }, /bucket: current value is ""/],
      [{ endpoint: "not a url" }, /endpoint: current value is "not a url"/],
      [{ endpoint: "ftp://host" }, /endpoint/],
      [{ endpoint: "http://user:pass@host" }, /user name or a password/],
      [{ partSize: 1 }, /partSize: current value is 1/],
      [{ credentials: { accessKeyId: "", secretAccessKey: "x" } }, /accessKeyId/],
      [{ maxOpenRequests: 0 }, /maxOpenRequests: current value is 0/],
      [{ client: {} as S3Client }, /client/],
    ];
    for (const [options, message] of bad) {
      assert.throws(() => sdkStore(optionsFor(endpoint, options)), (error) => {
        assert(error instanceof InvalidInputError);
        assert.match(error.message, message);
        return true;
      });
    }
    assert.equal(seen.length, 0);
    return Promise.resolve();
  });
});

test("sdkStore() uses a client as it is, and never destroys it", async () => {
  await withScript(() => STORED, async (endpoint, seen) => {
    const client = new S3Client({
      endpoint,
      region: "eu-west-3",
      forcePathStyle: true,
      credentials: { accessKeyId: "own", secretAccessKey: SECRET },
      customUserAgent: "our-house/1",
    });
    let destroyed = false;
    client.destroy = () => destroyed = true;
    const before = client.middlewareStack.identify().length;
    await sdkStore(optionsFor(endpoint, { client })).put("key", BYTES);
    assert.match(seen[0]?.headers.get("authorization") ?? "", /Credential=own\/\d+\/eu-west-3\//);
    assert.match(seen[0]?.headers.get("user-agent") ?? "", /our-house\/1/);
    assert.equal(client.middlewareStack.identify().length, before);
    assert.equal(destroyed, false);
  });
});

test("sdkStore() runs a client's requests under its own policy, beside the client's retries", async () => {
  await withScript(() => failure(503, "ServiceUnavailable"), async (endpoint, seen) => {
    const client = new S3Client({
      endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: "own", secretAccessKey: SECRET },
      maxAttempts: 2,
    });
    const store = sdkStore(
      optionsFor(endpoint, { client, retry: { maxAttempts: 2, baseDelay: 1 } }),
    );
    await assert.rejects(store.put("key", BYTES), UnavailableError);
    assert.equal(seen.length, 4);
  });
});

test("sdkStore() asks a provider again once its credentials end", async () => {
  let asked = 0;
  await withStore(() => STORED, async (store, seen) => {
    await store.put("key", BYTES);
    await store.put("key", BYTES);
    const ids = seen.map(({ headers }) =>
      /Credential=(\w+)/.exec(headers.get("authorization") ?? "")?.[1]
    );
    assert.match(ids[0] ?? "", /^id\d+$/);
    assert.notEqual(ids[0], ids[1]);
  }, {
    credentials: () =>
      Promise.resolve({
        accessKeyId: `id${++asked}`,
        secretAccessKey: SECRET,
        expiration: new Date(Date.now() + 1_000),
      }),
  });
});

test("sdkStore() asks a provider once for all who wait, and not again before the end", async () => {
  let asked = 0;
  await withStore(() => STORED, async (store) => {
    await Promise.all(["a", "b", "c"].map((key) => store.put(key, BYTES)));
    await store.put("d", BYTES);
    assert.equal(asked, 1);
  }, {
    credentials: () => {
      asked++;
      return Promise.resolve({ accessKeyId: "id", secretAccessKey: SECRET });
    },
  });
});

test("sdkStore() asks a provider again where the store calls its credentials expired", async () => {
  let asked = 0;
  await withStore(
    ({ headers }) =>
      headers.get("x-amz-security-token") === `${TOKEN}1` ? failure(400, "ExpiredToken") : STORED,
    async (store, seen) => {
      assert.deepEqual(await store.put("key", BYTES), { etag: "e1" });
      assert.equal(seen.length, 2);
      assert.equal(asked, 2);
    },
    {
      credentials: () =>
        Promise.resolve({
          accessKeyId: "id",
          secretAccessKey: SECRET,
          sessionToken: `${TOKEN}${++asked}`,
        }),
    },
  );
});

test("sdkStore() gives AccessError where fixed credentials are expired", async () => {
  await withStore(
    () => failure(400, "ExpiredToken"),
    async (store, seen) => {
      await assert.rejects(store.put("key", BYTES), AccessError);
      assert.equal(seen.length, 1);
    },
    { credentials: { accessKeyId: "id", secretAccessKey: SECRET, sessionToken: TOKEN } },
  );
});

test("sdkStore() gives AccessError with the cause where a provider fails", async () => {
  const cause = new Error("the vault is sealed");
  await withStore(() => STORED, async (store, seen) => {
    await assert.rejects(store.put("key", BYTES), (error) => {
      assert(error instanceof AccessError);
      return error.cause === cause;
    });
    assert.equal(seen.length, 0);
  }, { credentials: () => Promise.reject(cause) });
});

test("sdkStore() gives AccessError where the SDK's default chain finds nothing", async () => {
  const environment = {
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_CONFIG_FILE: "/nonexistent/config",
    AWS_SHARED_CREDENTIALS_FILE: "/nonexistent/credentials",
  };
  const unset = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"];
  const before = new Map([...Object.keys(environment), ...unset].map((n) => [n, Deno.env.get(n)]));
  try {
    unset.forEach((name) => Deno.env.delete(name));
    Object.entries(environment).forEach(([name, value]) => Deno.env.set(name, value));
    await withStore(() => STORED, async (store, seen) => {
      const noneFound = (error: unknown) => {
        assert(error instanceof AccessError);
        assert.match(error.message, /finds no credentials/);
        return true;
      };
      await assert.rejects(store.put("key", BYTES), noneFound);
      await assert.rejects(store.presign("key", { method: "GET", expiresIn: 60 }), noneFound);
      assert.equal(seen.length, 0);
    }, { credentials: undefined });
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
});

test("sdkStore() reads credentials from the SDK's default chain where none are given", async () => {
  const names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
  const before = names.map((name) => Deno.env.get(name));
  try {
    names.forEach((name) => Deno.env.set(name, "fromTheEnvironment"));
    await withStore(() => STORED, async (store, seen) => {
      await store.put("key", BYTES);
      assert.match(seen[0]?.headers.get("authorization") ?? "", /Credential=fromTheEnvironment\//);
    }, { credentials: undefined });
  } finally {
    names.forEach((name, index) => {
      const value = before[index];
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    });
  }
});

test("sdkStore() signs for us-east-1, for R2 as auto, and for what it is told", async () => {
  const regions: [Partial<SdkStoreOptions>, string][] = [
    [{}, "us-east-1"],
    [{ dialect: "r2" }, "auto"],
    [{ region: "eu-central-1" }, "eu-central-1"],
  ];
  for (const [options, region] of regions) {
    await withStore(() => STORED, async (store, seen) => {
      await store.put("key", BYTES);
      const scope = seen[0]?.headers.get("authorization") ?? "";
      assert(scope.includes(`/${region}/s3/aws4_request`), scope);
    }, options);
  }
});

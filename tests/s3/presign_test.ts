import {
  AccessError,
  InvalidInputError,
  type PresignOptions,
  TimeoutError,
  UnsupportedError,
} from "@cairn/checkpoint";
import { edgeStore, type S3Options } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { S3Client } from "@aws-sdk/client-s3";
import assert from "node:assert/strict";
import { withScript } from "../sdk/_scripted_server.ts";

const ENDPOINT = "https://s3.example.com";
const KEYS = { accessKeyId: "id", secretAccessKey: "the-secret-access-key" };
const GET = { method: "GET", expiresIn: 60 } as const;
const PUT = { method: "PUT", expiresIn: 60 } as const;
const CUSTOMER_KEY = new Uint8Array(32).fill(7);

const TRANSPORTS = {
  edgeStore: ({ credentials = KEYS, ...options }: Partial<S3Options> = {}) =>
    edgeStore({ bucket: "state", endpoint: ENDPOINT, credentials, ...options }),
  sdkStore: (options: Partial<S3Options> = {}) =>
    sdkStore({ bucket: "state", endpoint: ENDPOINT, credentials: KEYS, ...options }),
};

/** Credentials that end so many seconds from now. */
function session(seconds: number) {
  const expiration = new Date(Date.now() + seconds * 1000 + 500);
  return { ...KEYS, sessionToken: "token", expiration };
}

function signedHeaders(url: string): string[] {
  return new URL(url).searchParams.get("X-Amz-SignedHeaders")!.split(";");
}

for (const [name, open] of Object.entries(TRANSPORTS)) {
  Deno.test(`${name}.presign() signs the type and the length of an upload, and tells them`, async () => {
    const send: Record<string, string> = {};
    const options = { ...PUT, contentType: "image/png", contentLength: 3, send };
    const url = await open().presign("key", options);
    assert.deepEqual(send, { "content-type": "image/png", "content-length": "3" });
    assert.deepEqual(signedHeaders(url), ["content-length", "content-type", "host"]);
    assert(!/content-(type|length)=/i.test(url), "in the URL, nobody would have to send them");
  });

  Deno.test(`${name}.presign() signs another URL for another type or length`, async () => {
    const urls = await Promise.all([
      { contentLength: 3 },
      { contentLength: 4 },
      {
        contentType: "a/b",
      },
      { contentType: "a/c" },
      {},
    ].map((options) => open().presign("key", { ...PUT, ...options })));
    const signatures = urls.map((url) => new URL(url).searchParams.get("X-Amz-Signature"));
    assert.equal(new Set(signatures).size, urls.length);
  });

  Deno.test(`${name}.presign() signs an empty body's length`, async () => {
    const send = {};
    await open().presign("key", { ...PUT, contentLength: 0, send });
    assert.deepEqual(send, { "content-length": "0" });
  });

  Deno.test(`${name}.presign() tells how the store encrypts, or makes no URL`, async () => {
    const store = open({ serverSideEncryption: "aws:kms", sseKmsKeyId: "alias/state" });
    await assert.rejects(store.presign("key", PUT), (error) => {
      assert(error instanceof UnsupportedError);
      assert.match(error.message, /x-amz-server-side-encryption.*send: \{\}/);
      return true;
    });
    const send: Record<string, string> = {};
    const url = await store.presign("key", { ...PUT, send });
    assert.deepEqual(send, {
      "x-amz-server-side-encryption": "aws:kms",
      "x-amz-server-side-encryption-aws-kms-key-id": "alias/state",
    });
    for (const header of Object.keys(send)) assert(signedHeaders(url).includes(header));
    assert(!/[?&]x-amz-server-side/i.test(url));
    assert.deepEqual(signedHeaders(await store.presign("key", GET)), ["host"]);
  });

  Deno.test(`${name}.presign() gives a customer's key to nobody who does not ask`, async () => {
    const store = open({ sseCustomerKey: CUSTOMER_KEY });
    const key = btoa(String.fromCharCode(...CUSTOMER_KEY));
    for (const options of [GET, PUT]) {
      await assert.rejects(store.presign("key", options), (error) => {
        assert(error instanceof UnsupportedError);
        assert(!error.message.includes(key));
        return true;
      });
      const send: Record<string, string> = {};
      const url = await store.presign("key", { ...options, send });
      assert.equal(send["x-amz-server-side-encryption-customer-key"], key);
      assert(!decodeURIComponent(url).includes(key), "a URL is logged by everybody on its way");
    }
  });

  Deno.test(`${name}.presign() says in the URL who pays, and whose the bucket is`, async () => {
    const store = open({ requestPayer: "requester", expectedBucketOwner: "123456789012" });
    const { searchParams } = new URL(await store.presign("key", GET));
    assert.equal(searchParams.get("x-amz-request-payer"), "requester");
    assert.equal(searchParams.get("x-amz-expected-bucket-owner"), "123456789012");
    assert.equal(searchParams.get("X-Amz-SignedHeaders"), "host");
  });

  Deno.test(`${name}.presign() refuses what no URL can hold`, async () => {
    const store = open();
    const wrong: Partial<PresignOptions>[] = [
      ...[0, -1, 1.5, NaN, 604_801, 8 * 86_400, "60" as never].map((expiresIn) => ({ expiresIn })),
      { method: "DELETE" as never },
      { response: { toString: "x" } as never },
      { method: "PUT", response: { contentType: "text/plain" } },
      { contentType: "text/plain" },
      { contentLength: 1 },
      ...[-1, 1.5, 5 * 1024 ** 3 + 1].map((contentLength) => ({ ...PUT, contentLength })),
      { ...PUT, contentType: "text/plain\r\nx-evil: 1" },
    ];
    for (const options of wrong) {
      await assert.rejects(
        store.presign("key", { ...GET, ...options }),
        InvalidInputError,
        JSON.stringify(options),
      );
    }
  });

  Deno.test(`${name}.presign() makes no URL that outlives the session, and says what is left of it`, async () => {
    const store = open({ credentials: session(120) });
    assert.match(await store.presign("key", { ...GET, expiresIn: 120 }), /X-Amz-Expires=120/);
    await assert.rejects(store.presign("key", { ...GET, expiresIn: 121 }), (error) => {
      assert(error instanceof InvalidInputError);
      assert.match(error.message, /expiresIn: current value is 121; give at most (120|119)/);
      return true;
    });
    await assert.rejects(
      open({ credentials: session(-10) }).presign("key", GET),
      /give at most 0/,
    );
  });

  Deno.test(`${name}.presign() asks the provider for credentials that last, before it refuses`, async () => {
    let asked = 0;
    // The first have an hour, all others two.
    const credentials = () => Promise.resolve(session(++asked === 1 ? 3600 : 7200));
    const store = open({ credentials });
    await store.presign("key", { ...GET, expiresIn: 3000 });
    assert.equal(asked, 1);
    await store.presign("key", { ...GET, expiresIn: 7000 });
    assert.equal(asked, 2);
    await assert.rejects(store.presign("key", { ...GET, expiresIn: 8000 }), InvalidInputError);
  });

  Deno.test(`${name}.presign() goes on with what it has where the provider fails`, async () => {
    let asked = 0;
    const credentials = () =>
      ++asked === 1 ? Promise.resolve(session(3600)) : Promise.reject(new Error("down"));
    const store = open({ credentials });
    await store.presign("key", GET);
    await assert.rejects(store.presign("key", { ...GET, expiresIn: 7000 }), InvalidInputError);
    await store.presign("key", GET);
  });

  Deno.test(`${name}.presign() signs by the clock of the server, once that has told it`, async () => {
    const there = Date.now() - 3 * 3_600_000;
    const timeOf = (url: string) => {
      const date = new URL(url).searchParams.get("X-Amz-Date")!;
      return Date.parse(date.replace(/(....)(..)(..)T(..)(..)(..)Z/, "$1-$2-$3T$4:$5:$6Z"));
    };
    const skewed = {
      status: 403,
      headers: { date: new Date(there).toUTCString() },
      body: "<Error><Code>RequestTimeTooSkewed</Code></Error>",
    };
    await withScript((_, number) => number === 1 ? skewed : {}, async (endpoint) => {
      // By the server's clock, these end in an hour; by this machine's, two hours ago.
      const expiration = new Date(there + 3_600_000);
      const store = open({ endpoint, credentials: { ...KEYS, sessionToken: "t", expiration } });
      await store.delete(["key"]);
      const url = await store.presign("key", { ...GET, expiresIn: 3000 });
      assert(Math.abs(timeOf(url) - there) < 60_000, url);
      await assert.rejects(store.presign("key", { ...GET, expiresIn: 3700 }), InvalidInputError);
    });
  });

  Deno.test(`${name}.presign() does not wait for ever for who gives the credentials`, async () => {
    const reason = new Error("no longer wanted");
    const control = new AbortController();
    const slow = { credentials: () => new Promise<never>(() => {}), attemptTimeout: 30 };
    const store = open(slow);
    await assert.rejects(store.presign("key", GET), TimeoutError);
    const aborted = store.presign("key", { ...GET, signal: control.signal });
    control.abort(reason);
    await assert.rejects(aborted, (error) => error === reason);
    await assert.rejects(
      open(slow).presign("key", { ...GET, signal: control.signal }),
      (error) => error === reason,
    );
  });

  Deno.test(`${name}.presign() says what the provider has thrown, and no secret`, async () => {
    const store = open({ credentials: () => Promise.reject(new Error("metadata: 500")) });
    await assert.rejects(store.presign("key", GET), (error) => {
      assert(error instanceof AccessError);
      return (error.cause as Error).message === "metadata: 500";
    });
  });
}

Deno.test("sdkStore.presign() heeds the session of a client that was given", async () => {
  let asked = 0;
  const client = new S3Client({
    region: "us-east-1",
    endpoint: ENDPOINT,
    credentials: () => Promise.resolve(session(++asked === 1 ? 600 : 1200)),
  });
  const store = sdkStore({ bucket: "state", endpoint: ENDPOINT, client });
  await store.presign("key", { ...GET, expiresIn: 500 });
  await store.presign("key", { ...GET, expiresIn: 1000 });
  assert.equal(asked, 2);
  await assert.rejects(store.presign("key", { ...GET, expiresIn: 3000 }), InvalidInputError);
  client.destroy();
});

Deno.test("edgeStore and sdkStore sign the same URL for an upload, but for what the SDK adds", async () => {
  const options = { ...PUT, contentType: "image/png", contentLength: 3 };
  const [edge, sdk] = await Promise.all(
    Object.values(TRANSPORTS).map(async (open) => new URL(await open().presign("a b/c", options))),
  );
  assert.equal(edge!.pathname, sdk!.pathname);
  for (const name of ["X-Amz-Algorithm", "X-Amz-Expires", "X-Amz-SignedHeaders"]) {
    assert.equal(edge!.searchParams.get(name), sdk!.searchParams.get(name));
  }
});

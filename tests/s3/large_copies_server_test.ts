import { getBytes, PreconditionFailedError } from "@cairn/checkpoint";
import { edgeStore, type S3Store } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { dialectFor } from "../../src/s3/dialect.ts";
import { serverOptions } from "../conformance/_server.ts";
import { noise } from "../checkpoint/_stores.ts";

const PART = 5 * 1024 * 1024;
const BYTES = noise(2 * PART + 1000);
const SMALL = { multipartThreshold: PART, partSize: PART };

/** The uploads of a key that were neither completed nor aborted. */
async function uploadsOf({ api }: S3Store, key: string): Promise<number> {
  const query = { uploads: "", prefix: key };
  const { text } = await api.request({ method: "GET", query, operation: "ListMultipartUploads" });
  assert.match(text, /<ListMultipartUploadsResult/);
  return text.split("<Upload>").length - 1;
}

/** Uses a store with a source of three parts, and deletes it after. */
async function withSource(
  store: S3Store,
  use: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const [from, to] = ["from", "to"].map((name) => `copies/${crypto.randomUUID()}/${name} +é`);
  await store.put(from!, BYTES);
  try {
    await use(from!, to!);
    assert.equal(await uploadsOf(store, to!), 0, "no upload is left");
  } finally {
    await store.delete([from!, to!]);
  }
}

/** A `fetch` that refuses CopyObject as S3 does above 5 GiB, and tells of each part that is copied. */
function refusingFetch(onPart: () => Promise<void>): typeof fetch {
  return async (input, init) => {
    if (new Headers(init?.headers).has("x-amz-copy-source")) {
      if (!String(input).includes("partNumber")) {
        return new Response("<Error><Code>InvalidRequest</Code></Error>", { status: 400 });
      }
      await onPart();
    }
    return await fetch(input, init);
  };
}

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  Deno.test(`${name}.copy() has the server copy parts, on a condition that an upload takes and CopyObject does not`, async () => {
    const options = serverOptions();
    const { conditionalComplete } = dialectFor(options.endpoint, options.dialect);
    const store = open({ ...options, ...SMALL });
    await withSource(store, async (from, to) => {
      const { etag } = await store.copy(from, to, { precondition: "create" });
      const { info, bytes } = await getBytes(store, to);
      assert.equal(info.etag, etag);
      // Where no upload takes it, the bytes pass through here, and go at once.
      assert.match(etag, conditionalComplete ? /-3$/ : /^[^-]+$/, "an object of so many parts");
      assert.deepEqual(bytes, BYTES);
      await assert.rejects(
        store.copy(from, to, { precondition: "create" }),
        PreconditionFailedError,
      );
      assert.equal(await uploadsOf(store, to), 0, "the one that lost is aborted");
      await store.copy(from, to, { precondition: { ifMatch: etag } });
    });
  });
}

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  Deno.test(`${name}.copy() takes along what is kept beside the bytes, at once and in parts`, async () => {
    const store = open({ ...serverOptions(), ...SMALL });
    const attributes = { contentType: "text/plain; charset=utf-8", cacheControl: "max-age=60" };
    const told = async (key: string) => {
      const { headers } = await store.api.request({ method: "HEAD", key, operation: "HeadObject" });
      return {
        contentType: headers.get("content-type"),
        cacheControl: headers.get("cache-control"),
      };
    };
    const folder = `copies/${crypto.randomUUID()}/`;
    const keys = ["small", "large", "by server", "by reading", "in parts"].map((key) =>
      folder + key
    );
    const [small, large, byServer, byReading, inParts] = keys as [
      string,
      string,
      string,
      string,
      string,
    ];
    try {
      await store.put(small, BYTES.subarray(0, 9), { attributes });
      await store.put(large, BYTES, { attributes });
      await store.copy(small, byServer);
      await store.copy(small, byReading, { precondition: "create" });
      await store.copy(large, inParts, { precondition: "create" });
      for (const key of keys) assert.deepEqual(await told(key), attributes, key);
    } finally {
      await store.delete(keys);
    }
  });

  Deno.test(`${name} finds no object where one was to be replaced, at once and in parts`, async () => {
    const store = open({ ...serverOptions(), ...SMALL });
    const key = `copies/${crypto.randomUUID()}`;
    const precondition = { ifMatch: "0123456789abcdef0123456789abcdef" };
    for (const bytes of [BYTES.subarray(0, 9), BYTES]) {
      await assert.rejects(store.put(key, bytes, { precondition }), PreconditionFailedError);
    }
    assert.equal(await uploadsOf(store, key), 0);
  });
}

Deno.test("edgeStore.copy() sends no byte of what is too large for one CopyObject", async () => {
  let parts = 0;
  const store = edgeStore({
    ...serverOptions(),
    ...SMALL,
    fetch: refusingFetch(() => Promise.resolve(void parts++)),
  });
  await withSource(store, async (from, to) => {
    await store.copy(from, to);
    assert.equal(parts, 3);
    assert.deepEqual((await getBytes(store, to)).bytes, BYTES);
    // Onto itself, which no CopyObject takes without a change.
    await store.copy(from, from);
    assert.deepEqual((await getBytes(store, from)).bytes, BYTES);
  });
});

Deno.test("edgeStore.copy() gives no mixture of two sources, and leaves no upload", async () => {
  const plain = edgeStore(serverOptions());
  let from = "";
  let parts = 0;
  const store = edgeStore({
    ...serverOptions(),
    ...SMALL,
    partsInFlight: 1,
    fetch: refusingFetch(async () => {
      if (++parts === 2) await plain.put(from, BYTES.toReversed());
    }),
  });
  await withSource(store, async (source, to) => {
    from = source;
    await assert.rejects(store.copy(from, to), PreconditionFailedError);
    assert.equal(parts, 2);
    await assert.rejects(store.head(to), { name: "NotFoundError" });
  });
});

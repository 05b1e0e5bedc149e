import { S3Client } from "@aws-sdk/client-s3";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  AccessError,
  CorruptError,
  PreconditionFailedError,
  UnavailableError,
} from "../../src/errors.ts";
import { sdkStore } from "../../src/sdk/mod.ts";
import { failure, object, optionsFor, SECRET, test, textOf, withStore } from "./_fixture.ts";
import type { Reply, Seen } from "./_scripted_server.ts";

const TEXT = "a pile of stones that marks a trail";

/** The rest of the text that a request asks for. */
function rest({ headers }: Seen): Reply {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.get("range") ?? "") ?? [];
  const [start, end] = [Number(from), Number(to) + 1];
  return {
    status: 206,
    ...object(TEXT.slice(start, end), { "content-range": `bytes ${from}-${to}/${TEXT.length}` }),
  };
}

test("SdkStore.get() asks for the rest of a body that was cut", async () => {
  await withStore(
    (request, number) => number === 1 ? { ...object(TEXT), cutAfter: 10 } : rest(request),
    async (store, seen) => {
      const { info, body } = await store.get("key");
      assert.equal(info.size, TEXT.length);
      assert.equal(await textOf(body), TEXT);
      assert.equal(seen[1]?.headers.get("range"), `bytes=10-${TEXT.length - 1}`);
      assert.equal(seen[1]?.headers.get("if-match"), '"e1"');
    },
  );
});

test("SdkStore.get() asks for the rest of a range that was cut", async () => {
  await withStore(
    (request, number) => number === 1 ? { ...rest(request), cutAfter: 3 } : rest(request),
    async (store, seen) => {
      const { body } = await store.get("key", { range: { start: 2, end: 12 } });
      assert.equal(await textOf(body), TEXT.slice(2, 12));
      assert.equal(seen[1]?.headers.get("range"), "bytes=5-11");
    },
  );
});

test("SdkStore.get() asks for the rest of a body that stalls", async () => {
  await withStore(
    (request, number) => number === 1 ? { ...object(TEXT), stallAfter: 7 } : rest(request),
    async (store, seen) => {
      assert.equal(await textOf((await store.get("key")).body), TEXT);
      assert.equal(seen[1]?.headers.get("range"), `bytes=7-${TEXT.length - 1}`);
    },
    { attemptTimeout: 200 },
  );
});

test("SdkStore.get() never joins two versions of an object", async () => {
  await withStore(
    (_, number) =>
      number === 1 ? { ...object(TEXT), cutAfter: 10 } : failure(412, "PreconditionFailed"),
    async (store) => {
      const { body } = await store.get("key");
      await assert.rejects(textOf(body), PreconditionFailedError);
    },
  );
});

test("SdkStore.get() ends in an error where every body is cut at once", async () => {
  await withStore(
    (
      request,
      number,
    ) => ({ ...(number === 1 ? object(TEXT) : rest(request)), cutAfter: 0 }),
    async (store, seen) => {
      const { body } = await store.get("key");
      await assert.rejects(textOf(body), UnavailableError);
      assert.equal(seen.length, 4);
    },
    { retry: { maxAttempts: 3, baseDelay: 1 } },
  );
});

test("SdkStore.get() refuses an answer that is another range", async () => {
  await withStore(
    () => object(TEXT),
    (store) => assert.rejects(store.get("key", { range: { start: 2, end: 5 } }), CorruptError),
  );
});

test("SdkStore.get() gives a stream of plain arrays", async () => {
  await withStore(() => object(TEXT), async (store) => {
    const { body } = await store.get("key");
    for await (const piece of body) {
      assert.equal(Object.getPrototypeOf(piece), Uint8Array.prototype);
    }
  });
});

test("SdkStore.get() lets go of the connection where its body is cancelled", async () => {
  await withStore(
    () => ({ ...object(TEXT), stallAfter: 7 }),
    async (store) => {
      const { body } = await store.get("key");
      const reader = body.getReader();
      assert.equal(new TextDecoder().decode((await reader.read()).value), TEXT.slice(0, 7));
      await reader.cancel("enough");
    },
  );
});

test("SdkStore.get() ends its body with the signal's reason", async () => {
  const controller = new AbortController();
  await withStore(
    () => ({ ...object(TEXT), stallAfter: 7 }),
    async (store) => {
      const { body } = await store.get("key", { signal: controller.signal });
      const reader = body.getReader();
      await reader.read();
      const reading = reader.read();
      controller.abort("the user left");
      await assert.rejects(reading, (error) => error === "the user left");
    },
  );
});

test("SdkStore writes on one connection, whatever its answers and its errors carry", async () => {
  let connections = 0;
  let requests = 0;
  const bodies = ["", "said", `<Error><Code>AccessDenied</Code></Error>`, "<html>".repeat(9_000)];
  const server = createServer((request, response) => {
    const at = requests++ % bodies.length;
    request.resume().on("end", () => {
      response.writeHead(at > 1 ? 403 : 200, { etag: '"e1"' }).end(bodies[at]);
    });
  });
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "id", secretAccessKey: SECRET },
  });
  try {
    const store = sdkStore(optionsFor(`http://127.0.0.1:${port}`, { client }));
    let refused = 0;
    for (let i = 0; i < 16; i++) {
      const call = i < 8 ? store.put("key", new Uint8Array(9)) : store.delete(["key"]);
      await call.catch((error) => {
        assert(error instanceof AccessError);
        refused++;
      });
    }
    assert.deepEqual([requests, refused, connections], [16, 8, 1]);
  } finally {
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

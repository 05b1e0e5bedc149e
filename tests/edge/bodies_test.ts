import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { edgeStore } from "../../src/edge/mod.ts";
import {
  CorruptError,
  InvalidInputError,
  PreconditionFailedError,
  UnavailableError,
} from "../../src/errors.ts";
import {
  failure,
  object,
  optionsFor,
  type Reply,
  type Seen,
  test,
  textOf,
  withStore,
} from "./_fixture.ts";

const TEXT = "a pile of stones that marks a trail";

/** The rest of the text that a request asks for. */
function rest({ headers }: Seen): Reply {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.get("range") ?? "") ?? [];
  const text = TEXT.slice(Number(from), Number(to) + 1);
  const range = { "content-range": `bytes ${from}-${to}/${TEXT.length}` };
  return { ...object(text, range), status: 206 };
}

test("EdgeStore.get() asks for the rest of a body that was cut", async () => {
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

test("EdgeStore.get() asks for the rest until it has each byte once", async () => {
  await withStore(
    (request, number) =>
      number === 1 ? { ...object(TEXT), cutAfter: 5 } : { ...rest(request), cutAfter: 5 },
    async (store, seen) => {
      const { body } = await store.get("key");
      assert.equal(await textOf(body), TEXT);
      assert.deepEqual(
        seen.map(({ headers }) => headers.get("range")),
        [null, ...[5, 10, 15, 20, 25, 30].map((from) => `bytes=${from}-34`)],
      );
    },
    { retry: { maxAttempts: 2, baseDelay: 1 } },
  );
});

test("EdgeStore.get() asks for the rest of a body that stalls", async () => {
  await withStore(
    (request, number) => number === 1 ? { ...object(TEXT), stallAfter: 7 } : rest(request),
    async (store, seen) => {
      assert.equal(await textOf((await store.get("key")).body), TEXT);
      assert.equal(seen[1]?.headers.get("range"), `bytes=7-${TEXT.length - 1}`);
    },
    { attemptTimeout: 200 },
  );
});

test("EdgeStore.get() gives up on a body whose rest never comes", async () => {
  await withStore(
    (request, number) =>
      number === 1 ? { ...object(TEXT), cutAfter: 10 } : { ...rest(request), cutAfter: 0 },
    async (store, seen) => {
      await assert.rejects(textOf((await store.get("key")).body), UnavailableError);
      assert.equal(seen.length, 4);
    },
    { retry: { maxAttempts: 3, baseDelay: 1 } },
  );
});

test("EdgeStore.get() never joins two versions of an object", async () => {
  await withStore(
    (_, number) =>
      number === 1 ? { ...object(TEXT), cutAfter: 10 } : failure(412, "PreconditionFailed"),
    async (store) => {
      await assert.rejects(textOf((await store.get("key")).body), PreconditionFailedError);
    },
  );
});

test("EdgeStore.get() refuses other bytes than those asked for", async () => {
  const range = { "content-range": `bytes 1-4/${TEXT.length}` };
  for (const answer of [object(TEXT), { ...object("pile", range), status: 206 }]) {
    await withStore(() => answer, async (store) => {
      await assert.rejects(store.get("key", { range: { start: 2, end: 6 } }), CorruptError);
    });
  }
});

test("EdgeStore.get() gives the last bytes of an empty object: none", async () => {
  await withStore(
    ({ headers }) => headers.has("range") ? failure(416, "InvalidRange") : object(""),
    async (store) => {
      const { info, body } = await store.get("key", { range: { suffix: 5 } });
      assert.equal(info.size, 0);
      assert.equal(await textOf(body), "");
    },
  );
});

test("EdgeStore.get() refuses a range past the end", async () => {
  await withStore(() => failure(416, "InvalidRange"), async (store, seen) => {
    await assert.rejects(store.get("key", { range: { start: 50 } }), InvalidInputError);
    assert.equal(seen.length, 1);
  });
});

test("EdgeStore.get() closes the connection of a body that is cancelled", async () => {
  await withStore(
    () => ({ ...object(TEXT), stallAfter: 7 }),
    async (store, seen) => {
      const { body } = await store.get("key");
      await body.cancel();
      assert.equal(seen.length, 1);
    },
  );
});

test("EdgeStore.get() ends a body with the reason of its signal", async () => {
  const control = new AbortController();
  const reason = new Error("no longer wanted");
  await withStore(
    () => ({ ...object(TEXT), stallAfter: 7 }),
    async (store, seen) => {
      const { body } = await store.get("key", { signal: control.signal });
      const reader = body.getReader();
      await reader.read();
      const read = reader.read();
      control.abort(reason);
      await assert.rejects(read, (error) => {
        assert.equal(error, reason);
        return true;
      });
      assert.equal(seen.length, 1);
    },
  );
});

test("EdgeStore reads the answer to a PUT to its end where it has one, and lets an empty one be", async () => {
  for (const [length, read] of [["0", false], ["3", true], [undefined, true]] as const) {
    const pieces = read ? [new Uint8Array(3)] : [];
    let pulls = 0, cancelled = false;
    const body = new ReadableStream({
      pull(controller) {
        pulls++;
        const piece = pieces.pop();
        if (piece) controller.enqueue(piece);
        else controller.close();
      },
      cancel: () => void (cancelled = true),
    }, { highWaterMark: 0 });
    const headers = { etag: '"e1"', ...(length && { "content-length": length }) };
    const answer = new Response(body, { headers });
    const store = edgeStore(
      optionsFor("https://s3.example.com", { fetch: () => Promise.resolve(answer) }),
    );
    assert.deepEqual(await store.put("key", new Uint8Array(1)), { etag: "e1" });
    assert.deepEqual([pulls, cancelled], read ? [2, false] : [0, true]);
  }
});

test("EdgeStore puts one object after the other on one connection", async () => {
  let connections = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.writeHead(200, { etag: '"e1"', "content-length": "0" }).end());
  });
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = Deno.createHttpClient({});
  try {
    const store = edgeStore(optionsFor(`http://127.0.0.1:${port}`, {
      fetch: (url, init) => fetch(url as string, { ...init, ...{ client } }),
    }));
    for (let i = 0; i < 10; i++) await store.put(`key ${i}`, new Uint8Array(100));
    assert.equal(connections, 1);
  } finally {
    client.close();
    await new Promise((resolve) => server.close(resolve));
  }
});

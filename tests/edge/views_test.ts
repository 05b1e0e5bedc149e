import assert from "node:assert/strict";
import process from "node:process";
import { inViews } from "../../src/edge/_views.ts";
import { edgeStore } from "../../src/edge/mod.ts";
import { readAll } from "../../src/store/body.ts";
import { bytesOf, failure, optionsFor, type Seen, STORED, test, withStore } from "./_fixture.ts";

const MIB = 1024 * 1024;
const LARGE = bytesOf(3 * MIB + 5);
const SMALL = bytesOf(MIB);

/** Runs with a note of each body that reaches `fetch`, also where a store was made before. */
async function withBodies(run: (bodies: unknown[]) => Promise<void>): Promise<void> {
  const bodies: unknown[] = [];
  const { fetch } = globalThis;
  globalThis.fetch = (input, init) => {
    bodies.push(init?.body);
    return fetch(input, init);
  };
  try {
    await run(bodies);
  } finally {
    globalThis.fetch = fetch;
  }
}

function assertWhole({ headers, body }: Seen, bytes: Uint8Array): void {
  assert.equal(headers.get("content-length"), String(bytes.length));
  assert.equal(headers.get("transfer-encoding"), null);
  assert.equal(headers.get("content-type"), null);
  assert.deepEqual(body, bytes);
}

test("EdgeStore.put() sends a large body in views, with its length and never in chunks", async () => {
  await withStore(() => STORED, async (store, seen) => {
    await withBodies(async (bodies) => {
      await store.put("key", LARGE);
      assert(bodies[0] instanceof Blob);
      assertWhole(seen[0] as Seen, LARGE);
      await store.put("key", SMALL);
      assert(bodies[1] instanceof Uint8Array);
      assertWhole(seen[1] as Seen, SMALL);
    });
  });
});

test("EdgeStore.put() sends a large body whole each time", async () => {
  const answers = [failure(503, "SlowDown"), "reset" as const, STORED];
  await withStore((_, number) => answers[number - 1]!, async (store, seen) => {
    await store.put("key", LARGE);
    assert.equal(seen.length, 3);
    for (const request of seen) assertWhole(request, LARGE);
  });
});

test("EdgeStore.put() gives a fetch of the user's the bytes themselves", async () => {
  const bodies: unknown[] = [];
  const own: typeof fetch = (input, init) => {
    bodies.push(init?.body);
    return fetch(input, init);
  };
  await withStore(() => STORED, async (store, seen) => {
    await store.put("key", LARGE);
    assert.equal(bodies[0], LARGE);
    assertWhole(seen[0] as Seen, LARGE);
  }, { fetch: own });
});

test("EdgeStore.put() sends the bytes themselves where a runtime has its own way into a Blob", async () => {
  const { Response } = globalThis;
  // As in Bun and workerd, which never call `stream()`.
  globalThis.Response = class extends Response {
    override get body() {
      return new ReadableStream<Uint8Array<ArrayBuffer>>();
    }
  };
  try {
    await withStore(() => STORED, async (store, seen) => {
      await withBodies(async (bodies) => {
        await store.put("key", LARGE);
        assert.equal(bodies[0], LARGE);
        assertWhole(seen[0] as Seen, LARGE);
      });
    });
  } finally {
    globalThis.Response = Response;
  }
});

/** Runs as in Node, whose `fetch` is undici's. */
async function withUndici(run: () => Promise<void>): Promise<void> {
  const { versions } = process;
  Object.defineProperty(process, "versions", { value: { ...versions, undici: "8.10.2" } });
  try {
    await run();
  } finally {
    Object.defineProperty(process, "versions", { value: versions });
  }
}

test("EdgeStore.put() sends a large body in Node as a stream of views, with its length, anew each time", async () => {
  const { fetch } = globalThis;
  const sent: { length: string | null; bytes: Uint8Array }[] = [];
  globalThis.fetch = async (_, init) => {
    assert(init?.body instanceof ReadableStream);
    assert.equal((init as { duplex?: string }).duplex, "half");
    let views = 0;
    const watched = init.body.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(view, controller) {
          assert.equal(view.buffer, LARGE.buffer);
          views++;
          controller.enqueue(view);
        },
      }),
    );
    const bytes = await readAll(watched);
    assert.equal(views, Math.ceil(LARGE.length / 65_536));
    sent.push({ length: new Headers(init.headers).get("content-length"), bytes });
    return sent.length === 1
      ? new Response("", { status: 503 })
      : new Response(null, { headers: { etag: '"e1"' } });
  };
  try {
    await withUndici(async () => {
      await edgeStore(optionsFor("http://127.0.0.1:9")).put("key", LARGE);
    });
  } finally {
    globalThis.fetch = fetch;
  }
  assert.equal(sent.length, 2);
  for (const { length, bytes } of sent) {
    assert.equal(length, String(LARGE.length));
    assert.deepEqual(bytes, LARGE);
  }
});

test("inViews() leaves what is small, text or nothing as it is", () => {
  const text = "x".repeat(2 * MIB);
  for (const body of [SMALL, text, null]) assert.equal(inViews(body), body);
  return Promise.resolve();
});

test("inViews() gives views of the bytes, from the start for each who reads", async () => {
  const body = inViews(LARGE) as Blob;
  assert.equal(body.size, LARGE.length);
  for (let time = 0; time < 2; time++) {
    let at = 0;
    for await (const view of body.stream()) {
      assert.equal(view.buffer, LARGE.buffer);
      assert.equal(view.byteOffset, at);
      assert(view.length <= 64 * 1024);
      at += view.length;
    }
    assert.equal(at, LARGE.length);
  }
});

test("inViews() gives nothing of a part whose memory was taken for another", async () => {
  const part = LARGE.slice();
  const reader = (inViews(part) as Blob).stream().getReader();
  assert.equal((await reader.read()).value?.length, 64 * 1024);
  structuredClone(part, { transfer: [part.buffer] }).fill(1);
  await assert.rejects(reader.read(), TypeError);
});

/** More than the buffers between a client and a server hold. */
const HUGE = bytesOf(16 * MIB);
const ANSWER = 'HTTP/1.1 200 OK\r\netag: "e1"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';

/** A server that takes no more than the beginning of the first request, until it is asked what else came. */
function stallingServer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving: Promise<void>[] = [];
  const rest = Promise.withResolvers<void>();
  let first = 0;
  const serve = async (connection: Deno.Conn, isFirst: boolean) => {
    const buffer = new Uint8Array(64 * 1024);
    let text = "";
    let got = 0;
    try {
      for (let count; (count = await connection.read(buffer)) !== null;) {
        got += count;
        if (isFirst) {
          first = got;
          await rest.promise;
          continue;
        }
        text ||= new TextDecoder().decode(buffer.subarray(0, count));
        if (got === text.indexOf("\r\n\r\n") + 4 + HUGE.length) {
          await connection.write(new TextEncoder().encode(ANSWER));
          return;
        }
      }
    } catch {
      // The client has broken it off.
    } finally {
      connection.close();
    }
  };
  const accepting = (async () => {
    for await (const connection of listener) serving.push(serve(connection, serving.length === 0));
  })();
  return {
    endpoint: `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    /** Reads on, and tells how many bytes came in all before the client closed. */
    async firstToEnd(): Promise<number> {
      rest.resolve();
      await serving[0];
      return first;
    },
    async close(): Promise<void> {
      rest.resolve();
      listener.close();
      await accepting;
      await Promise.all(serving);
    },
  };
}

test("EdgeStore.put() sends no more of a large body whose attempt has timed out", async () => {
  const server = stallingServer();
  try {
    await withBodies(async (bodies) => {
      const store = edgeStore(optionsFor(server.endpoint, {
        attemptTimeout: 2000,
        multipartThreshold: HUGE.length,
      }));
      await store.put("key", HUGE);
      assert(bodies.length > 1);
    });
    assert(await server.firstToEnd() < HUGE.length);
  } finally {
    await server.close();
  }
});

import {
  AccessError,
  type CairnError,
  CorruptError,
  getBytes,
  InvalidInputError,
  linkStore,
  NotFoundError,
  type ObjectLink,
  PreconditionFailedError,
  ThrottledError,
  UnavailableError,
  UnsupportedError,
} from "@cairn/checkpoint";
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { withScript } from "../sdk/_scripted_server.ts";

const SECRET = "X-Amz-Signature=5ec2e7";
const BYTES = new TextEncoder().encode("a stone upon a stone");
const FAST = { retry: { baseDelay: 1, maxDelay: 2, maxAttempts: 3 } };
const WRITTEN = new Date("2026-01-01T00:00:00Z");

function link(endpoint: string, options: Partial<ObjectLink> = {}): ObjectLink {
  const { key = "t/1" } = options;
  return {
    key,
    method: "GET",
    url: `${endpoint}/${key}?${SECRET}`,
    headers: {},
    expires: "2026-01-01T01:00:00.000Z",
    size: BYTES.length,
    etag: "e1",
    lastModified: WRITTEN.toISOString(),
    ...options,
  };
}

function upload(endpoint: string, headers: Record<string, string> = {}): ObjectLink {
  const { size: _size, etag: _etag, lastModified: _date, ...rest } = link(endpoint, { headers });
  return { ...rest, method: "PUT" };
}

/** An answer to a GET, of the range that is asked for. */
function answer(range: string | null = null) {
  const headers = { etag: '"e1"', "last-modified": WRITTEN.toUTCString() };
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(range ?? "") ?? [];
  if (from === undefined) return { body: BYTES, headers };
  const start = from === "" ? BYTES.length - Number(to) : Number(from);
  const end = from === "" || to === "" ? BYTES.length : Number(to) + 1;
  const span = `bytes ${start}-${end - 1}/${BYTES.length}`;
  return {
    status: 206,
    body: BYTES.slice(start, end),
    headers: { ...headers, "content-range": span },
  };
}

Deno.test("linkStore() reads an object whole and in parts, with what is known of it", async () => {
  await withScript(({ headers }) => answer(headers.get("range")), async (endpoint, seen) => {
    const store = linkStore({ links: [link(endpoint, { headers: { "x-amz-k": "v" } })] }, FAST);
    const { bytes, info } = await getBytes(store, "t/1");
    assert.deepEqual(bytes, BYTES);
    const expected = { key: "t/1", size: BYTES.length, etag: "e1", lastModified: WRITTEN };
    assert.deepEqual(info, expected);
    assert.equal(seen[0]!.headers.get("x-amz-k"), "v");
    for (
      const [range, from, to] of [
        [{ start: 2, end: 7 }, 2, 7],
        [{ start: 8 }, 8, BYTES.length],
        [{ suffix: 5 }, BYTES.length - 5, BYTES.length],
      ] as const
    ) {
      const part = await new Response((await store.get("t/1", { range })).body).bytes();
      assert.deepEqual(part, BYTES.slice(from, to));
    }
    assert.deepEqual(await store.head("t/1"), expected);
  });
});

Deno.test("linkStore() goes on where a body broke off, with the object that it began with", async () => {
  let broken = false;
  await withScript(({ headers }) => {
    if (!broken) {
      broken = true;
      return { ...answer(), cutAfter: 7 };
    }
    assert.equal(headers.get("if-match"), '"e1"');
    return answer(headers.get("range"));
  }, async (endpoint, seen) => {
    const store = linkStore({ links: [link(endpoint)] }, FAST);
    assert.deepEqual((await getBytes(store, "t/1")).bytes, BYTES);
    assert(seen.length >= 2);
  });
});

Deno.test("linkStore() believes the link where a browser hides the answer's headers", async () => {
  const fetch = () => Promise.resolve(new Response(BYTES));
  const store = linkStore({ links: [link("https://a.example")] }, { fetch });
  const { info, bytes } = await getBytes(store, "t/1");
  assert.deepEqual([info.size, info.etag, info.lastModified], [BYTES.length, "e1", WRITTEN]);
  assert.deepEqual(bytes, BYTES);
});

Deno.test("linkStore() lists what there are links to, as a store does", async () => {
  const keys = ["b/2", "a/x/2", "a/x/1", "a/y/1", "\u{1f600}", "\uff5e"];
  const links = keys.map((key) => link("https://a.example", { key }));
  const store = linkStore({ links: [...links, upload("https://a.example")] });
  const listed = async (options = {}) => {
    const found: string[] = [];
    for await (const { objects, prefixes } of store.list(options)) {
      found.push(...objects.map(({ key }) => key), ...prefixes);
    }
    return found;
  };
  const all = ["a/x/1", "a/x/2", "a/y/1", "b/2", "\uff5e", "\u{1f600}"];
  assert.deepEqual(await listed(), all);
  assert.deepEqual(await listed({ prefix: "a/", delimiter: "/" }), ["a/x/", "a/y/"]);
  assert.deepEqual(await listed({ startAfter: "a/x/1", limit: 2 }), ["a/x/2", "a/y/1"]);
  assert.deepEqual(await listed({ prefix: "z" }), []);
});

Deno.test("linkStore() writes what there is a link for, with what it must carry", async () => {
  const script = () => ({ headers: { etag: '"e2"' } });
  await withScript(script, async (endpoint, seen) => {
    const headers = { "content-type": "image/png", "content-length": `${BYTES.length}` };
    const store = linkStore({ links: [upload(endpoint, headers)] }, FAST);
    assert.deepEqual(await store.put("t/1", BYTES), { etag: "e2" });
    assert.equal(seen[0]!.method, "PUT");
    assert.equal(seen[0]!.headers.get("content-type"), "image/png");
    assert.deepEqual(new Uint8Array(seen[0]!.body), BYTES);
    await assert.rejects(store.put("t/1", BYTES.subarray(1)), InvalidInputError);
    assert.equal(seen.length, 1);
  });
});

Deno.test("linkStore() does nothing that no link allows", async () => {
  const store = linkStore({ links: [link("https://a.example"), upload("https://a.example")] });
  const read = linkStore({ links: [link("https://a.example")] });
  const refused = [
    () => read.put("t/1", BYTES),
    () => store.put("t/2", BYTES),
    () => store.put("t/1", BYTES, { precondition: "create" }),
    () => store.put("t/1", BYTES, { precondition: { ifMatch: "e1" } }),
    () => store.put("t/1", BYTES, { attributes: { contentType: "a/b" } }),
    () => store.put("t/1", new Response(BYTES).body!),
    () => store.get("t/1", { versionId: "1" }),
    () => store.delete(["t/1"]),
    () => store.copy("t/1", "t/2"),
    () => store.presign("t/1", { method: "GET", expiresIn: 1 }),
  ];
  for (const call of refused) await assert.rejects(call, UnsupportedError, `${call}`);
  for (const call of [() => store.get("t/2"), () => store.head("t/2")]) {
    await assert.rejects(call, NotFoundError);
  }
  await assert.rejects(store.get("../t"), InvalidInputError);
});

const ANSWERS: [status: number, code: string, error: new (message: string) => CairnError][] = [
  [403, "AccessDenied", AccessError],
  [401, "Unauthorized", AccessError],
  [404, "NoSuchKey", NotFoundError],
  [412, "PreconditionFailed", PreconditionFailedError],
  [416, "InvalidRange", InvalidInputError],
  [429, "SlowDown", ThrottledError],
  [503, "SlowDown", UnavailableError],
  [302, "", UnsupportedError],
];

for (const [status, code, error] of ANSWERS) {
  Deno.test(`linkStore() tells a ${status} by its class, and the link to nobody`, async () => {
    const body = `<Error><Code>${code}</Code><Message>${SECRET}</Message></Error>`;
    const headers = { location: "https://b.example", "x-amz-request-id": "R1" };
    await withScript(() => ({ status, body, headers }), async (endpoint, seen) => {
      const store = linkStore({ links: [link(endpoint)] }, FAST);
      await assert.rejects(store.get("t/1"), (found) => {
        assert(found instanceof error, `${found}`);
        assert.equal(found.status, status);
        assert.equal(found.key, "t/1");
        assert(!found.message.includes("5ec2e7"));
        if (status === 403) assert.match(found.message, /end at 2026-01-01T01:00:00/);
        return true;
      });
      assert.equal(seen.length, status === 429 || status === 503 ? 3 : 1);
    });
  });
}

Deno.test("linkStore() tells what failed on the way, and the link to nobody", async () => {
  const fetch = (url: string | URL | Request) => Promise.reject(new TypeError(`no ${url}`));
  const store = linkStore({ links: [link("https://a.example")] }, { ...FAST, fetch });
  await assert.rejects(store.get("t/1"), (error) => {
    assert(error instanceof UnavailableError);
    assert(!Deno.inspect(error).includes("5ec2e7"));
    return true;
  });
});

Deno.test("linkStore() refuses an answer of other bytes than it asked for", async () => {
  await withScript(() => answer(), async (endpoint) => {
    const store = linkStore({ links: [link(endpoint)] }, FAST);
    await assert.rejects(store.get("t/1", { range: { start: 3 } }), CorruptError);
  });
});

Deno.test("linkStore() stops where its signal aborts", async () => {
  const reason = new Error("enough");
  const store = linkStore({ links: [link("https://a.example")] }, {
    fetch: (_url, init) =>
      new Promise((_, reject) => init!.signal!.addEventListener("abort", () => reject(reason))),
  });
  const controller = new AbortController();
  const call = store.get("t/1", { signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(call, (error) => error === reason);
});

const HOSTILE: Record<string, unknown> = {
  "no link": null,
  "a key that leaves": { key: "../other-bucket/x" },
  "no key": { key: undefined },
  "another method": { method: "DELETE" },
  "another scheme": { url: "file:///etc/passwd" },
  "no URL": { url: 7 },
  "a header that breaks out": { headers: { "x-a": "b\r\nx-c: d" } },
  "a header that is none": { headers: { "x a": "b" } },
  "headers that are none": { headers: "x" },
  "a length below zero": { size: -1 },
  "no length": { size: "5" },
  "no ETag": { etag: undefined },
  "an ETag that breaks out": { etag: 'a"b' },
  "no date": { lastModified: "yesterday" },
  "no end": { expires: {} },
};

for (const [what, options] of Object.entries(HOSTILE)) {
  Deno.test(`linkStore() refuses ${what}, and quotes no URL`, () => {
    const given = options === null ? null : { ...link("https://a.example"), ...options as object };
    assert.throws(() => linkStore({ links: [given as ObjectLink] }), (error) => {
      assert(error instanceof InvalidInputError);
      assert(!error.message.includes("5ec2e7"));
      return true;
    });
  });
}

Deno.test("linkStore() refuses what is no list, and takes a prototype's name for a key", async () => {
  assert.throws(() => linkStore({ links: {} as never }), InvalidInputError);
  const store = linkStore({ links: [link("https://a.example", { key: "__proto__" })] });
  assert.equal((await store.head("__proto__")).key, "__proto__");
  await assert.rejects(store.head("constructor"), NotFoundError);
});

Deno.test("linkStore() waits as long as it is asked to", async () => {
  for (const [status, kind] of [[429, ThrottledError], [503, UnavailableError]] as const) {
    await withScript(
      () => ({ status, headers: { "retry-after": "60" } }),
      async (endpoint, seen) => {
        const store = linkStore({ links: [link(endpoint)] }, { ...FAST, timeout: 5_000 });
        await assert.rejects(store.get("t/1"), (error) => {
          assert(error instanceof kind);
          return error.retryAfter === 60_000;
        });
        assert.equal(seen.length, 1, "where that is past the deadline, it gives up at once");
      },
    );
  }
});

Deno.test("linkStore() gives the last bytes of an empty object: none", async () => {
  const headers = { etag: '"e1"', "last-modified": WRITTEN.toUTCString() };
  await withScript(
    (request) => request.headers.has("range") ? { status: 416 } : { headers },
    async (endpoint, seen) => {
      const store = linkStore({ links: [link(endpoint, { size: 0 })] }, FAST);
      const { info, bytes } = await getBytes(store, "t/1", { range: { suffix: 5 } });
      assert.deepEqual([info.size, bytes.length, seen.length], [0, 0, 2]);
      await assert.rejects(store.get("t/1", { range: { start: 5 } }), InvalidInputError);
    },
  );
});

Deno.test("linkStore() gives an object that has an encoding of its own as it is stored", async () => {
  const packed = new Uint8Array(gzipSync("stone upon stone ".repeat(100)));
  const headers = {
    etag: '"e1"',
    "last-modified": WRITTEN.toUTCString(),
    "content-encoding": "gzip",
  };
  await withScript(() => ({ body: packed, headers }), async (endpoint, seen) => {
    const store = linkStore({ links: [link(endpoint, { size: packed.length })] }, FAST);
    assert.deepEqual((await getBytes(store, "t/1")).bytes, packed);
    assert.equal(seen[0]?.headers.get("accept-encoding"), "identity");
  });
});

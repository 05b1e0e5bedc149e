import {
  aesGcm,
  cdn,
  type CdnEvent,
  type CdnOptions,
  encodeFrame,
  InvalidInputError,
  localKeys,
  memoryStore,
  type ObjectStore,
  S3Checkpointer,
} from "@cairn/checkpoint";
import { countingStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { getBytes, listKeys } from "../../src/store/body.ts";
import { type Answer, type Reply, type Seen, withScript } from "../sdk/_scripted_server.ts";

const STATE = { step: 1, log: Array.from({ length: 30_000 }, (_, at) => `stone ${at}`) };
const DATED = "Thu, 01 Jan 2026 00:00:00 GMT";
const encryption = (() => {
  const key = crypto.getRandomValues(new Uint8Array(32));
  return () => aesGcm({ keys: localKeys({ current: "k", keys: { k: key } }) });
})();

/** A thread in a bucket, and what its chunks are. */
async function saved(options: { encrypted?: boolean } = {}) {
  const bucket = memoryStore();
  const sealed = options.encrypted ? { encryption: encryption() } : {};
  const checkpointer = new S3Checkpointer<typeof STATE>(bucket, sealed);
  await checkpointer.save("t", STATE);
  await checkpointer.save("u", { ...STATE, log: STATE.log.toReversed() });
  const chunks: string[] = [];
  for await (const key of listKeys(bucket, "cairn/t/v/")) chunks.push(key);
  assert(chunks.length > 2);
  return { bucket, chunks, sealed };
}

/** What a CDN in front of a bucket answers. */
async function answerOf(bucket: ObjectStore, { url }: Seen): Promise<Reply> {
  try {
    const { bytes, info } = await getBytes(bucket, decodeURIComponent(url.pathname.slice(1)));
    const headers = { etag: `"${info.etag}"`, "last-modified": info.lastModified.toUTCString() };
    return { body: bytes, headers };
  } catch {
    return { status: 404 };
  }
}

interface Reading {
  readonly state: typeof STATE | undefined;
  readonly events: CdnEvent[];
  readonly seen: Seen[];
  /** The keys of the chunks that the origin was asked for. */
  readonly asked: string[];
}

/** Loads a thread through a CDN that answers by a script. */
async function load(
  bucket: ObjectStore,
  script: (request: Seen, number: number) => Answer | Promise<Answer>,
  options: Partial<CdnOptions> = {},
): Promise<Reading> {
  const events: CdnEvent[] = [];
  const asked: string[] = [];
  const origin: ObjectStore = {
    ...bucket,
    get: (key, options) => {
      if (/\/v\//.test(key)) asked.push(key);
      return bucket.get(key, options);
    },
  };
  let result: Reading | undefined;
  await withScript(script, async (baseUrl, seen) => {
    const observe = (event: CdnEvent) => events.push(event);
    const store = cdn(origin, { baseUrl, observe, ...options });
    const { encryption } = options;
    const found = await new S3Checkpointer<typeof STATE>(store, { encryption }).load("t");
    result = { state: found?.state, events, seen, asked };
  });
  return result!;
}

Deno.test("cdn() reads chunks from the CDN, and all else from the origin", async () => {
  const { bucket, chunks } = await saved();
  const { state, events, seen, asked } = await load(bucket, (seen) => answerOf(bucket, seen));
  assert.deepEqual(state, STATE);
  assert.deepEqual(asked, []);
  assert.deepEqual(seen.map(({ url }) => url.pathname.slice(1)).sort(), chunks);
  assert(seen.every(({ method, headers }) => method === "GET" && !headers.has("authorization")));
  assert(
    events.every(({ outcome, status, bytes }) => outcome === "hit" && status === 200 && bytes),
  );
  assert.equal(events.length, chunks.length);
});

const other = await encodeFrame(new TextEncoder().encode("another stone"), { kind: "chunk" });
const record = await encodeFrame(new TextEncoder().encode("a record"), { kind: "checkpoint" });
const bomb = await encodeFrame(new Uint8Array(4 * 1024 * 1024), { kind: "chunk" });

/** What a CDN may do to an answer, and what is then told of it. */
const WRONG: Record<string, [outcome: string, (right: Reply) => Answer, Partial<CdnOptions>?]> = {
  "has nothing yet": ["status", () => ({ status: 404 })],
  "refuses": ["status", () => ({ status: 403, body: "<Error/>" })],
  "fails": ["status", () => ({ status: 503 })],
  "leads elsewhere": ["status", () => ({ status: 302, headers: { location: "http://a.example" } })],
  "gives a part": ["status", (right) => ({ ...right, status: 206 })],
  "closes the connection": ["network", () => "reset"],
  "breaks off": ["network", (right) => ({ ...right, cutAfter: 1000 })],
  "never answers": ["timeout", () => "silence", { timeout: 50, maxFailures: 1000 }],
  "stalls": ["timeout", (right) => ({ ...right, stallAfter: 1000 }), {
    timeout: 50,
    maxFailures: 1000,
  }],
  "cuts short, and says so": ["wrong", (right) => ({
    ...right,
    body: (right.body as Uint8Array<ArrayBuffer>).slice(0, 1000),
  })],
  "alters a byte": ["wrong", (right) => {
    const body = (right.body as Uint8Array<ArrayBuffer>).slice();
    body[body.length >> 1]! ^= 1;
    return { ...right, body };
  }],
  "gives a page": ["wrong", (right) => ({ ...right, body: "<html>Welcome to our hotel</html>" })],
  "gives nothing": ["wrong", (right) => ({ ...right, body: "" })],
  "gives another chunk, whole and well": ["wrong", (right) => ({ ...right, body: other })],
  "gives a record": ["wrong", (right) => ({ ...right, body: record })],
  "gives what unpacks to more than it may": ["wrong", (right) => ({ ...right, body: bomb }), {
    maxBytes: 1024 * 1024,
  }],
  "says that it is longer than it may be": ["length", (right) => right, { maxBytes: 1000 }],
  "says no ETag": ["headers", ({ body }) => ({ body: body!, headers: { "last-modified": DATED } })],
  "says no date": ["headers", ({ body }) => ({ body: body!, headers: { etag: '"e"' } })],
};

for (const [what, [outcome, change, options]] of Object.entries(WRONG)) {
  Deno.test(`cdn() asks the origin where the CDN ${what}`, async () => {
    const { bucket, chunks } = await saved();
    const script = async (seen: Seen) => change(await answerOf(bucket, seen));
    const { state, events, asked } = await load(bucket, script, { maxFailures: 1000, ...options });
    assert.deepEqual(state, STATE);
    assert.deepEqual(asked.sort(), chunks);
    assert.deepEqual([...new Set(events.map((event) => event.outcome))], [outcome]);
    assert.equal(events.length, chunks.length);
  });
}

Deno.test("cdn() stops reading what goes on beyond its bound, where no length was said", async () => {
  const { bucket, chunks } = await saved();
  let given = 0;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => {
        given += 1000;
        controller.enqueue(new Uint8Array(1000));
      },
    });
  const events: CdnEvent[] = [];
  const store = cdn(bucket, {
    baseUrl: "https://cdn.example",
    fetch: () =>
      Promise.resolve(
        new Response(endless(), { headers: { etag: '"e"', "last-modified": DATED } }),
      ),
    maxBytes: 10_000,
    observe: (event) => events.push(event),
  });
  assert((await getBytes(store, chunks[0]!)).bytes.length > 0);
  assert.equal(events[0]!.outcome, "length");
  assert(given < 20_000);
});

Deno.test("cdn() takes the right bytes where a CDN has weakened their ETag", async () => {
  const { bucket } = await saved();
  const { events } = await load(bucket, async (seen) => {
    const { body, headers } = await answerOf(bucket, seen);
    return { body: body!, headers: { ...headers, etag: `W/${headers!.etag}` } };
  });
  assert(events.every(({ outcome }) => outcome === "hit"));
});

Deno.test("cdn() checks an encrypted chunk by the key that sealed it, and its place", async () => {
  const { bucket, chunks } = await saved({ encrypted: true });
  const options = { encryption: encryption() };
  const right = await load(bucket, (seen) => answerOf(bucket, seen), options);
  assert.deepEqual(right.state, STATE);
  assert.deepEqual(right.asked, []);
  // Each one whole, sealed by the right key, and another's.
  const swapped = await load(bucket, async ({ url }) => {
    const at = chunks.indexOf(decodeURIComponent(url.pathname.slice(1)));
    const { bytes } = await getBytes(bucket, chunks[(at + 1) % chunks.length]!);
    return { body: bytes, headers: { etag: '"e"', "last-modified": DATED } };
  }, options);
  assert.deepEqual(swapped.state, STATE);
  assert.deepEqual(swapped.asked.sort(), chunks);
  assert(swapped.events.every(({ outcome }) => outcome === "wrong"));
  // In plain, by who has no key.
  const plain = await load(bucket, () => ({
    body: other,
    headers: { etag: '"e"', "last-modified": DATED },
  }), options);
  assert.deepEqual(plain.state, STATE);
  assert(plain.events.every(({ outcome }) => outcome === "wrong"));
});

Deno.test("cdn() gives no encrypted chunk that it cannot check", async () => {
  const { bucket, chunks, sealed } = await saved({ encrypted: true });
  await withScript((seen) => answerOf(bucket, seen), async (baseUrl, seen) => {
    const outcomes: string[] = [];
    const observe = ({ outcome }: CdnEvent) => outcomes.push(outcome);
    const checkpointer = new S3Checkpointer(cdn(bucket, { baseUrl, observe }), sealed);
    assert.deepEqual((await checkpointer.load("t"))?.state, STATE);
    assert.equal(seen.length, chunks.length);
    assert(outcomes.every((outcome) => outcome === "wrong"));
  });
});

Deno.test("cdn() signs each URL; where it cannot, the origin is asked", async () => {
  const { bucket, chunks } = await saved();
  const sign = (url: string) => Promise.resolve(`${url}?Signature=s`);
  const { seen, events } = await load(bucket, (seen) => answerOf(bucket, seen), { sign });
  assert(seen.every(({ url }) => url.search === "?Signature=s"));
  assert(events.every(({ outcome }) => outcome === "hit"));
  const broken = () => {
    throw new Error("no key");
  };
  const failed = await load(bucket, () => "reset", { sign: broken });
  assert.deepEqual(failed.state, STATE);
  assert.deepEqual(failed.seen, []);
  assert.deepEqual(failed.events.map(({ outcome }) => outcome), chunks.map(() => "sign"));
});

Deno.test("cdn() leaves a CDN alone that does not answer, and asks it again after a rest", async () => {
  const { bucket, chunks } = await saved();
  const events: string[] = [];
  let down = true;
  const store = cdn(bucket, {
    baseUrl: "https://cdn.example",
    maxFailures: 2,
    rest: 50,
    fetch: async (url) => {
      if (down) throw new TypeError("no route");
      const { bytes, info } = await getBytes(bucket, new URL(`${url}`).pathname.slice(1));
      return new Response(bytes, {
        headers: { etag: `"${info.etag}"`, "last-modified": info.lastModified.toUTCString() },
      });
    },
    observe: ({ outcome }) => events.push(outcome),
  });
  for (let times = 0; times < 4; times++) await getBytes(store, chunks[0]!);
  assert.deepEqual(events, ["network", "network", "resting", "resting"]);
  down = false;
  await new Promise((resolve) => setTimeout(resolve, 80));
  await getBytes(store, chunks[0]!);
  assert.equal(events.at(-1), "hit");
});

Deno.test("cdn() rejects with the signal's reason, and does not ask the origin then", async () => {
  const { bucket, chunks } = await saved();
  let asked = 0;
  const origin: ObjectStore = {
    ...bucket,
    get: (key, options) => {
      asked++;
      return bucket.get(key, options);
    },
  };
  await withScript(() => "silence", async (baseUrl) => {
    const store = cdn(origin, { baseUrl });
    const reason = new Error("enough");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 20);
    const call = store.get(chunks[0]!, { signal: controller.signal });
    await assert.rejects(call, (error) => error === reason);
    await assert.rejects(
      store.get(chunks[0]!, { signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    );
    assert.equal(asked, 0);
  });
});

Deno.test("cdn() asks the CDN for whole chunks of its prefix alone", async () => {
  const { bucket, chunks } = await saved();
  const fetched: string[] = [];
  const layer = cdn(bucket, {
    baseUrl: "https://cdn.example/base/",
    fetch: (url) => {
      fetched.push(`${url}`);
      return Promise.resolve(new Response("", { status: 404 }));
    },
  });
  const info = await layer.head(chunks[0]!);
  await bucket.put(`other/t/v/${"0".repeat(64)}`, new Uint8Array(1));
  await (await layer.get(chunks[0]!, { range: { start: 0, end: 4 } })).body.cancel();
  await (await layer.get(chunks[0]!, { ifMatch: info.etag })).body.cancel();
  await (await layer.get(`other/t/v/${"0".repeat(64)}`)).body.cancel();
  for await (const key of listKeys(layer, "cairn/t/n/")) await getBytes(layer, key);
  assert.deepEqual(fetched, []);
  await getBytes(layer, chunks[0]!);
  assert.deepEqual(fetched, [`https://cdn.example/base/${chunks[0]}`]);
});

Deno.test("cdn() passes everything else on", async () => {
  const counting = countingStore(memoryStore());
  const store = cdn(counting, { baseUrl: "https://cdn.example" });
  assert.equal(store.capabilities, counting.capabilities);
  assert.match(store.name, /memory.*behind cdn\.example/);
  await store.put("a", new Uint8Array(3));
  await store.copy("a", "b");
  assert.equal((await store.head("b")).size, 3);
  await store.delete(["a"]);
  const keys: string[] = [];
  for await (const key of listKeys(store, "")) keys.push(key);
  assert.deepEqual(keys, ["b"]);
  await assert.rejects(store.presign("b", { method: "GET", expiresIn: 1 }), /presign/);
});

Deno.test("cdn() is not disturbed by who looks on, and tells no key and no URL", async () => {
  const { bucket } = await saved();
  const told: string[] = [];
  const { state } = await load(bucket, (seen) => answerOf(bucket, seen), {
    observe: (event) => {
      told.push(JSON.stringify(event));
      throw new Error("I trip over it");
    },
  });
  assert.deepEqual(state, STATE);
  assert(told.length > 0 && told.every((text) => !/cairn|http/.test(text)));
  const rejects = await load(bucket, (seen) => answerOf(bucket, seen), {
    observe: () => Promise.reject(new Error("I trip later")),
  });
  assert.deepEqual(rejects.state, STATE);
});

Deno.test("cdn() refuses what it cannot work with", () => {
  const store = memoryStore();
  const wrong: Partial<CdnOptions>[] = [
    { baseUrl: "cdn.example" },
    { baseUrl: "ftp://cdn.example" },
    { baseUrl: "https://cdn.example/?x" },
    { baseUrl: "https://user:secret@cdn.example" },
    { baseUrl: undefined as never },
    { timeout: 0 },
    { maxBytes: 0.5 },
    { maxFailures: 0 },
    { rest: -1 },
    { prefix: "a/../b" },
  ];
  for (const options of wrong) {
    assert.throws(() => cdn(store, { baseUrl: "https://cdn.example", ...options }), (error) => {
      assert(error instanceof InvalidInputError);
      assert(!error.message.includes("secret"));
      return true;
    }, JSON.stringify(options));
  }
});

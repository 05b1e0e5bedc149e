import {
  aesGcm,
  cached,
  type ChunkCacheOutcome,
  InvalidInputError,
  localKeys,
  memoryStore,
  type ObjectStore,
  type ResponseCache,
  S3Checkpointer,
  workersCache,
} from "@cairn/checkpoint";
import { countingStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { getBytes, listKeys } from "../../src/store/body.ts";

const STATE = { step: 1, log: Array.from({ length: 30_000 }, (_, at) => `stone ${at}`) };
const BASE = "https://worker.example.com/chunks/";

/** The Cache API as it is told of: what is put is read to its end, each match gives a body of its own. */
function playedCache() {
  const kept = new Map<string, { bytes: Uint8Array<ArrayBuffer>; headers: Headers }>();
  const cache: ResponseCache = {
    match(url) {
      const found = kept.get(url);
      return Promise.resolve(found && new Response(found.bytes, { headers: found.headers }));
    },
    async put(url, response) {
      const bytes = new Uint8Array(await response.arrayBuffer());
      kept.set(url, { bytes, headers: response.headers });
    },
  };
  return { kept, cache };
}

interface Layer {
  readonly over: (
    store: ObjectStore,
    options?: { encryption?: ReturnType<typeof sealing> },
  ) => ObjectStore;
  readonly outcomes: ChunkCacheOutcome[];
}

const LAYERS: Record<string, () => Layer> = {
  cached() {
    const outcomes: ChunkCacheOutcome[] = [];
    return {
      outcomes,
      over: (store, options) =>
        cached(store, { ...options, observe: (outcome) => outcomes.push(outcome) }),
    };
  },
  workersCache() {
    const outcomes: ChunkCacheOutcome[] = [];
    const { cache } = playedCache();
    const observe = (outcome: ChunkCacheOutcome) => outcomes.push(outcome);
    return {
      outcomes,
      over: (store, options) => workersCache(store, { cache, baseUrl: BASE, observe, ...options }),
    };
  },
};

function sealing() {
  return aesGcm({
    keys: localKeys({ current: "k", keys: { k: new Uint8Array(32).fill(7) } }),
  });
}

async function chunksOf(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of listKeys(store, "cairn/t/v/")) keys.push(key);
  return keys;
}

async function load(store: ObjectStore, options = {}): Promise<void> {
  const found = await new S3Checkpointer<typeof STATE>(store, options).load("t");
  assert.deepEqual(found?.state, STATE);
}

for (const [name, layer] of Object.entries(LAYERS)) {
  Deno.test(`${name}() gives a second checkpointer the chunks that the first has read`, async () => {
    const bucket = countingStore(memoryStore());
    await new S3Checkpointer(bucket).save("t", STATE);
    const chunks = await chunksOf(bucket);
    assert(chunks.length > 2);
    const { over, outcomes } = layer();
    const store = over(bucket);
    await load(store);
    assert.deepEqual(outcomes.splice(0), chunks.map(() => "miss"));
    bucket.reset();
    await load(store);
    assert.deepEqual(outcomes, chunks.map(() => "hit"));
    assert.equal(bucket.counts.get, 1); // the record
  });

  Deno.test(`${name}() with the checkpointers' encryption keeps sealed chunks, and opens each again`, async () => {
    const bucket = countingStore(memoryStore());
    const encryption = sealing();
    await new S3Checkpointer(bucket, { encryption }).save("t", STATE);
    const { over, outcomes } = layer();
    const store = over(bucket, { encryption });
    await load(store, { encryption });
    outcomes.splice(0);
    bucket.reset();
    await load(store, { encryption });
    assert(outcomes.every((outcome) => outcome === "hit"));
    assert.equal(bucket.counts.get, 1);

    const blind = layer();
    const unable = blind.over(bucket);
    await load(unable, { encryption });
    await load(unable, { encryption });
    assert(blind.outcomes.every((outcome) => outcome === "miss"));
  });

  Deno.test(`${name}() keeps no chunk that is not what its name says`, async () => {
    const bucket = memoryStore();
    await new S3Checkpointer(bucket).save("t", STATE);
    const [first, second] = await chunksOf(bucket);
    const right = (await getBytes(bucket, first!)).bytes;
    await bucket.put(first!, (await getBytes(bucket, second!)).bytes);
    const { over } = layer();
    const store = over(bucket);
    await assert.rejects(new S3Checkpointer(store).load("t"), { name: "CorruptError" });
    await bucket.put(first!, right); // healed by another hand
    await load(store);
  });

  Deno.test(`${name}() keeps nothing that may change, nor what is outside of its prefix`, async () => {
    const bucket = countingStore(memoryStore());
    const elsewhere = new S3Checkpointer(bucket, { prefix: "other/" });
    await elsewhere.save("t", STATE);
    await new S3Checkpointer(bucket).save("small", { step: 1 });
    const { over, outcomes } = layer();
    const store = over(bucket);
    await new S3Checkpointer(store, { prefix: "other/" }).load("t");
    const small = new S3Checkpointer<{ step: number }>(store);
    await small.load("small");
    await new S3Checkpointer(bucket).save("small", { step: 2 });
    assert.equal((await small.load("small"))?.state.step, 2);
    assert.deepEqual(outcomes, []);
  });

  Deno.test(`${name}() leaves a part, a version and a condition to the store`, async () => {
    const bucket = memoryStore();
    await new S3Checkpointer(bucket).save("t", STATE);
    const [key] = await chunksOf(bucket);
    const { over, outcomes } = layer();
    const store = over(bucket);
    const { info, bytes } = await getBytes(store, key!);
    assert.deepEqual(outcomes.splice(0), ["miss"]);
    const part = await getBytes(store, key!, { range: { start: 1, end: 5 } });
    assert.deepEqual(part.bytes, bytes.slice(1, 5));
    assert.deepEqual((await getBytes(store, key!, { ifMatch: info.etag })).bytes, bytes);
    await assert.rejects(store.get(key!, { ifMatch: "another" }), {
      name: "PreconditionFailedError",
    });
    assert.deepEqual(outcomes, []);
  });

  Deno.test(`${name}() gives each reader bytes of its own, and the store's own size and ETag`, async () => {
    const bucket = memoryStore();
    await new S3Checkpointer(bucket).save("t", STATE);
    const [key] = await chunksOf(bucket);
    const { over } = layer();
    const store = over(bucket);
    const first = await getBytes(store, key!);
    first.bytes.fill(0);
    const second = await getBytes(store, key!);
    second.bytes.fill(0);
    const third = await getBytes(store, key!);
    assert.deepEqual(third.bytes, (await getBytes(bucket, key!)).bytes);
    const { size, etag } = await bucket.head(key!);
    assert.deepEqual([third.info.size, third.info.etag], [size, etag]);
  });

  Deno.test(`${name}() heeds a signal before it looks, and throws what the store throws`, async () => {
    const bucket = memoryStore();
    await new S3Checkpointer(bucket).save("t", STATE);
    const [key] = await chunksOf(bucket);
    const store = layer().over(bucket);
    const reason = new Error("enough");
    await getBytes(store, key!);
    await assert.rejects(
      store.get(key!, { signal: AbortSignal.abort(reason) }),
      (e) => e === reason,
    );
    const absent = key!.slice(0, -64) + "0".repeat(64);
    await assert.rejects(store.get(absent), { name: "NotFoundError" });
  });

  Deno.test(`${name}() is not disturbed by who looks on`, async () => {
    const bucket = memoryStore();
    await new S3Checkpointer(bucket).save("t", STATE);
    const { cache } = playedCache();
    for (
      const observe of [
        () => {
          throw new Error("of no concern");
        },
        () => Promise.reject(new Error("of no concern")),
      ]
    ) {
      await load(
        name === "cached"
          ? cached(bucket, { observe })
          : workersCache(bucket, { cache, baseUrl: BASE, observe }),
      );
    }
  });
}

Deno.test("cached() holds no more than its bytes, the least recently used going first", async () => {
  const bucket = countingStore(memoryStore());
  await new S3Checkpointer(bucket).save("t", STATE);
  const [a, b, c] = await chunksOf(bucket);
  const sizes = await Promise.all([a, b, c].map(async (key) => (await bucket.head(key!)).size));
  const store = cached(bucket, { bytes: sizes[0]! + Math.max(sizes[1]!, sizes[2]!) });
  const asked = async (key: string) => {
    bucket.reset();
    await getBytes(store, key);
    return bucket.counts.get;
  };
  assert.equal(await asked(a!), 1);
  assert.equal(await asked(b!), 1);
  assert.equal(await asked(a!), 0);
  assert.equal(await asked(c!), 1);
  assert.equal(await asked(a!), 0);
  assert.equal(await asked(b!), 1);
  const none = cached(bucket, { bytes: 0 });
  await getBytes(none, a!);
  bucket.reset();
  await getBytes(none, a!);
  assert.equal(bucket.counts.get, 1);
});

Deno.test("cached() forgets what is written, copied over or deleted through it", async () => {
  const bucket = countingStore(memoryStore());
  await new S3Checkpointer(bucket).save("t", STATE);
  const [key] = await chunksOf(bucket);
  const store = cached(bucket);
  const { bytes } = await getBytes(store, key!);
  const asked = async () => {
    bucket.reset();
    await getBytes(store, key!);
    return bucket.counts.get;
  };
  assert.equal(await asked(), 0);
  await store.put(key!, bytes);
  assert.equal(await asked(), 1);
  await store.copy(key!, key! + ".copy");
  assert.equal(await asked(), 0);
  await store.copy(key! + ".copy", key!);
  assert.equal(await asked(), 1);
  await store.delete([key!]);
  await assert.rejects(getBytes(store, key!), { name: "NotFoundError" });
});

Deno.test("workersCache() keeps chunks under their own URLs, for as long as it is told", async () => {
  const bucket = memoryStore();
  await new S3Checkpointer(bucket).save("t", STATE);
  const { cache, kept } = playedCache();
  await load(workersCache(bucket, { cache, baseUrl: BASE.slice(0, -1), maxAge: 60 }));
  const chunks = await chunksOf(bucket);
  assert.deepEqual([...kept.keys()].sort(), chunks.map((key) => BASE + key));
  for (const { headers } of kept.values()) {
    assert.equal(headers.get("cache-control"), "max-age=60");
    assert.equal(headers.get("content-type"), "application/octet-stream");
  }
});

const WRONG: Record<string, (cache: ResponseCache) => ResponseCache> = {
  "cannot be read": (cache) => ({ ...cache, match: () => Promise.reject(new Error("no")) }),
  "cannot be written": (cache) => ({ ...cache, put: () => Promise.reject(new Error("no")) }),
  "says no ETag": (cache) => ({ ...cache, match: () => Promise.resolve(new Response("x")) }),
  "gives another's": (cache) => ({
    ...cache,
    match: () =>
      Promise.resolve(
        new Response("x", {
          headers: { etag: '"e"', "last-modified": new Date().toUTCString() },
        }),
      ),
  }),
  "gives more than a chunk may have": (cache) => ({
    ...cache,
    match: () => Promise.resolve(new Response(new Uint8Array(3 * 1024 * 1024))),
  }),
};

for (const [what, change] of Object.entries(WRONG)) {
  Deno.test(`workersCache() asks the store where the cache ${what}`, async () => {
    const bucket = memoryStore();
    await new S3Checkpointer(bucket).save("t", STATE);
    const cache = change(playedCache().cache);
    const outcomes: ChunkCacheOutcome[] = [];
    const observe = (outcome: ChunkCacheOutcome) => outcomes.push(outcome);
    const maxBytes = 2 * 1024 * 1024;
    const store = workersCache(bucket, { cache, baseUrl: BASE, observe, maxBytes });
    await load(store);
    await load(store);
    assert(outcomes.length > 0 && !outcomes.includes("hit"));
  });
}

Deno.test("workersCache() with waitUntil reads on while a chunk is kept", async () => {
  const bucket = memoryStore();
  await new S3Checkpointer(bucket).save("t", STATE);
  const { cache, kept } = playedCache();
  const go = Promise.withResolvers<void>();
  const slow: ResponseCache = {
    ...cache,
    put: async (...args) => {
      await go.promise;
      await cache.put(...args);
    },
  };
  const work: Promise<unknown>[] = [];
  const waitUntil = (promise: Promise<unknown>) => void work.push(promise);
  await load(workersCache(bucket, { cache: slow, baseUrl: BASE, waitUntil }));
  assert.equal(kept.size, 0);
  go.resolve();
  await Promise.all(work);
  assert.equal(kept.size, (await chunksOf(bucket)).length);
});

Deno.test("cached() and workersCache() refuse what they cannot work with, and show no password", () => {
  const store = memoryStore();
  const { cache } = playedCache();
  for (const bytes of [-1, 1.5, NaN]) {
    assert.throws(() => cached(store, { bytes }), InvalidInputError);
  }
  assert.throws(() => cached(store, { maxBytes: 0 }), InvalidInputError);
  for (const baseUrl of ["", "chunks", "ftp://a/", "https://a/?b", "https://a/#b"]) {
    assert.throws(() => workersCache(store, { cache, baseUrl }), InvalidInputError);
  }
  assert.throws(
    () => workersCache(store, { cache, baseUrl: "https://me:secret@a/" }),
    (error: Error) => error instanceof InvalidInputError && !error.message.includes("secret"),
  );
  assert.throws(() => workersCache(store, { cache, baseUrl: BASE, maxAge: 0 }), InvalidInputError);
  const none = undefined as unknown as ResponseCache;
  assert.throws(() => workersCache(store, { cache: none, baseUrl: BASE }), /caches\.open/);
});

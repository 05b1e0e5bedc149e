/** Runs conformance cases inside workerd, on the binding: `GET /<layer>/<index>`, and what else is asked of a Worker. */
import { type ObjectStore, prefixed, S3Checkpointer, workersCache } from "../../mod.ts";
import { type R2Bucket, r2Store } from "../../src/r2/mod.ts";
import { openRequests } from "../../src/store/open_requests.ts";
import { conformanceCases } from "../../src/testing/mod.ts";

/** The global cache, which the DOM's types do not know. */
const theirs = caches as CacheStorage & { readonly default: Cache };
const BASE = "http://worker/chunks";

/** Saves a state and loads it by three processes, the third after somebody has altered the cache. */
async function cacheRuns(bucket: ObjectStore): Promise<unknown> {
  const outcomes: string[] = [];
  const work: Promise<unknown>[] = [];
  const store = workersCache(bucket, {
    cache: theirs.default,
    baseUrl: BASE,
    observe: (outcome) => outcomes.push(outcome),
    waitUntil: (promise) => work.push(promise),
  });
  const thread = crypto.randomUUID();
  const state = Array.from({ length: 40_000 }, () => Math.random().toString(36)).join(" ");
  await new S3Checkpointer(store).save(thread, { state });
  const runs: string[][] = [];
  const load = async () => {
    const found = await new S3Checkpointer<{ state: string }>(store).load(thread);
    if (found?.state.state !== state) throw new Error("another state");
    await Promise.all(work);
    runs.push(outcomes.splice(0));
  };
  await load();
  await load();
  for await (const { objects } of bucket.list({ prefix: `cairn/${thread}/v/` })) {
    for (const { key } of objects) {
      const headers = {
        etag: '"e"',
        "last-modified": new Date().toUTCString(),
        "cache-control": "max-age=60",
      };
      const url = `${BASE}/${key.split("/").map(encodeURIComponent).join("/")}`;
      await theirs.default.put(url, new Response("somebody's", { headers }));
    }
  }
  await load();
  return runs;
}

/** What is known of a copy of an object with all that R2 keeps beside the bytes, and of the least it may be. */
async function copies(bucket: R2Bucket): Promise<unknown> {
  const store = r2Store(bucket, { multipartThreshold: 8 });
  await bucket.put("from", new Uint8Array(9), {
    httpMetadata: {
      contentType: "text/plain",
      contentLanguage: "fr",
      cacheControl: "no-store",
      cacheExpiry: new Date(0),
    },
    customMetadata: { owner: "é" },
  });
  await bucket.put("plain", new Uint8Array(1));
  await store.copy("from", "in parts");
  await store.copy("from", "at once", { precondition: "create" });
  await store.copy("plain", "as plain");
  return await Promise.all(["in parts", "at once", "as plain"].map(async (key) => {
    const { size, httpMetadata, customMetadata } = (await bucket.head(key))!;
    return { size, httpMetadata, customMetadata };
  }));
}

const LAYERS: Record<string, { taken: number; over(store: ObjectStore): ObjectStore }> = {
  plain: { taken: 0, over: (store) => store },
  workersCache: {
    taken: 0,
    over: (store) => workersCache(store, { cache: theirs.default, baseUrl: BASE }),
  },
  prefixed: { taken: 10, over: (store) => prefixed(store, "staging/é") },
};

export default {
  async fetch(request: Request, env: { BUCKET: R2Bucket }): Promise<Response> {
    const [, layer = "", index = ""] = new URL(request.url).pathname.split("/");
    if (layer === "open") return Response.json(openRequests());
    if (layer === "copies") return Response.json(await copies(env.BUCKET));
    if (layer === "cache") return Response.json(await cacheRuns(r2Store(env.BUCKET)));
    const { taken, over } = LAYERS[layer]!;
    const prefix = `conformance/${crypto.randomUUID()}/`;
    try {
      const store = over(r2Store(env.BUCKET));
      await conformanceCases[Number(index)]!.run(store, { prefix, maxKeyBytes: 1024 - taken });
      return new Response("passed");
    } catch (error) {
      return new Response((error as Error).stack ?? String(error), { status: 500 });
    }
  },
};

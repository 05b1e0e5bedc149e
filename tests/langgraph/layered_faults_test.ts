/** Random histories in which requests fail, with two processes whose layers hold what the bucket may have lost. */
import assert from "node:assert/strict";
import {
  AccessError,
  aesGcm,
  breaker,
  cached,
  cdn,
  type Encryption,
  localKeys,
  memoryStore,
  type ObjectStore,
  prefixed,
  rewrap,
  spread,
  threadKeys,
  UnavailableError,
  workersCache,
} from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import fc from "fast-check";
import { etagsOfBytes, keysOf, noise, unordered } from "../checkpoint/_stores.ts";
import { checkpoint, metadata } from "./_case.ts";
import { configOf } from "./_contest.ts";
import { layeredHistories } from "./_histories.ts";
import { newTally, type Setting, TroubledContest } from "./_troubled_contest.ts";

const HOUR = 60 * 60 * 1000;

/** A Worker's cache that keeps all for ever, deleted or not, and fails each seventh time. */
function hoarder() {
  const kept = new Map<string, Response>();
  let count = 0;
  const fails = () => ++count % 7 === 0;
  return {
    match: (url: string) =>
      fails() ? Promise.reject(new Error("no cache")) : Promise.resolve(kept.get(url)?.clone()),
    // deno-lint-ignore require-await -- as the Cache API has it
    put: async (url: string, response: Response) => {
      if (fails()) throw new Error("no cache");
      kept.set(url, response);
    },
  };
}

/** What fetches from a CDN that keeps all for ever. */
function edgeOf(bucket: ObjectStore): typeof globalThis.fetch {
  const kept = new Map<string, Response>();
  return async (url) => {
    const key = new URL(`${url}`).pathname.slice(1);
    if (!kept.has(key)) {
      const answer = await bucket.get(key).catch(() => undefined);
      if (answer === undefined) return new Response("none", { status: 404 });
      const headers = {
        etag: `"${answer.info.etag}"`,
        "last-modified": answer.info.lastModified.toUTCString(),
      };
      kept.set(key, new Response(answer.body, { headers }));
    }
    return kept.get(key)!.clone();
  };
}

/** A bucket in which an ETag tells what an object holds, and nothing of when it was put there. */
const bucket = () => etagsOfBytes(memoryStore());

const SETTINGS: Record<string, () => Setting> = {
  "a cache in memory for each": () => ({ store: bucket(), layer: (store) => cached(store) }),
  "one cache in memory for both, that is soon full": () => {
    const shared = { current: memoryStore() as ObjectStore };
    const through = cached(forwarding(shared), { bytes: 70_000 });
    return {
      store: bucket(),
      layer: (store) => ({
        ...forwarding({ current: store }),
        get: (key, options) => {
          shared.current = store;
          return through.get(key, options);
        },
      }),
    };
  },
  "a Worker's cache": () => {
    const options = { cache: hoarder(), baseUrl: "https://worker.example.com" };
    return { store: bucket(), layer: (store) => workersCache(store, options) };
  },
  "a CDN": () => {
    const store = bucket();
    const options = { baseUrl: "https://cdn.example.com", fetch: edgeOf(store) };
    return { store, layer: (store) => cdn(store, options) };
  },
  "threads spread over folders of a part of a bucket that lists in no order": () => ({
    store: prefixed(unordered(bucket(), 5), "part/"),
    layer: (store) => cached(store),
    options: () => ({ spread: spread(16) }),
  }),
  "a breaker": () => {
    let now = 0;
    const settings = { threshold: 1, rest: 6 };
    return {
      store: bucket(),
      layer: (store) => breaker(store, settings, { now: () => now++ }),
      refuses: (error) => error instanceof UnavailableError && error.code === "CircuitOpen",
    };
  },
  "keys that are rotated, in caches of all sorts": () => {
    const cache = hoarder();
    let phase = 0;
    /** The keys that a process was given when it began. */
    const ring = (process?: number) => {
      const turn = Math.floor(phase / 4);
      const current = turn + (phase % 4 > (process ?? 0) ? 1 : 0);
      const ids = phase % 4 === 0 ? [turn] : [turn, turn + 1];
      const keys = Object.fromEntries(ids.map((id) => [id, new Uint8Array(32).fill(id + 1)]));
      return localKeys({ current: `${current}`, keys });
    };
    const encryptions: Encryption[] = [];
    const begin = (process: number) => encryptions[process] = aesGcm({ keys: ring(process) });
    return {
      store: bucket(),
      layer(store, process) {
        const encryption = begin(process);
        const baseUrl = "https://worker.example.com";
        return cached(workersCache(store, { cache, baseUrl, encryption }), { encryption });
      },
      options: (process) => ({
        encryption: process === undefined ? aesGcm({ keys: ring() }) : encryptions[process]!,
      }),
      async care(world, process) {
        phase++;
        // Both have the new key; then it is the current one of each; then the old one goes.
        if (phase % 4 === 3) {
          await world.write(process, (store) => rewrap(store, { keys: ring(1) }));
        } else for (const each of [0, 1]) world.restart(each);
      },
    };
  },
  "keys of single threads that are erased": () => {
    const kept = memoryStore();
    const provider = localKeys({ current: "1", keys: { "1": new Uint8Array(32).fill(1) } });
    let now = Date.UTC(2026, 0, 1);
    const begin = () => {
      const keys = threadKeys({ provider, store: kept });
      return { keys, encryption: aesGcm({ keys, cacheAge: HOUR }, { now: () => now }) };
    };
    const processes: ReturnType<typeof begin>[] = [];
    return {
      store: bucket(),
      layer(store, process) {
        const { encryption } = processes[process] = begin();
        return cached(store, { encryption });
      },
      options: (process) => ({ encryption: (processes[process!] ?? begin()).encryption }),
      // deno-lint-ignore require-await -- as care is
      async care(_, process, thread) {
        return async () => {
          await processes[process]!.keys.forget(thread);
          now += 2 * HOUR; // the other process has to ask for it again
        };
      },
      // The first write of a process that had the thread's key tells that it is gone.
      refuses: (error) => error instanceof AccessError && error.code === "KeyErased",
    };
  },
};

/** A store that is now this one, and now another. */
function forwarding(to: { current: ObjectStore }): ObjectStore {
  return {
    get name() {
      return to.current.name;
    },
    get capabilities() {
      return to.current.capabilities;
    },
    put: (...args) => to.current.put(...args),
    get: (...args) => to.current.get(...args),
    head: (...args) => to.current.head(...args),
    list: (...args) => to.current.list(...args),
    delete: (...args) => to.current.delete(...args),
    copy: (...args) => to.current.copy(...args),
    presign: (...args) => to.current.presign(...args),
  };
}

for (const [name, setting] of Object.entries(SETTINGS)) {
  Deno.test(`S3Saver over ${name} loses nothing whichever request fails, and builds on nothing that is gone`, async () => {
    const tally = newTally();
    await fc.assert(
      fc.asyncProperty(
        layeredHistories,
        (history) => new TroubledContest(history, tally, setting()).play(),
      ),
      { numRuns: 30, seed: 20_260_111 },
    );
    const failed = tally.alive + tally.dead + tally.cancelled;
    assert(failed > 35 && tally.dead > 8, JSON.stringify(tally));
    if (setting().refuses) assert(tally.refused > 3, JSON.stringify(tally));
  });
}

Deno.test("A chunk that a cache has, and the bucket no more, is sent again", async () => {
  const baseUrl = "https://cache.example.com";
  const layers: ((bucket: ObjectStore) => ObjectStore)[] = [
    (bucket) => cached(bucket),
    (bucket) => workersCache(bucket, { cache: hoarder(), baseUrl }),
    (bucket) => cdn(bucket, { baseUrl, fetch: edgeOf(bucket) }),
  ];
  const big = { log: noise(200_000, 3) };
  for (const layer of layers) {
    const store = bucket();
    const [here, elsewhere] = [new S3Saver({ store: layer(store) }), new S3Saver({ store })];
    const put = async (saver: S3Saver, id: string, parent: string | undefined, values: object) => {
      const versions = Object.fromEntries(Object.keys(values).map((name) => [name, Number(id)]));
      const next = checkpoint(id, { ...values }, versions);
      await saver.put(configOf("t", "", parent), next, metadata({ step: 1, run_id: id }), versions);
    };
    const read = async (saver: S3Saver, id: string) =>
      (await saver.getTuple(configOf("t", "", id)))?.checkpoint.channel_values;

    await put(here, "1", undefined, { small: 1 });
    await put(elsewhere, "2", "1", big);
    assert.deepEqual(await read(here, "2"), big);
    await elsewhere.deleteForRuns(["2"]);
    await elsewhere.prune(["t"], { grace: 0 });
    assert.deepEqual((await keysOf(store)).filter((key) => key.includes("/v/")), []);
    await put(here, "3", "1", big);
    assert.deepEqual(await read(elsewhere, "3"), big);
  }
});

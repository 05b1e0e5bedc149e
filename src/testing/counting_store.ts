import { watched } from "../store/_watch.ts";
import { isStream } from "../store/body.ts";
import type { ObjectStore } from "../store/store.ts";

/** What a store was asked for. A request is what S3 would count, and bill, as one. */
export interface RequestCounts {
  /** Objects written. */
  put: number;
  /** Objects read, whole or in part. */
  get: number;
  /** Objects asked about. */
  head: number;
  /** Pages listed; an empty listing is one. */
  list: number;
  /** Batches of up to 1,000 keys deleted. */
  delete: number;
  /** Objects copied. */
  copy: number;
  /** URLs made; no request goes out for them. */
  presign: number;
  /** Bytes of the bodies that were put. */
  bytesWritten: number;
  /** Bytes of the bodies that were read. */
  bytesRead: number;
  /** The most requests that were open at once. */
  maxOpen: number;
  /** The round trips in a row; 0 unless they are counted. */
  roundTrips: number;
}

/** Options of a counting store. */
export interface CountingStoreOptions {
  /**
   * Counts round trips in a row: each request is held until no other one has
   * come for so many milliseconds, then all that are held go at once, and that
   * is one round trip. Longer than any pause for computing between requests
   * that belong together. @default 0, which neither holds nor counts
   */
  readonly quiet?: number | undefined;
}

/** A store that counts, with its counts. */
export interface CountingStore extends ObjectStore {
  /** The counts since the last reset. */
  readonly counts: Readonly<RequestCounts>;
  /** The requests of all kinds since the last reset. */
  readonly requests: number;
  /** Sets every count to 0. */
  reset(): void;
}

/** The most keys of one DeleteObjects. */
const DELETE_BATCH = 1_000;

/**
 * A store that counts what another one is asked for: a budget of requests and
 * of round trips can be held in a test, where a budget of milliseconds cannot.
 *
 * @example
 * ```ts
 * import { countingStore } from "@cairn/checkpoint/testing";
 * import { memoryStore } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const store = countingStore(memoryStore(), { quiet: 20 });
 * await Promise.all([store.put("a", new Uint8Array(1)), store.put("b", new Uint8Array(2))]);
 * await store.head("a");
 * assert.equal(store.counts.put, 2);
 * assert.equal(store.counts.bytesWritten, 3);
 * assert.equal(store.requests, 3);
 * assert.equal(store.counts.roundTrips, 2); // the two puts at once, then the head
 * ```
 */
export function countingStore(
  store: ObjectStore,
  { quiet = 0 }: CountingStoreOptions = {},
): CountingStore {
  let counts = noCounts();
  let open = 0;
  const hold = quiet > 0 ? holdUntilQuiet(quiet, () => counts.roundTrips++) : undefined;

  async function request<T>(
    kind: "put" | "get" | "head" | "list" | "delete" | "copy",
    operation: () => Promise<T>,
    times = 1,
  ): Promise<T> {
    counts[kind] += times;
    counts.maxOpen = Math.max(counts.maxOpen, ++open);
    try {
      await hold?.();
      return await operation();
    } finally {
      open--;
    }
  }

  const written = (piece: Uint8Array) => {
    counts.bytesWritten += piece.length;
  };
  const read = (piece: Uint8Array) => {
    counts.bytesRead += piece.length;
  };

  return {
    get name() {
      return store.name;
    },
    get capabilities() {
      return store.capabilities;
    },
    get counts() {
      return counts;
    },
    get requests() {
      const { put, get, head, list, delete: deletes, copy } = counts;
      return put + get + head + list + deletes + copy;
    },
    reset: () => void (counts = noCounts()),
    put: (key, body, options) =>
      request("put", () => {
        if (isStream(body)) return store.put(key, watched(body, { piece: written }), options);
        written(body);
        return store.put(key, body, options);
      }),
    async get(key, options) {
      const { info, body } = await request("get", () => store.get(key, options));
      return { info, body: watched(body, { piece: read }) };
    },
    head: (key, options) => request("head", () => store.head(key, options)),
    async *list(options) {
      const pages = store.list(options)[Symbol.asyncIterator]();
      try {
        let next = await request("list", () => pages.next());
        while (!next.done) {
          yield next.value;
          const following = await pages.next();
          // Only now is it known that there was something to ask for.
          next = following.done
            ? following
            : await request("list", () => Promise.resolve(following));
        }
      } finally {
        await pages.return?.();
      }
    },
    delete: (keys, options) =>
      request("delete", () => store.delete(keys, options), Math.ceil(keys.length / DELETE_BATCH)),
    copy: (from, to, options) => request("copy", () => store.copy(from, to, options)),
    presign: (key, options) => {
      counts.presign++;
      return store.presign(key, options);
    },
  };
}

function noCounts(): RequestCounts {
  return {
    put: 0,
    get: 0,
    head: 0,
    list: 0,
    delete: 0,
    copy: 0,
    presign: 0,
    bytesWritten: 0,
    bytesRead: 0,
    maxOpen: 0,
    roundTrips: 0,
  };
}

/** Holds whoever comes until nobody else has come for a while. */
function holdUntilQuiet(quiet: number, onRelease: () => void): () => Promise<void> {
  let held: (() => void)[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const release = () => {
    onRelease();
    const all = held;
    held = [];
    for (const resolve of all) resolve();
  };
  return () =>
    new Promise((resolve) => {
      held.push(resolve);
      clearTimeout(timer);
      timer = setTimeout(release, quiet);
    });
}

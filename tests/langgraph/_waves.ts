/** Counts a store's requests, and how many of them had to wait for one another. */
import type { ListPage, ObjectStore } from "@cairn/checkpoint";

/** How many requests there were of each kind. */
export type Requests = Readonly<Record<string, number>>;

/** What an operation cost. */
export interface Cost {
  /** The requests by kind; a page of a listing is one, and so is a thousand deletions. */
  readonly requests: Requests;
  /** Round trips in a row. */
  readonly trips: number;
}

/**
 * A store where time passes in waves: a request is answered only once nothing
 * else can happen without an answer, and then all that wait are answered at
 * once. So the waves are the round trips in a row, however slow the machine.
 */
export function waveStore(store: ObjectStore): {
  readonly store: ObjectStore;
  /** Runs an operation and tells what it cost. */
  measure(operation: () => Promise<unknown>): Promise<Cost>;
} {
  let requests: Record<string, number> = {};
  let trips = 0;
  let arrivals = 0;
  let waiting: (() => void)[] = [];

  const turn = (kind: string, count = 1) => {
    requests[kind] = (requests[kind] ?? 0) + count;
    arrivals++;
    if (waiting.length === 0) void release();
    return new Promise<void>((resolve) => waiting.push(resolve));
  };
  const release = async () => {
    for (let seen = -1; seen !== arrivals || digesting > 0;) {
      seen = arrivals;
      // All that follows from the last answers runs in these turns, digests apart.
      for (let turns = 0; turns < 3; turns++) await new Promise((next) => setTimeout(next));
    }
    trips++;
    const answered = waiting;
    waiting = [];
    for (const answer of answered) answer();
  };
  async function* list(...args: Parameters<ObjectStore["list"]>): AsyncGenerator<ListPage, void> {
    const pages = store.list(...args)[Symbol.asyncIterator]();
    await turn("LIST");
    for (let page = await pages.next(); !page.done;) {
      const next = await pages.next();
      yield page.value;
      if (!next.done) await turn("LIST");
      page = next;
    }
  }

  return {
    store: {
      name: store.name,
      capabilities: store.capabilities,
      list,
      put: (...args) => turn("PUT").then(() => store.put(...args)),
      get: (...args) => turn("GET").then(() => store.get(...args)),
      head: (...args) => turn("HEAD").then(() => store.head(...args)),
      copy: (...args) => turn("COPY").then(() => store.copy(...args)),
      presign: (...args) => turn("presign").then(() => store.presign(...args)),
      delete: (keys, ...rest) =>
        turn("DELETE", Math.ceil(keys.length / 1000)).then(() => store.delete(keys, ...rest)),
    },
    async measure(operation) {
      requests = {};
      trips = 0;
      const release = watchDigests();
      try {
        await operation();
      } finally {
        release();
      }
      return { requests, trips };
    },
  };
}

/** Digests and signatures run outside the event loop's turns. */
let digesting = 0;

function watchDigests(): () => void {
  const subtle = crypto.subtle as unknown as Record<string, (...args: unknown[]) => unknown>;
  const names = ["digest", "importKey", "sign"] as const;
  for (const name of names) {
    const theirs = subtle[name]!;
    subtle[name] = async (...args) => {
      digesting++;
      try {
        return await theirs.apply(subtle, args);
      } finally {
        digesting--;
      }
    };
  }
  // Their own stand on the prototype.
  return () => names.forEach((name) => delete subtle[name]);
}

import assert from "node:assert/strict";
import { expireAfter, type ObjectStore, type Ttl } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { configOf } from "./_contest.ts";
import { checkpointOf, idOf, longThread, metadataOf, SNAPSHOT_EVERY, THREAD } from "./_threads.ts";
import { type Cost, waveStore } from "./_waves.ts";

/** A text that does not repeat itself, of so many bytes in JSON. */
function text(bytes: number, seed = 0): string {
  let whole = "";
  for (let line = 0; whole.length < bytes; line++) whole += `${seed} ${line} `.padEnd(16, ".");
  return whole.slice(0, bytes - 2);
}

/** Two processes on one thread: one at work on a store that counts, and one that begins anew. */
async function thread(count: number, ttl: Ttl | undefined) {
  const inner = await shared(count, ttl);
  const { store, measure } = waveStore(inner);
  // Without bounds, so that only what waits for an answer is in a row, not what waits for its turn.
  const start = (on: ObjectStore) =>
    new S3Saver({ store: on, compression: "none", maxOpenRequests: 10_000, ttl });
  return { measure, saver: start(store), cold: () => start(store), uncounted: start(inner) };
}

/** How many chunks the thread's large values have. */
async function chunksOf(count: number, ttl: Ttl | undefined): Promise<number> {
  let chunks = 0;
  for await (const { objects } of (await shared(count, ttl)).list()) {
    chunks += objects.filter(({ key }) => key.includes("/v/")).length;
  }
  return chunks;
}

const built = new Map<string, Promise<ObjectStore>>();
function shared(count: number, ttl: Ttl | undefined): Promise<ObjectStore> {
  const name = `${count} ${ttl?.days}`;
  if (!built.has(name)) built.set(name, longThread(count, ttl));
  return built.get(name)!;
}

const latest = configOf(THREAD, "");

for (
  const [count, ttl] of [[10], [10_000], [10, expireAfter({ days: 30 })], [
    5_000,
    expireAfter({ days: 30 }),
  ]] as const
) {
  const title = (what: string) =>
    `S3Saver, ${count.toLocaleString("en")} checkpoints${ttl ? " that end" : ""}: ${what}`;

  Deno.test(title("getTuple() of the latest is a LIST and its GETs, two trips"), async () => {
    const { measure, cold } = await thread(count, ttl);
    const cost = await measure(() => cold().getTuple(latest));
    assert.deepEqual(cost, { requests: { LIST: 1, GET: 2 }, trips: 2 });
  });

  Deno.test(
    title("getTuple() of the latest with the writes of fifty tasks is a second LIST, three trips"),
    async () => {
      const { measure, cold, uncounted } = await thread(count, ttl);
      const config = configOf(THREAD, `fan-out ${count}`);
      for (
        const [tasks, cost] of [[22, { LIST: 1, GET: 23 }], [50, { LIST: 2, GET: 51 }]] as const
      ) {
        const id = idOf(tasks);
        await uncounted.put(config, { ...checkpointOf(tasks), id }, metadataOf(tasks), {});
        for (let task = 0; task < tasks; task++) {
          const place = configOf(THREAD, `fan-out ${count}`, id);
          await uncounted.putWrites(place, [["log", task]], `task ${task}`);
        }
        const latest = await measure(() => cold().getTuple(config));
        assert.deepEqual(latest, { requests: cost, trips: 1 + cost.LIST });
        // By its id, only its own keys are listed.
        const named = await measure(() =>
          cold().getTuple(configOf(THREAD, `fan-out ${count}`, id))
        );
        assert.deepEqual(named, { requests: { LIST: 1, GET: 1 + tasks }, trips: 2 });
      }
    },
  );

  Deno.test(title("getTuple() of an id is a LIST and its GETs, two trips"), async () => {
    const { measure, cold } = await thread(count, ttl);
    const cost = await measure(() => cold().getTuple(configOf(THREAD, "", idOf(count >> 1))));
    assert.deepEqual(cost, { requests: { LIST: 1, GET: 2 }, trips: 2 });
  });

  Deno.test(title("list() of the ten newest is a LIST and their GETs, two trips"), async () => {
    const { measure, cold } = await thread(count, ttl);
    const cost = await measure(async () => {
      for await (const _ of cold().list(latest, { limit: 10 }));
    });
    assert.deepEqual(cost, { requests: { LIST: 1, GET: 10 * 2 }, trips: 2 });
  });

  Deno.test(title("list() of nine hundred is their GETs beside the LISTs"), async () => {
    const { measure, cold } = await thread(count, ttl);
    const limit = Math.min(count, 900), pages = Math.ceil(limit * 2 / 1_000);
    const cost = await measure(async () => {
      for await (const _ of cold().list(latest, { limit }));
    });
    assert.deepEqual(cost, { requests: { LIST: pages, GET: limit * 2 }, trips: 1 + pages });
  });

  Deno.test(title("list() of what this process holds is the LIST alone"), async () => {
    const { measure, cold } = await thread(count, ttl);
    const saver = cold();
    const list = async () => {
      for await (const _ of saver.list(latest, { limit: 10 }));
    };
    await measure(list);
    assert.deepEqual(await measure(list), { requests: { LIST: 1 }, trips: 1 });
  });

  Deno.test(title("list() that is left after the first has read few more"), async () => {
    const { measure, cold } = await thread(count, ttl);
    const cost = await measure(async () => {
      for await (const _ of cold().list(latest)) break;
    });
    assert.equal(cost.requests.LIST, 1);
    assert(cost.requests.GET! <= Math.min(count, 24) * 2, `${cost.requests.GET} GETs for one`);
  });

  Deno.test(title("list() before a checkpoint starts there"), async () => {
    const { measure, cold } = await thread(count, ttl);
    const before = configOf(THREAD, "", idOf(9));
    const cost = await measure(async () => {
      for await (const _ of cold().list(latest, { before, limit: 5 }));
    });
    assert.deepEqual(cost, { requests: { LIST: 1, GET: 5 * 2 }, trips: 2 });
  });

  Deno.test(title("list() of them all reads each key's page and each object once"), async () => {
    const { measure, cold } = await thread(count, ttl);
    let found = 0;
    const { requests } = await measure(async () => {
      for await (const _ of cold().list(latest)) found++;
    });
    assert.equal(found, count);
    assert.deepEqual(requests, { LIST: Math.ceil(count * 2 / 1000), GET: count * 2 });
  });

  Deno.test(
    title("getDeltaChannelHistory() is a LIST and the ancestors' GETs, two trips"),
    async () => {
      const { measure, cold } = await thread(count, ttl);
      // The ancestors that count are those since the channel was stored whole, that one too.
      const from = SNAPSHOT_EVERY - 1;
      const options = { config: configOf(THREAD, "", idOf(from)), channels: ["log"] };
      const saver = cold();
      const cost = await measure(() => saver.getDeltaChannelHistory(options));
      const target = 1;
      assert.deepEqual(cost, { requests: { LIST: 1, GET: target + from * 2 }, trips: 2 });
    },
  );

  Deno.test(
    title("getDeltaChannelHistory() reads no checkpoint older than the stored value"),
    async () => {
      const { measure, cold } = await thread(count, ttl);
      const newest = count - 1, needed = newest % SNAPSHOT_EVERY;
      assert(needed > 0);
      const saver = cold();
      await saver.getTuple(latest);
      const options = { config: configOf(THREAD, "", idOf(newest)), channels: ["log"] };
      const cost = await measure(() => saver.getDeltaChannelHistory(options));
      // The checkpoint itself is held already; the LIST tells the others' keys.
      assert.deepEqual(cost, { requests: { LIST: 1, GET: needed * 2 }, trips: 2 });
    },
  );

  Deno.test(title("getDeltaChannelHistory() of the latest finds it in the same LIST"), async () => {
    const { measure, cold } = await thread(count, ttl);
    const needed = (count - 1) % SNAPSHOT_EVERY;
    const options = { config: latest, channels: ["log"] };
    const cost = await measure(() => cold().getDeltaChannelHistory(options));
    assert.deepEqual(cost, { requests: { LIST: 1, GET: 1 + needed * 2 }, trips: 3 });
  });

  // What follows writes: each takes a thread of its own beside the long one, or goes on from its end.
  Deno.test(title("put() of a small state is one PUT, before and after a read"), async () => {
    const { measure, saver } = await thread(count, ttl);
    const place = "small put";
    const put = (number: number) =>
      saver.put(
        configOf(THREAD, place, number === 0 ? undefined : idOf(number - 1)),
        checkpointOf(number),
        metadataOf(number),
        { step: number + 1, log: number + 1 },
      );
    for (const number of [0, 1, 2]) {
      const cost = await measure(() => put(number));
      assert.deepEqual(cost, { requests: { PUT: 1 }, trips: 1 }, `put ${number}`);
    }
  });

  Deno.test(title("put() after a read of its parent in a new process is one PUT"), async () => {
    const { measure, cold, uncounted } = await thread(count, ttl);
    const place = "taken over";
    const first = checkpointOf(0, { note: "unchanged" });
    await uncounted.put(configOf(THREAD, place), first, metadataOf(0));
    const saver = cold();
    await measure(() => saver.getTuple(configOf(THREAD, place)));
    const next = checkpointOf(1, { note: "unchanged" });
    next.channel_versions.note = 1;
    const cost = await measure(() =>
      saver.put(configOf(THREAD, place, idOf(0)), next, metadataOf(1), { step: 2, log: 2 })
    );
    assert.deepEqual(cost, { requests: { PUT: 1 }, trips: 1 });
  });

  Deno.test(title("a large state is sent and read by chunks, each once"), async () => {
    const { measure, saver, cold } = await thread(count, ttl);
    const config = configOf(THREAD, "large");
    const first = checkpointOf(0, { big: text(500_000) });
    const put = await measure(() => saver.put(config, first, metadataOf(0), { big: 1 }));
    const chunks = await chunksOf(count, ttl);
    assert(chunks > 1);
    assert.deepEqual(put, { requests: { PUT: chunks + 1 }, trips: 2 });

    const own = await measure(() => saver.getTuple(config));
    assert.deepEqual(own, { requests: { LIST: 1 }, trips: 1 });

    const read = await measure(() => cold().getTuple(config));
    assert.deepEqual(read, { requests: { LIST: 1, GET: 1 + chunks }, trips: 3 });

    // It ends otherwise; what it begins with is there already.
    const grown = checkpointOf(1, { big: text(400_000) + text(100_000, 1) });
    const again = await measure(() =>
      saver.put(configOf(THREAD, "large", idOf(0)), grown, metadataOf(1), { big: 2, step: 2 })
    );
    const fresh = await chunksOf(count, ttl) - chunks;
    assert(fresh > 0 && fresh < chunks);
    assert.deepEqual(again, { requests: { PUT: fresh + 1 }, trips: 2 });
  });

  Deno.test(title("putWrites() is a PUT, two where special writes mix in"), async () => {
    const { measure, saver } = await thread(count, ttl);
    await measure(() => saver.put(configOf(THREAD, "writes"), checkpointOf(0), metadataOf(0), {}));
    const config = configOf(THREAD, "writes", idOf(0));
    const costs: Cost[] = [
      await measure(() => saver.putWrites(config, [["log", 1], ["step", 2]], "regular")),
      await measure(() => saver.putWrites(config, [["__interrupt__", 1]], "special")),
      await measure(() => saver.putWrites(config, [["log", 1], ["__resume__", 2]], "mixed")),
    ];
    assert.deepEqual(costs, [
      { requests: { PUT: 1 }, trips: 1 },
      { requests: { PUT: 1 }, trips: 1 },
      { requests: { PUT: 2 }, trips: 1 },
    ]);
  });

  Deno.test(
    title("putWrites() to a checkpoint of others asks how old it is, where it ends"),
    async () => {
      const { measure, saver, uncounted } = await thread(count, ttl);
      await uncounted.put(configOf(THREAD, "others"), checkpointOf(0), metadataOf(0), {});
      const write = (task: string) =>
        measure(() => saver.putWrites(configOf(THREAD, "others", idOf(0)), [["step", 1]], task));
      const asked = ttl === undefined ? {} : { GET: 1 };
      assert.deepEqual(await write("one"), { requests: { PUT: 1, ...asked }, trips: 1 });
      assert.deepEqual(await write("two"), { requests: { PUT: 1 }, trips: 1 });
    },
  );

  Deno.test(
    title("getTuple() after one's own put() and putWrites() is the LIST alone"),
    async () => {
      const { measure, saver, cold } = await thread(count, ttl);
      const config = configOf(THREAD, "own");
      await measure(() => saver.put(config, checkpointOf(0), metadataOf(0), {}));
      const place = configOf(THREAD, "own", idOf(0));
      await measure(() => saver.putWrites(place, [["log", 1], ["__resume__", 2]], "one"));
      await measure(() => saver.putWrites(place, [["log", 3]], "two"));
      for (const asked of [config, place]) {
        const cost = await measure(() => saver.getTuple(asked));
        assert.deepEqual(cost, { requests: { LIST: 1 }, trips: 1 });
      }
      const cost = await measure(() => cold().getTuple(config));
      assert.deepEqual(cost, { requests: { LIST: 1, GET: 1 + 3 }, trips: 2 });
    },
  );

  Deno.test(
    title("deleteThread() is a LIST and a DeleteObjects for each thousand keys"),
    async () => {
      const { measure, store, keys } = await doomed(count, ttl);
      const pages = Math.ceil(keys / 1000);
      const saver = new S3Saver({ store, compression: "none" });
      const cost = await measure(() => saver.deleteThread(THREAD));
      assert.deepEqual(cost, { requests: { LIST: pages, DELETE: pages }, trips: 2 * pages });
      assert.equal(await saver.getTuple(latest), undefined);
    },
  );
}

/** A thread that may be deleted: no other test reads it. */
async function doomed(count: number, ttl: Ttl | undefined) {
  return { ...waveStore(await longThread(count, ttl)), keys: count * 2 };
}

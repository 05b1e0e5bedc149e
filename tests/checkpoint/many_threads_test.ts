import { memoryStore, S3Checkpointer, spread } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { type CountingStore, countingStore } from "@cairn/checkpoint/testing";
import { emptyCheckpoint } from "@langchain/langgraph-checkpoint";
import assert from "node:assert/strict";

/** What a store is asked for, those kinds alone that it is asked for at all. */
async function requestsOf(store: CountingStore, work: () => Promise<unknown>) {
  store.reset();
  await work();
  const { counts } = store;
  const kinds = ["put", "get", "head", "list", "delete", "copy"] as const;
  return Object.fromEntries(
    kinds.filter((kind) => counts[kind] > 0).map((kind) => [kind, counts[kind]]),
  );
}

const names = (count: number) => Array.from({ length: count }, (_, at) => `thread-${at}`);

async function filled(count: number, state: (at: number) => unknown, options = {}) {
  const memory = memoryStore();
  const writer = new S3Checkpointer(memory, options);
  for (const [at, thread] of names(count).entries()) await writer.save(thread, state(at));
  const store = countingStore(memory);
  return { memory, store, reader: new S3Checkpointer(store, options) };
}

const long = "stone upon stone ".repeat(2_000);

Deno.test("threads() of 5,000 threads is five LISTs of folders, whatever is in them", async () => {
  const { memory, reader } = await filled(5_000, () => ({ step: 1 }));
  for (const at of [0, 17, 4_999]) {
    for (let more = 0; more < 30; more++) {
      const key = `cairn/thread-${at}/v/${String(more).padStart(64, "0")}`;
      await memory.put(key, new Uint8Array(1));
    }
  }
  let keys = 0;
  const store = countingStore({
    ...memory,
    async *list(options) {
      for await (const page of memory.list(options)) {
        keys += page.objects.length;
        yield page;
      }
    },
  });
  const counted = new S3Checkpointer(store);
  let found = 0;
  assert.deepEqual(
    await requestsOf(store, async () => {
      for await (const _ of counted.threads()) found++;
    }),
    { list: 5 },
  );
  assert.equal(found, 5_000);
  assert.equal(keys, 0);
  assert(reader);
});

Deno.test("list() over all threads is a LIST for each thousand keys, not one for each thread", async () => {
  const { store, reader } = await filled(2_500, () => ({ step: 1 }));
  const list = (limit?: number) => () => Array.fromAsync(reader.list({ limit }));
  assert.deepEqual(await requestsOf(store, list()), { list: 3, get: 2_500 });
  const fresh = new S3Checkpointer(store);
  const few = () => Array.fromAsync(fresh.list({ limit: 7 }));
  assert.deepEqual(await requestsOf(store, few), { list: 1, get: 7 });
});

Deno.test("list() over all threads with a spread is no more", async () => {
  const { store, reader } = await filled(2_500, () => ({ step: 1 }), { spread: spread(256) });
  const all = () => Array.fromAsync(reader.list());
  assert.deepEqual(await requestsOf(store, all), { list: 3, get: 2_500 });
});

Deno.test("list() over all threads passes over the chunks of a thread that has thousands", async () => {
  const { memory, store, reader } = await filled(3, (at) => ({ text: at + long }));
  for (let more = 0; more < 20_000; more++) {
    const hash = more.toString(16).padStart(64, "0");
    await memory.put(`cairn/thread-1/v/${hash}`, new Uint8Array(1));
  }
  const found: string[] = [];
  const { list } = await requestsOf(store, async () => {
    for await (const { thread } of reader.list()) found.push(thread);
  });
  assert.deepEqual(found, ["thread-0", "thread-1", "thread-2"]);
  // One that ends among the chunks, one after them, and one that finds nothing after the last thread's.
  assert.equal(list, 3);
});

Deno.test("list() over all threads gives each thread's, newest first over its namespaces, in the order of keys", async () => {
  const memory = memoryStore();
  const writer = new S3Checkpointer(memory);
  const ids = ["1", "2", "3", "4"];
  for (const thread of ["b", "a", "a/b", "~"]) {
    for (const id of ids) {
      await writer.save(thread, { text: id + long }, { id, namespace: id === "3" ? "sub" : "" });
    }
  }
  const reader = new S3Checkpointer(memory);
  const all = await Array.fromAsync(reader.list());
  const threads = await Array.fromAsync(reader.threads());
  const newestFirst = (thread: string) => ids.toReversed().map((id) => [thread, id]);
  assert.deepEqual(all.map(({ thread, id }) => [thread, id]), threads.flatMap(newestFirst));
  const before = await Array.fromAsync(reader.list({ before: "3" }));
  assert.deepEqual(
    before.map(({ thread, id }) => [thread, id]),
    threads.flatMap((thread) => [[thread, "2"], [thread, "1"]]),
  );
  const sub = await Array.fromAsync(reader.list({ namespace: "sub" }));
  assert.deepEqual(sub.map(({ thread, id }) => [thread, id]), threads.map((name) => [name, "3"]));
  assert.equal((await Array.fromAsync(reader.list({ limit: 5 }))).length, 5);
});

Deno.test("deleteForRuns() lists every key once, reads every record once, and deletes by hundreds", async () => {
  const memory = memoryStore();
  const saver = new S3Saver({ store: memory });
  for (const [at, thread_id] of names(1_200).entries()) {
    const metadata = { source: "input", step: -1, parents: {}, run_id: at % 2 ? "odd" : "even" };
    const config = { configurable: { thread_id } };
    await saver.put(config, emptyCheckpoint(), metadata as never, {});
  }
  const store = countingStore(memory);
  const fresh = new S3Saver({ store });
  assert.deepEqual(
    await requestsOf(store, () => fresh.deleteForRuns(["odd"])),
    { list: 2, get: 1_200, delete: 2 },
  );
  const left = await Array.fromAsync(new S3Checkpointer(memory).threads());
  assert.equal(left.length, 600);
});

Deno.test("prune() costs what its threads hold, whatever else there is", async () => {
  const memory = memoryStore();
  const saver = new S3Saver({ store: memory });
  const put = async (thread_id: string, count: number) => {
    let config: Parameters<typeof saver.put>[0] = { configurable: { thread_id } };
    for (let at = 0; at < count; at++) {
      const metadata = { source: "loop", step: at, parents: {} } as const;
      config = await saver.put(config, emptyCheckpoint(), metadata, {});
    }
  };
  for (const thread of names(300)) await put(thread, 1);
  await put("busy", 20);
  const store = countingStore(memory);
  const fresh = new S3Saver({ store });
  // What is needed, what is there, and the chunks; the latest record; one DeleteObjects.
  assert.deepEqual(
    await requestsOf(store, () => fresh.prune(["busy"])),
    { get: 1, list: 3, delete: 1 },
  );
  assert.deepEqual(
    await requestsOf(store, () => fresh.prune(["thread-7"], { strategy: "delete" })),
    { list: 1, delete: 1 },
  );
});

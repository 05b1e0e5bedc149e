import assert from "node:assert/strict";
import { expireAfter, memoryStore, NotFoundError, type ObjectStore } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import fc from "fast-check";
import { mutate, mutations, plainMutations, tryAll } from "../checkpoint/_mutations.ts";
import { copyOf, noise } from "../checkpoint/_stores.ts";
import { at, checkpoint, metadata } from "./_case.ts";
import { collect } from "./_contest.ts";

const DAY = 86_400_000;
/** Old enough that what goes on from a checkpoint stores it again. */
const AGE = 20 * DAY;
const settings = {
  inlineLimit: 240,
  compression: "none",
  ttl: expireAfter({ days: 30 }),
} as const;

/** A thread of four checkpoints, one of an old version, with a delta channel, chunks, byte arrays and writes. */
async function filled(): Promise<ObjectStore> {
  const store = memoryStore();
  const saver = new S3Saver({ store, ...settings }, { now: () => Date.now() - AGE });
  for (const [step, id] of ["1", "2", "3", "4"].entries()) {
    const values = {
      ...(step === 0 && { log: ["y".repeat(300)] }),
      message: { role: "human", image: noise(300, step), map: new Map([["a", step]]) },
    };
    const state = {
      ...checkpoint(id, values, { log: step + 1, message: step + 1 }),
      v: step === 2 ? 3 : 4,
    };
    const counters = { counters_since_delta_snapshot: { log: [step, step] } };
    const about = metadata({ step, run_id: id, ...(step > 0 && counters) });
    const parent = step === 0 ? undefined : String(step);
    await saver.put(at("t", parent), state, about, { log: step + 1, message: step + 1 });
    const writes: [string, unknown][] = [["log", step], ["__pregel_tasks", { to: "b" }]];
    await saver.putWrites(at("t", id), [...writes, ["__resume__", "z".repeat(300)]], "task", "p");
  }
  return store;
}

const uses: Record<string, (saver: S3Saver) => Promise<unknown>> = {
  latest: (saver) => saver.getTuple(at("t")),
  async each(saver) {
    for (const id of ["1", "2", "3", "4"]) await saver.getTuple(at("t", id));
  },
  old: (saver) => saver.getTuple(at("t", "3")),
  list: (saver) => collect(saver.list({ configurable: {} })),
  filter: (saver) => collect(saver.list(at("t"), { filter: { step: 2, run_id: "3" }, limit: 2 })),
  history: (saver) => saver.getDeltaChannelHistory({ config: at("t"), channels: ["log"] }),
  historyOf: (saver) =>
    saver.getDeltaChannelHistory({ config: at("t", "3"), channels: ["log", "message"] }),
  put: (saver) =>
    saver.put(at("t", "4"), checkpoint("5", { log: [1] }, { log: 9 }), metadata(), {}),
  async goOn(saver) {
    await saver.getTuple(at("t"));
    const about = metadata({ counters_since_delta_snapshot: { log: [4, 4] } });
    const state = checkpoint("5", { message: "y".repeat(300) }, { message: 4, log: 5 });
    await saver.put(at("t", "4"), state, about, { log: 5 });
  },
  write: (saver) => saver.putWrites(at("t", "4"), [["log", 1], ["message", 2]], "task"),
  copy: (saver) => saver.copyThread("t", "copy"),
  prune: (saver) => saver.prune(["t"], { grace: 0 }),
  deleteForRuns: (saver) => saver.deleteForRuns(["2"]),
  deleteThread: (saver) => saver.deleteThread("t"),
};

/** Uses what is stored in each way, by processes that begin then. */
function tryAllOn(store: ObjectStore): Promise<string[]> {
  return tryAll(Object.fromEntries(
    Object.entries(uses).map((
      [name, use],
    ) => [name, () => use(new S3Saver({ store, ...settings }))]),
  ));
}

const original = filled();

Deno.test("S3Saver answers, or says what is wrong by an error of its own, whatever somebody made of an object", async () => {
  let wrong = 0;
  const property = fc.asyncProperty(mutations, async (mutation) => {
    const { store, keys } = await copyOf(await original);
    await mutate(store, keys, mutation);
    wrong += (await tryAllOn(store)).length;
  });
  await fc.assert(property, { numRuns: 150, seed: 20_260_107 });
  assert(wrong > 300, `no more than ${wrong} errors`);
});

Deno.test("One checkpoint that cannot be read stops no deleteForRuns() of the others, and is named at its end, as by list()", async () => {
  let unreadable = 0;
  for (const mutation of plainMutations()) {
    const { store, keys } = await copyOf(await original);
    const records = keys.filter((key) => key.endsWith("/c"));
    const [altered, ...others] = records;
    await mutate(store, records, mutation); // that of 4
    const saver = () => new S3Saver({ store, ...settings }, { now: () => Date.now() - AGE });
    const listing = await collect(saver().list(at("t"))).then(() => undefined, (error) => error);
    const error = await saver().deleteForRuns(["1", "2", "3"]).then(
      () => undefined,
      (error) => error,
    );
    for (const key of others) await assert.rejects(store.head(key), NotFoundError);
    assert((await store.head(altered!)).size > 0);
    for (const each of [error, listing]) {
      if (each === undefined) continue;
      unreadable++;
      assert.equal(each.key, altered);
      assert(each.message.includes(altered), each.message);
    }
  }
  assert(unreadable > 20, `no more than ${unreadable}`);
});

for (const [id, record] of [["4", 0], ["3", 1]] as const) {
  Deno.test(`S3Saver answers, or says what is wrong by an error of its own, whatever checkpoint ${id} says of itself`, async () => {
    for (const mutation of plainMutations()) {
      const { store, keys } = await copyOf(await original);
      const records = keys.filter((key) => key.endsWith("/c"));
      await mutate(store, records, { ...mutation, object: record });
      await tryAllOn(store).catch((error) => {
        throw new Error(`${JSON.stringify(mutation)}: ${error.message}`);
      });
    }
  });
}

import assert from "node:assert/strict";
import {
  aesGcm,
  checkpointLinks,
  copyThread,
  type Encryption,
  expireAfter,
  localKeys,
  memoryStore,
  moveThread,
  type ObjectStore,
  renewThread,
  S3Checkpointer,
} from "@cairn/checkpoint";
import fc from "fast-check";
import { mutate, mutations, plainMutations, tryAll } from "./_mutations.ts";
import { copyOf, noise } from "./_stores.ts";

/** A thread of three checkpoints with small values, byte arrays and chunks. */
async function filled(encryption?: Encryption): Promise<ObjectStore> {
  const store = memoryStore();
  const checkpointer = new S3Checkpointer(store, {
    encryption,
    inlineLimit: 90,
    compression: "none",
    ttl: expireAfter({ days: 30 }),
  });
  const state = (step: number) => ({
    step,
    list: [{ bytes: noise(20, step) }, "text"],
    log: "y".repeat(100),
    bytes: noise(300, step),
  });
  await checkpointer.save("t", state(1), { id: "1", metadata: { step: 1, run: "a" } });
  await checkpointer.save("t", state(2), { id: "2", metadata: { step: 2, run: "b" } });
  await checkpointer.save("t", "no object", { id: "3", namespace: "n" });
  return store;
}

type Use = (checkpointer: S3Checkpointer) => Promise<unknown>;

const uses: Record<string, Use> = {
  latest: (checkpointer) => checkpointer.load("t"),
  first: (checkpointer) => checkpointer.load("t", { id: "1" }),
  namespace: (checkpointer) => checkpointer.load("t", { namespace: "n" }),
  list: (checkpointer) => Array.fromAsync(checkpointer.list()),
  filter: (checkpointer) => Array.fromAsync(checkpointer.list({ filter: { run: "a", step: 1 } })),
  threads: (checkpointer) => Array.fromAsync(checkpointer.threads()),
  async goOn(checkpointer) {
    await checkpointer.load("t");
    await checkpointer.save("t", { step: 3, log: "y".repeat(100) });
  },
  async again(checkpointer) {
    await checkpointer.load("t");
    await checkpointer.save("t", { step: 3 }, { id: "2" });
  },
  links: (checkpointer) => checkpointLinks(checkpointer, "t", { expiresIn: 60 }),
  copy: (checkpointer) => copyThread(checkpointer, "t", "copy"),
  move: (checkpointer) => moveThread(checkpointer, "t", "moved"),
  renew: (checkpointer) => renewThread(checkpointer, "t"),
  delete: (checkpointer) => checkpointer.delete("t", { id: "2" }),
  deleteThread: (checkpointer) => checkpointer.delete("t"),
};

/** Uses what is stored in each way, by processes that begin then. */
function tryAllOn(store: ObjectStore, encryption?: Encryption): Promise<string[]> {
  const presign = (key: string) => Promise.resolve(`https://state.example.com/${key}`);
  const options = { ttl: expireAfter({ days: 30 }), encryption };
  const start = () => new S3Checkpointer({ ...store, presign }, options);
  return tryAll(Object.fromEntries(
    Object.entries(uses).map(([name, use]) => [name, () => use(start())]),
  ));
}

const original = filled();
const keys = localKeys({ current: "1", keys: { "1": new Uint8Array(32).fill(7) } });

for (const encryption of [undefined, aesGcm({ keys })]) {
  const where = encryption ? ", encrypted" : "";
  Deno.test(`S3Checkpointer${where} answers, or says what is wrong by an error of its own, whatever somebody made of an object`, async () => {
    const original = await filled(encryption);
    const sealingOf = (key: string) => encryption && { encryption, place: { key, thread: "t" } };
    let wrong = 0;
    const property = fc.asyncProperty(mutations, async (mutation) => {
      const { store, keys } = await copyOf(original);
      await mutate(store, keys, mutation, sealingOf);
      wrong += (await tryAllOn(store, encryption)).length;
    });
    await fc.assert(property, { numRuns: 160, seed: 20_260_106 });
    assert(wrong > 300, `no more than ${wrong} errors`);
  });
}

Deno.test("S3Checkpointer answers, or says what is wrong by an error of its own, whatever a checkpoint says of itself", async () => {
  for (const mutation of plainMutations()) {
    const { store, keys } = await copyOf(await original);
    await mutate(store, keys, mutation);
    await tryAllOn(store).catch((error) => {
      throw new Error(`${JSON.stringify(mutation)}: ${error.message}`);
    });
    const found = await new S3Checkpointer(store).load("t").catch(() => undefined);
    if (found === undefined) continue;
    assert.equal(typeof found.savedAt.toISOString(), "string");
    assert.deepEqual(Object.keys({ ...found.metadata }), Object.keys(found.metadata));
  }
});

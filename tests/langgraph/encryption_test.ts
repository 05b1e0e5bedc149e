import { aesGcm, getBytes, memoryStore, type ObjectStore, threadKeys } from "@cairn/checkpoint";
import { countingStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { counted, encryptionOf, keysUpTo } from "../frame/_keys.ts";
import { at, checkpoint, metadata, siteOn, testCases, valuesOf, writesOf } from "./_case.ts";
import { cases } from "./_cases.ts";
import { comparePlays } from "./_play.ts";

const SECRET = "the cairn stands on the north ridge";

/** A process of its own each time: it has the keys, and holds nothing that was unwrapped. */
const encrypted = () => ({ encryption: encryptionOf() });

const keyStore = memoryStore();
testCases(
  "memoryStore, with a key for each thread",
  cases,
  () => Promise.resolve({ store: memoryStore() }),
  () => ({ encryption: aesGcm({ keys: threadKeys({ provider: keysUpTo(1), store: keyStore }) }) }),
);

for (const durability of ["sync", "async", "exit"] as const) {
  Deno.test(`A graph runs, resumes, forks and copies encrypted as on MemorySaver, durability ${durability}`, async () => {
    const { start } = siteOn(memoryStore(), encrypted);
    await comparePlays(() => start(), durability);
  });
}

/** Writes a thread of a checkpoint, its pending writes and a child, each with a secret and a large value. */
async function fill(store: ObjectStore, optionsOf: Parameters<typeof siteOn>[1]) {
  const site = siteOn(store, optionsOf);
  const saver = site.start();
  const values = { note: SECRET, large: `${SECRET} `.repeat(2_000) };
  await saver.put(at("t"), checkpoint("checkpoint-1", values, { note: 1, large: 1 }), metadata(), {
    note: 1,
    large: 1,
  });
  await saver.putWrites(
    at("t", "checkpoint-1"),
    [["note", SECRET], ["__error__", SECRET]],
    "the-task",
  );
  await saver.put(
    at("t", "checkpoint-1"),
    checkpoint("checkpoint-2", { ...values, note: "n" }, { note: 2, large: 1 }),
    metadata({ run_id: SECRET }),
    { note: 2 },
  );
  return { ...site, saver, values };
}

Deno.test("S3Saver, encrypted, shows no state, metadata, write or name in any object, and reads them all back", async () => {
  const { store, start, keys, prefix, values } = await fill(memoryStore(), encrypted);
  assert.deepEqual(await valuesOf(start(), at("t", "checkpoint-1")), values);
  assert.deepEqual(await valuesOf(start(), at("t")), { ...values, note: "n" });
  assert.deepEqual(await writesOf(start(), at("t", "checkpoint-1")), [["__error__", SECRET], [
    "note",
    SECRET,
  ]]);
  const all = await keys();
  assert(all.some((key) => key.includes("/w.")) && all.some((key) => key.includes("/v/")));
  for (const key of all) {
    const text = new TextDecoder("latin1").decode((await getBytes(store, prefix + key)).bytes);
    for (
      const piece of [
        SECRET,
        "note",
        "large",
        "__error__",
        "the-task",
        "run_id",
        "checkpoint-1",
        '"v"',
      ]
    ) {
      assert(!text.includes(piece), `${piece} in ${key}`);
    }
  }
});

Deno.test("S3Saver, encrypted, makes the same requests as one that is not, and asks for one key", async () => {
  const counts: unknown[] = [];
  for (const isEncrypted of [false, true]) {
    const store = countingStore(memoryStore());
    const providers = [counted(keysUpTo(1))];
    const site = await fill(store, () => {
      const provider = counted(keysUpTo(1));
      providers.push(provider);
      return isEncrypted ? { encryption: aesGcm({ keys: provider.keys }) } : {};
    });
    const reader = site.start();
    const tuple = await reader.getTuple(at("t"));
    await reader.put(
      tuple!.config,
      checkpoint("c3", { ...tuple!.checkpoint.channel_values, note: "m" }, { note: 3, large: 1 }),
      metadata(),
      { note: 3 },
    );
    await reader.getDeltaChannelHistory({ config: at("t"), channels: ["note"] });
    await reader.deleteForRuns([SECRET]);
    counts.push({ ...store.counts, bytesRead: 0, bytesWritten: 0 });
    if (isEncrypted) {
      const asked = providers.slice(1).map((provider) => provider.asked);
      assert.deepEqual(asked, [
        { generate: 1, wrap: 0, unwrap: 0 },
        { generate: 0, wrap: 0, unwrap: 1 },
      ]);
    }
  }
  assert.deepEqual(counts[1], counts[0]);
});

Deno.test("S3Saver names the object whose key was forgotten, for a checkpoint and for its delta history", async () => {
  const keys = threadKeys({ provider: keysUpTo(1), store: memoryStore() });
  const { saver, start } = await fill(memoryStore(), () => ({ encryption: aesGcm({ keys }) }));
  await keys.forget("t");
  for (const process of [saver, start()]) {
    for (
      const read of [
        () => process.getTuple(at("t")),
        () => process.getTuple(at("t", "checkpoint-1")),
        () => process.getDeltaChannelHistory({ config: at("t"), channels: ["note"] }),
      ]
    ) {
      await assert.rejects(read(), { name: "AccessError", code: "KeyErased" });
    }
  }
});

Deno.test("A thread whose key was forgotten stops no deleteForRuns() of the others", async () => {
  const store = memoryStore();
  const keys = threadKeys({ provider: keysUpTo(1), store: memoryStore() });
  const saver = siteOn(store, () => ({ encryption: aesGcm({ keys }) })).start();
  for (const thread of ["a", "b", "c"]) {
    await saver.put(at(thread), checkpoint("1"), metadata({ run_id: "run" }), {});
  }
  await keys.forget("b");
  await assert.rejects(saver.deleteForRuns(["run"]), { name: "AccessError", code: "KeyErased" });
  assert.equal((await Array.fromAsync(store.list())).flatMap(({ objects }) => objects).length, 1);
});

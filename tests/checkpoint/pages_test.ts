import { memoryStore, type ObjectStore, S3Checkpointer } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { type Checkpoint, emptyCheckpoint } from "@langchain/langgraph-checkpoint";
import fc from "fast-check";
import assert from "node:assert/strict";
import { inSmallPages, keysOf, unordered } from "./_stores.ts";

const METADATA = { source: "loop", step: 0, parents: {} } as const;

function at(thread: string, id?: string, namespace = "") {
  return {
    configurable: {
      thread_id: thread,
      checkpoint_ns: namespace,
      ...(id === undefined ? {} : { checkpoint_id: id }),
    },
  };
}

function checkpoint(id: string): Checkpoint {
  return { ...emptyCheckpoint(), id, ts: "2030-01-01T00:00:00.000Z" };
}

/** Puts a checkpoint with the writes of so many tasks. */
async function fill(store: ObjectStore, id: string, tasks: number, namespace = ""): Promise<void> {
  const saver = new S3Saver({ store });
  await saver.put(at("t", undefined, namespace), checkpoint(id), METADATA, {});
  for (let task = 0; task < tasks; task++) {
    const name = `task-${String(task).padStart(4, "0")}`;
    await saver.putWrites(at("t", id, namespace), [["log", `${id} ${task}`]], name);
  }
}

/** Everything that a saver tells of a thread, asked by a process of its own. */
async function answersOf(store: ObjectStore) {
  const saver = new S3Saver({ store });
  const core = new S3Checkpointer(store);
  return {
    latest: await saver.getTuple(at("t")),
    inner: await saver.getTuple(at("t", undefined, "n")),
    list: await Array.fromAsync(saver.list(at("t"))),
    few: await Array.fromAsync(saver.list(at("t"), { limit: 2 })),
    before: await Array.fromAsync(saver.list(at("t"), { before: at("t", "3") })),
    everywhere: await Array.fromAsync(saver.list({ configurable: { thread_id: "t" } })),
    threads: (await Array.fromAsync(core.threads())).sort(),
  };
}

Deno.test("Pages that end anywhere, between a record and its writes too, change no answer", async () => {
  const store = memoryStore();
  for (const [id, tasks] of [["1", 3], ["2", 0], ["3", 1], ["4", 4]] as const) {
    await fill(store, id, tasks);
    await fill(store, id, 1, "n");
  }
  const expected = await answersOf(store);
  assert.equal(expected.list.length, 4);
  for (let size = 1; size <= 7; size++) {
    assert.deepEqual(await answersOf(inSmallPages(store, size)), expected);
  }
});

Deno.test("A store that lists in no order gives S3Saver the same answers, after any puts", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat({ max: 12 }), fc.nat({ max: 3 })), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 5 }),
      async (checkpoints, pageSize) => {
        const store = memoryStore();
        for (const [id, tasks] of checkpoints) {
          await fill(store, String(id), tasks);
          await fill(store, String(id), tasks, "n");
        }
        assert.deepEqual(await answersOf(unordered(store, pageSize)), await answersOf(store));
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("An object of somebody else's amid a checkpoint's hides nothing of it", async () => {
  const store = memoryStore();
  await fill(store, "1", 3);
  const expected = await answersOf(store);
  for (const key of await keysOf(store)) {
    for (const foreign of [`${key}/x`, `${key}x`, `${key}.bak`]) {
      await store.put(foreign, new Uint8Array(1));
    }
  }
  assert.deepEqual(await answersOf(store), expected);
});

Deno.test("A thread of a store that lists in no order loses its records before its chunks", async () => {
  const inner = memoryStore();
  await new S3Checkpointer(inner, { inlineLimit: 10 }).save("t", { large: "x".repeat(100) });
  for (let step = 0; step < 5; step++) await new S3Checkpointer(inner).save("t", { step });
  await new S3Checkpointer(inner).save("u", {});
  const plain = unordered(inner, 2);
  const store: ObjectStore = {
    ...plain,
    async delete(keys, options) {
      await plain.delete(keys, options);
      // What is left at any moment can be read.
      const reader = new S3Checkpointer(inner);
      for await (const { id } of reader.list({ thread: "t" })) {
        assert(await reader.load("t", { id }));
      }
    },
  };
  await new S3Checkpointer(store).delete("t");
  assert.deepEqual((await keysOf(inner)).map((key) => key.split("/")[1]), ["u"]);
});

Deno.test("A wrong id is refused by getTuple(), and leaves no rejection behind", async () => {
  const saver = new S3Saver({ store: memoryStore() });
  for (const config of [at("t", "\ud800"), at("\ud800", "1"), at("t", "x".repeat(2_000))]) {
    await assert.rejects(saver.getTuple(config), { name: "InvalidInputError" });
  }
  for (const thread of [5, null, {}]) {
    const config = { configurable: { thread_id: thread, checkpoint_id: "1" } };
    await assert.rejects(saver.getTuple(config), { name: "InvalidInputError" });
  }
  await new Promise((resolve) => setTimeout(resolve, 0)); // when a test fails by a rejection left
});

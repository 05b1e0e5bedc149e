import { memoryStore, type ObjectStore, S3Checkpointer } from "@cairn/checkpoint";
import { cut } from "../../src/frame/chunker.ts";
import assert from "node:assert/strict";
import { CheckpointLog } from "../../src/checkpoint/log.ts";
import { pruneThread, sweep } from "../../src/checkpoint/maintenance.ts";
import { copyObjects } from "../../src/checkpoint/copies.ts";
import { altered, keysOf, noise, unordered } from "./_stores.ts";

const KIB = 1024;
const large = (seed: number) => noise(100 * KIB, seed);

/** How many chunks such a value has. */
const chunksOf = (seed: number) => cut(large(seed)).length;

/** A thread of three checkpoints in two namespaces, that share a large value and have one of their own. */
async function fill(store: ObjectStore, thread: string): Promise<void> {
  const checkpointer = new S3Checkpointer(store);
  await checkpointer.save(thread, { shared: large(1), own: large(2) }, { id: "1" });
  await checkpointer.save(thread, { shared: large(1), own: large(3) }, { id: "2" });
  await checkpointer.save(thread, { shared: large(1), step: 3 }, { id: "3", namespace: "n" });
}

/** Every checkpoint of a thread with its state, read by a process of its own. */
async function readAll(store: ObjectStore, thread: string): Promise<unknown[]> {
  const checkpointer = new S3Checkpointer(store);
  const found = await Array.fromAsync(checkpointer.list({ thread }));
  return await Promise.all(found.map(async ({ namespace, id }) => {
    const checkpoint = await checkpointer.load(thread, { namespace, id });
    assert(checkpoint, `${id} can be seen, so it can be read`);
    return { ...checkpoint, thread: undefined };
  }));
}

Deno.test("copyThread() gives the target what the source has, and again changes nothing", async () => {
  const store = memoryStore();
  await fill(store, "a/b");
  const log = new CheckpointLog(store);
  await copyObjects(log, "a/b", "copy");
  const copied = await readAll(store, "copy");
  assert.equal(copied.length, 3);
  assert.deepEqual(copied, await readAll(store, "a/b"));
  const keys = await keysOf(store);
  await copyObjects(log, "a/b", "copy");
  assert.deepEqual(await keysOf(store), keys);
  assert.deepEqual(await readAll(store, "copy"), copied);
  await log.deleteThread("a/b");
  assert.deepEqual(await readAll(store, "copy"), copied, "the copy stands by itself");
});

Deno.test("copyThread() onto itself, and of nothing, does nothing", async () => {
  const store = memoryStore();
  await fill(store, "t");
  const keys = await keysOf(store);
  const still = altered(store, { copy: () => Promise.reject(new Error("copied")) });
  await copyObjects(new CheckpointLog(still), "t", "t");
  await copyObjects(new CheckpointLog(still), "nobody", "somebody");
  assert.deepEqual(await keysOf(store), keys);
});

Deno.test("copyThread(): what can be seen of the copy can be read, at each moment", async () => {
  for (const ordered of [true, false]) {
    const inner = memoryStore();
    await fill(inner, "t");
    let moments = 0;
    const watched = altered(ordered ? inner : unordered(inner, 2), {
      async copy(...args) {
        const result = await inner.copy(...args);
        await readAll(inner, "copy");
        moments++;
        return result;
      },
    });
    await copyObjects(new CheckpointLog(watched), "t", "copy");
    assert.equal(moments, (await keysOf(inner, "cairn/t/")).length);
  }
});

Deno.test("copyThread() of a thread that somebody saves to meanwhile is not torn", async () => {
  const inner = memoryStore();
  await fill(inner, "t");
  const writer = new S3Checkpointer(inner);
  let seed = 10;
  const busy = altered(inner, {
    async copy(from, to, options) {
      if (seed < 20) await writer.save("t", { own: large(seed) }, { id: `9${seed++}` });
      return await inner.copy(from, to, options);
    },
  });
  await copyObjects(new CheckpointLog(busy), "t", "copy");
  assert((await readAll(inner, "copy")).length >= 3);
});

Deno.test("copyThread() to an id that is too long is refused before anything is copied", async () => {
  const store = memoryStore();
  await fill(store, "t");
  await new S3Checkpointer(store).save("t", {}, { id: "0".repeat(300) });
  const keys = await keysOf(store);
  const log = new CheckpointLog(store);
  // To the second one the chunks would fit, and all records but one.
  for (const target of ["x".repeat(2_000), "x".repeat(500)]) {
    await assert.rejects(copyObjects(log, "t", target), {
      name: "InvalidInputError",
      message: /1024/,
    });
  }
  assert.deepEqual(await keysOf(store), keys);
});

Deno.test("sweep() removes the chunks that no record refers to, and no other", async () => {
  const store = memoryStore();
  await fill(store, "t");
  await fill(store, "other");
  const log = new CheckpointLog(store);
  const before = await keysOf(store, "cairn/t/v/");
  await sweep(log, "t", { grace: 0 });
  assert.deepEqual(await keysOf(store, "cairn/t/v/"), before, "all are referred to");
  await new S3Checkpointer(store).delete("t", { id: "1" });
  await sweep(log, "t", { grace: 0 });
  assert.equal((await keysOf(store, "cairn/t/v/")).length, before.length - chunksOf(2));
  assert.equal((await readAll(store, "t")).length, 2);
  assert.equal((await keysOf(store, "cairn/other/v/")).length, before.length);
});

Deno.test("sweep() leaves chunks alone that are younger than the grace: their record is on its way", async () => {
  const inner = memoryStore();
  const orphaned = altered(inner, {
    put: (key, ...rest) =>
      key.endsWith("/c") ? Promise.reject(new Error("killed")) : inner.put(key, ...rest),
  });
  await assert.rejects(new S3Checkpointer(orphaned).save("t", { own: large(1) }), /killed/);
  const log = new CheckpointLog(inner);
  await sweep(log, "t");
  await sweep(log, "t", { grace: 60_000 });
  assert.equal((await keysOf(inner)).length, chunksOf(1));
  const hourAgo = altered(inner, {
    async *list(options) {
      for await (const { objects, prefixes } of inner.list(options)) {
        const old = objects.map((info) => ({
          ...info,
          lastModified: new Date(info.lastModified.getTime() - 3_600_001),
        }));
        yield { objects: old, prefixes };
      }
    },
  });
  await sweep(new CheckpointLog(hourAgo), "t");
  assert.deepEqual(await keysOf(inner), []);
});

Deno.test("sweep() counts what was saved while it read", async () => {
  const inner = memoryStore();
  await fill(inner, "t");
  const writer = new S3Checkpointer(inner);
  await writer.load("t", { id: "1" });
  await new S3Checkpointer(inner).delete("t", { id: "1" });
  let saved = false;
  const busy = altered(inner, {
    async *list(options) {
      yield* inner.list(options);
      if (saved || !options?.prefix?.endsWith("/v/")) return;
      saved = true;
      await writer.save("t", { own: large(2) }, { id: "4" });
    },
  });
  await sweep(new CheckpointLog(busy), "t", { grace: 0 });
  assert(saved);
  assert.equal((await readAll(inner, "t")).length, 3);
});

Deno.test("sweep() that meets a record it cannot read removes nothing", async () => {
  const store = memoryStore();
  await fill(store, "t");
  await new S3Checkpointer(store).delete("t", { id: "1" });
  const [record] = await keysOf(store, "cairn/t/n/");
  await store.put(record!, new Uint8Array(5));
  const keys = await keysOf(store);
  await assert.rejects(sweep(new CheckpointLog(store), "t", { grace: 0 }), {
    name: "CorruptError",
  });
  assert.deepEqual(await keysOf(store), keys);
});

Deno.test("pruneThread() deletes what is not to be kept, and what is left can be read at each moment", async () => {
  const inner = memoryStore();
  await fill(inner, "t");
  let moments = 0;
  const watched = altered(inner, {
    async delete(keys, options) {
      await inner.delete(keys, options);
      await readAll(inner, "t");
      moments++;
    },
  });
  const log = new CheckpointLog(watched);
  await pruneThread(log, "t", ({ place }) => place.id !== "1", { grace: 0 });
  const left = await readAll(inner, "t") as { id: string }[];
  assert.deepEqual(left.map(({ id }) => id), ["3", "2"]);
  const needed = chunksOf(1) + chunksOf(3);
  assert.equal(
    (await keysOf(inner, "cairn/t/v/")).length,
    needed,
    "the shared value's and one more",
  );
  assert(moments >= 2, "records first, chunks after them");
  await pruneThread(log, "t", () => false, { grace: 0 });
  assert.deepEqual(await keysOf(inner), []);
});

Deno.test("Maintenance that is cancelled before it begins does nothing", async () => {
  const store = memoryStore();
  await fill(store, "t");
  const keys = await keysOf(store);
  const log = new CheckpointLog(store);
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  for (
    const call of [
      () => copyObjects(log, "t", "u", { signal }),
      () => sweep(log, "t", { signal, grace: 0 }),
      () => pruneThread(log, "t", () => false, { signal, grace: 0 }),
      () => log.deleteThread("t", { signal }),
    ]
  ) await assert.rejects(call(), (error) => error === reason);
  assert.deepEqual(await keysOf(store), keys);
});

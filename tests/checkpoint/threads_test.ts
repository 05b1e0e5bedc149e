import {
  copyThread,
  InvalidInputError,
  loadMany,
  memoryStore,
  moveThread,
  NotFoundError,
  type ObjectStore,
  PreconditionFailedError,
  S3Checkpointer,
  UnavailableError,
} from "@cairn/checkpoint";
import { fileStore } from "@cairn/checkpoint/file";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { type CountingStore, countingStore, faultyStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "../../src/store/hex.ts";
import { CheckpointLog } from "../../src/checkpoint/log.ts";
import { encryptionOf } from "../frame/_keys.ts";
import { contentOf, fillThread, placesOf, readThread } from "./_thread_content.ts";
import { altered, keysOf, noise, unordered } from "./_stores.ts";

const FUNCTIONS = { copyThread, moveThread };

/** What a store was asked for, as text. */
function requests({ counts }: CountingStore): string {
  const kinds = ["list", "get", "put", "copy", "head", "delete"] as const;
  return kinds.filter((kind) => counts[kind] > 0)
    .map((kind) => `${counts[kind]} ${kind}`).join(", ");
}

/** A store whose ETags are made of the bytes, as S3 makes them. */
function withContentETags(store: ObjectStore): ObjectStore {
  const known = new Map<string, string>();
  const etagOf = async (key: string, etag: string) => {
    const at = `${key} ${etag}`;
    const found = known.get(at);
    if (found !== undefined) return found;
    const { body } = await store.get(key);
    const bytes = await new Response(body).arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    known.set(at, toHex(digest));
    return toHex(digest);
  };
  return altered(store, {
    async *list(options) {
      for await (const { objects, prefixes } of store.list(options)) {
        yield {
          prefixes,
          objects: await Promise.all(
            objects.map(async (info) => ({ ...info, etag: await etagOf(info.key, info.etag) })),
          ),
        };
      }
    },
    async copy(from, to, options) {
      const { etag } = await store.copy(from, to, options);
      return { etag: await etagOf(to, etag) };
    },
  });
}

Deno.test("copyThread() of n objects is n copies and three LISTs, and none again", async () => {
  const inner = memoryStore();
  await fillThread(inner, "a/b");
  const n = (await placesOf(inner, "a/b")).length;
  const store = countingStore(withContentETags(inner));
  const checkpointer = new S3Checkpointer(store);
  const { bytes, ...result } = await copyThread(checkpointer, "a/b", "copy");
  assert.equal(requests(store), `3 list, ${n} copy`);
  assert.deepEqual(result, { copied: n, skipped: 0 });
  const sizes = Object.values(await contentOf(inner, "copy")).map(({ size }) => size);
  assert.equal(bytes, sizes.reduce((sum, size) => sum + size, 0));
  store.reset();
  const again = await copyThread(checkpointer, "a/b", "copy");
  assert.deepEqual(again, { copied: 0, skipped: n, bytes: 0 });
  assert.equal(requests(store), "3 list");
});

Deno.test("moveThread() of n objects is n copies, a comparison, and three DeleteObjects", async () => {
  const inner = memoryStore();
  await fillThread(inner, "from");
  const n = (await placesOf(inner, "from")).length;
  const store = countingStore(inner);
  await moveThread(new S3Checkpointer(store), "from", "to");
  // No GET: what this call has copied it knows by the ETags that it was given.
  assert.equal(requests(store), `7 list, ${n} copy, 3 delete`);
  store.reset();
  assert.deepEqual(
    await moveThread(new S3Checkpointer(store), "from", "to"),
    { copied: 0, skipped: 0, bytes: 0 },
    "moved already",
  );
  assert.equal(requests(store), "4 list");
});

Deno.test("copyThread() where ETags say nothing compares what is there by its bytes", async () => {
  const inner = memoryStore();
  await fillThread(inner, "from");
  const store = countingStore(inner);
  const checkpointer = new S3Checkpointer(store);
  await copyThread(checkpointer, "from", "to");
  store.reset();
  const places = await placesOf(inner, "from");
  assert.equal((await copyThread(checkpointer, "from", "to")).copied, 0);
  const unnamed = places.filter((place) => place.startsWith("n/"));
  assert.equal(requests(store), `3 list, ${2 * unnamed.length} get`);
});

for (const [name, operate] of Object.entries(FUNCTIONS)) {
  Deno.test(`${name}() refuses a target with checkpoints of its own, and changes nothing`, async () => {
    const store = memoryStore();
    const checkpointer = new S3Checkpointer(store);
    await fillThread(store, "from");
    await checkpointer.save("to", { own: true }, { id: "9" });
    const keys = await keysOf(store);
    await assert.rejects(operate(checkpointer, "from", "to"), (error) => {
      assert(error instanceof PreconditionFailedError);
      assert.match(error.message, /"from" onto "to".*checkpoint "9".*onto: "merge"/);
      return true;
    });
    assert.deepEqual(await keysOf(store), keys);
  });

  Deno.test(`${name}() refuses a target that has another checkpoint of the same id`, async () => {
    const store = memoryStore();
    const checkpointer = new S3Checkpointer<{ own: boolean }>(store);
    await fillThread(store, "from");
    await checkpointer.save("to", { own: true }, { id: "2" });
    await assert.rejects(
      operate(checkpointer, "from", "to"),
      (error) =>
        error instanceof PreconditionFailedError && /another object of checkpoint "2"/
          .test(error.message),
    );
    assert.equal((await checkpointer.load("to", { id: "2" }))?.state.own, true);
    assert.equal((await placesOf(store, "from")).length > 3, true);
  });

  Deno.test(`${name}() with onto: "merge" keeps the target's, and takes the source's of the same id`, async () => {
    const store = memoryStore();
    await fillThread(store, "from");
    const expected = await readThread(store, "from");
    const checkpointer = new S3Checkpointer<{ own?: boolean }>(store);
    await checkpointer.save("to", { own: true }, { id: "9" });
    await checkpointer.save("to", { own: true }, { id: "2" });
    await operate(checkpointer, "from", "to", { onto: "merge" });
    const merged = await readThread(store, "to") as { id: string }[];
    assert.deepEqual(merged.filter(({ id }) => id !== "9"), expected);
    assert.equal(merged.length, expected.length + 1);
    // Also for the process that held what was replaced.
    const replaced = await checkpointer.load("to", { id: "2" });
    assert.notEqual(replaced?.state.own, true);
  });

  Deno.test(`${name}() onto itself, of nothing, and with wrong options is refused`, async () => {
    const store = countingStore(memoryStore());
    const checkpointer = new S3Checkpointer(store);
    await fillThread(store, "t");
    const keys = await keysOf(store);
    const bad = { name: "InvalidInputError" };
    await assert.rejects(operate(checkpointer, "t", "t"), InvalidInputError);
    for (const parallel of [0, -1, 1.5, NaN, "2" as unknown as number]) {
      await assert.rejects(operate(checkpointer, "t", "u", { parallel }), bad);
    }
    await assert.rejects(operate(checkpointer, "t", "u", { onto: "old" as "new" }), bad);
    await assert.rejects(operate(checkpointer, "t", "\ud800"), bad);
    await assert.rejects(operate(checkpointer, 1 as unknown as string, "u"), bad);
    await assert.rejects(operate({} as S3Checkpointer, "t", "u"), /give an S3Checkpointer/);
    await assert.rejects(operate(undefined as unknown as S3Checkpointer, "t", "u"), bad);
    for (const target of ["x".repeat(2_000), "x".repeat(960)]) {
      await assert.rejects(operate(checkpointer, "t", target), /1024/);
    }
    await assert.rejects(operate(checkpointer, "nobody", "u"), (error) => {
      assert(error instanceof NotFoundError);
      assert.match(error.message, /There is no thread "nobody"/);
      return true;
    });
    assert.deepEqual(await keysOf(store), keys);
  });

  Deno.test(`${name}() that is cancelled stops, and is taken up again`, async () => {
    const store = memoryStore();
    await fillThread(store, "from");
    const bytes = await contentOf(store, "from");
    const checkpointer = new S3Checkpointer(store);
    const reason = new Error("enough");
    const controller = new AbortController();
    const onProgress = ({ done }: { done: number }) => {
      if (done === 3) controller.abort(reason);
    };
    const options = { parallel: 1, signal: controller.signal, onProgress };
    await assert.rejects(operate(checkpointer, "from", "to", options), (error) => error === reason);
    assert.equal((await placesOf(store, "to")).length, 3);
    await operate(checkpointer, "from", "to");
    assert.deepEqual(await contentOf(store, "to"), bytes);
  });

  Deno.test(`${name}() tells how far it is, and is not harmed by whom it tells`, async () => {
    const store = memoryStore();
    await fillThread(store, "from");
    const sizes = Object.values(await contentOf(store, "from")).map(({ size }) => size);
    const [total, bytes] = [sizes.length, sizes.reduce((sum, size) => sum + size)];
    const heard: { phase: string; done: number; total: number; bytes: number }[] = [];
    await operate(new S3Checkpointer(store), "from", "to", {
      onProgress(progress) {
        heard.push(progress);
        if (heard.length % 2 === 0) throw new Error("deaf");
        return Promise.reject(new Error("deaf, later")) as unknown as void;
      },
    });
    const copied = heard.filter(({ phase }) => phase === "copy");
    assert.deepEqual(copied.at(0), { phase: "copy", done: 0, total, bytes: 0 });
    assert.deepEqual(copied.slice(0, total + 1).map(({ done }) => done), [
      ...Array(total + 1).keys(),
    ]);
    assert.deepEqual(copied[total], { phase: "copy", done: total, total, bytes });
    const deleted = heard.filter(({ phase }) => phase === "delete");
    if (name === "copyThread") assert.equal(deleted.length, 0);
    else assert.deepEqual(deleted.at(-1), { phase: "delete", done: total, total, bytes });
  });

  Deno.test(`${name}() bounds what is under way`, async () => {
    for (const parallel of [1, 3]) {
      const store = countingStore(altered(memoryStore(), {}));
      await fillThread(store, "from");
      store.reset();
      await operate(new S3Checkpointer(store), "from", "to", { parallel });
      assert.equal(store.counts.maxOpen, parallel);
    }
  });

  Deno.test(`${name}() takes an S3Saver, too, and a store that lists in no order`, async () => {
    const inner = memoryStore();
    await fillThread(inner, "from");
    const bytes = await contentOf(inner, "from");
    await operate(new S3Saver({ store: unordered(inner, 3) }), "from", "to");
    assert.deepEqual(await contentOf(inner, "to"), bytes);
  });

  Deno.test(`${name}() of an encrypted thread ends whole, wherever it was cut off`, async () => {
    let requests = Infinity;
    for (let k = 1; k <= requests + 1; k += 3) {
      const inner = memoryStore();
      const encryption = encryptionOf();
      const writer = new S3Checkpointer(inner, { encryption });
      for (const id of ["1", "2", "3"]) {
        await writer.save("from", { large: noise(100 * 1024), id }, { id });
      }
      const places = await placesOf(inner, "from");
      let count = 0;
      const store = faultyStore(inner, () => ++count >= k ? { kind: "lose" } : undefined);
      const options = { parallel: 1 };
      await operate(new S3Checkpointer(store, { encryption }), "from", "to", options).then(
        () => requests = count,
        (error) => assert(error instanceof UnavailableError),
      );
      // A process of its own, which has the key alone.
      const other = new S3Checkpointer<{ id: string }>(inner, { encryption: encryptionOf() });
      await operate(other, "from", "to", options);
      assert.deepEqual(await placesOf(inner, "to"), places);
      assert.equal(
        (await placesOf(inner, "from")).length,
        name === "copyThread" ? places.length : 0,
      );
      const loaded = await loadMany(
        new S3Checkpointer<{ id: string }>(inner, { encryption: encryptionOf() }),
        ["1", "2", "3"].map((id) => ({ thread: "to", id })),
      );
      assert.deepEqual(
        loaded.map((result) => result.status === "done" && result.value?.state.id),
        ["1", "2", "3"],
      );
    }
    assert(requests < Infinity);
  });
}

Deno.test("moveThread() works on files, whose ETags are no two alike", async () => {
  const directory = await mkdtemp(join(tmpdir(), "cairn-"));
  try {
    const store = fileStore(directory);
    await fillThread(store, "from");
    const content = await contentOf(store, "from");
    const checkpointer = new S3Checkpointer(store);
    await copyThread(checkpointer, "from", "copy");
    assert.equal((await copyThread(checkpointer, "from", "copy")).copied, 0);
    await moveThread(checkpointer, "from", "to");
    for (const thread of ["copy", "to"]) {
      assert.deepEqual(await contentOf(store, thread), content);
    }
    assert.deepEqual(await placesOf(store, "from"), []);
  } finally {
    await rm(directory, { recursive: true });
  }
});

Deno.test("copyThread() of a thread whose copy has gone on since changes nothing", async () => {
  const store = memoryStore();
  await fillThread(store, "from");
  const checkpointer = new S3Checkpointer(store);
  await copyThread(checkpointer, "from", "to");
  await checkpointer.save("to", { own: true }, { id: "9" });
  const keys = await keysOf(store);
  assert.equal((await copyThread(checkpointer, "from", "to")).copied, 0);
  assert.deepEqual(await keysOf(store), keys);
  await checkpointer.save("from", {}, { id: "4" });
  await assert.rejects(copyThread(checkpointer, "from", "to"), PreconditionFailedError);
});

Deno.test("copyThread() again takes over what the source has got since", async () => {
  const store = memoryStore();
  await fillThread(store, "from");
  const checkpointer = new S3Checkpointer(store);
  await copyThread(checkpointer, "from", "to");
  await checkpointer.save("from", { large: noise(50_000, 7) }, { id: "4" });
  assert.equal((await copyThread(checkpointer, "from", "to")).copied, 2);
  assert.deepEqual(await readThread(store, "to"), await readThread(store, "from"));
});

Deno.test("copyThread() copies again what is older in the target: a lifecycle rule would end it first", async () => {
  const inner = memoryStore();
  await fillThread(inner, "from");
  await copyThread(new S3Checkpointer(inner), "from", "to");
  const aged = altered(inner, {
    async *list(options) {
      for await (const { objects, prefixes } of inner.list(options)) {
        const seen = objects.map((info) =>
          info.key.includes("/to/")
            ? { ...info, lastModified: new Date(info.lastModified.getTime() - 86_400_000) }
            : info
        );
        yield { objects: seen, prefixes };
      }
    },
  });
  const { skipped } = await copyThread(new S3Checkpointer(aged), "from", "to");
  assert.equal(skipped, 0);
});

Deno.test("moveThread() moves what comes meanwhile, too, and loses nothing of it", async () => {
  const inner = memoryStore();
  await fillThread(inner, "from");
  const writer = new S3Checkpointer(inner);
  let saved = 0;
  let writing: Promise<unknown> = Promise.resolve();
  const busy = altered(inner, {
    async copy(...args) {
      const result = await inner.copy(...args);
      // The second time over, what was copied already, too; one after the other.
      if (saved < 2) {
        const large = noise(50_000, ++saved);
        await (writing = writing.then(() => writer.save("from", { large }, { id: "8" })));
      }
      return result;
    },
    async delete(keys, options) {
      await inner.delete(keys, options);
      if (saved === 2) {
        await writer.save("from", { large: noise(50_000, ++saved) }, { id: "9" });
      }
    },
  });
  await moveThread(new S3Checkpointer(busy), "from", "to");
  assert.equal(saved, 3);
  const reader = new S3Checkpointer<{ large: Uint8Array }>(inner);
  for (const [id, seed] of [["8", 2], ["9", 3]] as const) {
    const large = (await reader.load("to", { id }))?.state.large;
    assert.equal(toHex(large!), toHex(noise(50_000, seed)));
  }
  assert.deepEqual(await readThread(inner, "from"), []);
  assert.equal((await readThread(inner, "to")).length, 6);
});

Deno.test("moveThread() gives up where the source never rests, and has lost nothing", async () => {
  const inner = memoryStore();
  await fillThread(inner, "from");
  const writer = new S3Checkpointer(inner);
  let saved = 0;
  const busy = altered(inner, {
    async copy(...args) {
      const result = await inner.copy(...args);
      await writer.save("from", { saved }, { id: `8${saved++}` });
      return result;
    },
  });
  await assert.rejects(moveThread(new S3Checkpointer(busy), "from", "to"), (error) => {
    assert(error instanceof PreconditionFailedError);
    assert.match(error.message, /somebody keeps writing/);
    return true;
  });
  assert.equal((await readThread(inner, "from")).length, 4 + saved);
  await moveThread(new S3Checkpointer(inner), "from", "to");
  assert.equal((await readThread(inner, "to")).length, 4 + saved);
});

Deno.test("moveThread() deletes nothing where a copy did not arrive", async () => {
  const inner = memoryStore();
  await fillThread(inner, "from");
  const expected = await readThread(inner, "from");
  let swallowed = 0;
  const liar = altered(inner, {
    async copy(from, to, options) {
      if (from.endsWith("/c") && swallowed++ < 1_000) return { etag: "none" };
      return await inner.copy(from, to, options);
    },
  });
  await assert.rejects(moveThread(new S3Checkpointer(liar), "from", "to"), PreconditionFailedError);
  assert.deepEqual(await readThread(inner, "from"), expected);
});

Deno.test("moveThread() copies the object in whose place another one arrived", async () => {
  const inner = memoryStore();
  await fillThread(inner, "from");
  const expected = await readThread(inner, "from");
  let spoilt = 0;
  const spoiling = altered(inner, {
    async copy(from, to, options) {
      const result = await inner.copy(from, to, options);
      if (from.endsWith("/c") && spoilt++ === 0) await inner.put(to, new Uint8Array(9));
      return result;
    },
  });
  await moveThread(new S3Checkpointer(spoiling), "from", "to");
  assert.deepEqual(await readThread(inner, "to"), expected);
});

Deno.test("moveThread() forgets the source: what is saved to it next has no parent there", async () => {
  const checkpointer = new S3Checkpointer(memoryStore());
  await checkpointer.save("from", { step: 1 });
  await moveThread(checkpointer, "from", "to");
  assert.equal((await checkpointer.save("from", { step: 1 })).parent, undefined);
});

Deno.test("S3Saver.moveThread() moves, refuses and resumes as the function does", async () => {
  const store = memoryStore();
  await fillThread(store, "from");
  const places = await placesOf(store, "from");
  const saver = new S3Saver({ store });
  await assert.rejects(saver.moveThread("from", "from"), InvalidInputError);
  const { copied } = await saver.moveThread("from", "to");
  assert.equal(copied, places.length);
  assert.deepEqual(await placesOf(store, "to"), places);
  assert.deepEqual(await placesOf(store, "from"), []);
  await saver.moveThread("from", "to");
  assert.deepEqual(await placesOf(store, "to"), places);
});

Deno.test("moveThread() of a thread of thousands of objects deletes in batches, chunks last", async () => {
  const inner = memoryStore();
  const log = new CheckpointLog(inner);
  await fillThread(inner, "from");
  const [record] = await keysOf(inner, log.keys.namespaces("from"));
  for (let at = 0; at < 2_500; at++) {
    await inner.copy(record!, log.keys.record({ thread: "from", namespace: "m", id: `${at}` }));
  }
  const deleted: string[] = [];
  const store = countingStore(altered(inner, {
    delete(keys, options) {
      deleted.push(...keys);
      return inner.delete(keys, options);
    },
  }));
  const n = (await placesOf(inner, "from")).length;
  await moveThread(new S3Checkpointer(store), "from", "to", { parallel: 50 });
  assert.equal(store.counts.copy, n);
  assert.equal(store.counts.delete, 3 + 1 + 1);
  const kinds = deleted.map((key) => log.keys.parse(key)!.kind);
  const order = ["checkpoint", "writes", "chunk"];
  assert.deepEqual(kinds, kinds.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)));
});

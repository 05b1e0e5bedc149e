import assert from "node:assert/strict";
import { CorruptError, InvalidInputError, memoryStore } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import {
  BaseCheckpointSaver,
  JsonPlusSerializer,
  MemorySaver,
} from "@langchain/langgraph-checkpoint";
import { all, at, checkpoint, ids, metadata, siteOn, valuesOf } from "./_case.ts";

const nowhere = { configurable: {} };

Deno.test("S3Saver is a BaseCheckpointSaver", () => {
  assert(new S3Saver({ store: memoryStore() }) instanceof BaseCheckpointSaver);
});

Deno.test("S3Saver says what it needs where it gets no store", () => {
  for (const options of [undefined, {}, { store: "s3://bucket" }]) {
    assert.throws(
      () => new S3Saver(options as unknown as { store: ReturnType<typeof memoryStore> }),
      (error) => error instanceof InvalidInputError && error.message.includes("store"),
    );
  }
});

Deno.test("S3Saver.put() and putWrites() refuse a config without thread_id, and say where it goes", async () => {
  const { start, keys } = siteOn(memoryStore());
  const saver = start();
  const calls = [
    () => saver.put(nowhere, checkpoint("1"), metadata(), {}),
    () => saver.put({}, checkpoint("1"), metadata(), {}),
    () => saver.putWrites({ configurable: { checkpoint_id: "1" } }, [["a", 1]], "task"),
    () => saver.putWrites({}, [["a", 1]], "task"),
  ];
  for (const call of calls) {
    await assert.rejects(
      call,
      (error) =>
        error instanceof InvalidInputError && error.message.includes("configurable.thread_id"),
    );
  }
  assert.deepEqual(await keys(), []);
});

Deno.test("S3Saver.putWrites() refuses a config without checkpoint_id", async () => {
  const { start, keys } = siteOn(memoryStore());
  for (const config of [at("t"), at("t", "")]) {
    await assert.rejects(
      start().putWrites(config, [["a", 1]], "task"),
      (error) => error instanceof InvalidInputError && /checkpoint.id/.test(error.message),
    );
  }
  assert.deepEqual(await keys(), []);
});

Deno.test("S3Saver.getTuple() without thread_id finds nothing", async () => {
  const saver = new S3Saver({ store: memoryStore() });
  await saver.put(at("t"), checkpoint("1"), metadata(), {});
  assert.equal(await saver.getTuple(nowhere), undefined);
  assert.equal(await saver.getTuple({}), undefined);
});

Deno.test("S3Saver takes an undefined namespace for the root, and in list() for all", async () => {
  const saver = new S3Saver({ store: memoryStore() });
  const config = { configurable: { thread_id: "t" } };
  assert.deepEqual(await saver.put(config, checkpoint("1"), metadata(), {}), at("t", "1"));
  await saver.put(at("t", undefined, "sub"), checkpoint("2"), metadata(), {});
  await saver.putWrites({ configurable: { thread_id: "t", checkpoint_id: "1" } }, [["a", 1]], "x");
  assert.deepEqual((await saver.getTuple(config))?.pendingWrites, [["x", "a", 1]]);
  assert.deepEqual(await ids(saver.list(config)), ["2", "1"]);
  assert.deepEqual(await ids(saver.list(at("t"))), ["1"]);
});

Deno.test("S3Saver reads the checkpoint id from thread_ts, its former name, too", async () => {
  const saver = new S3Saver({ store: memoryStore() });
  for (const id of ["1", "2"]) await saver.put(at("t"), checkpoint(id), metadata(), {});
  const tuple = await saver.getTuple({ configurable: { thread_id: "t", thread_ts: "1" } });
  assert.equal(tuple?.checkpoint.id, "1");
});

Deno.test("S3Saver takes an empty checkpoint id for none: of a parent, a search, a border", async () => {
  const saver = new S3Saver({ store: memoryStore() });
  await saver.put(at("t", ""), checkpoint("1"), metadata(), {});
  const tuple = await saver.getTuple(at("t", ""));
  assert.equal(tuple?.checkpoint.id, "1");
  assert.equal(tuple?.parentConfig, undefined);
  assert.deepEqual(await ids(saver.list(at("t", ""), { before: at("t", "") })), ["1"]);
});

Deno.test("S3Saver.list() refuses a limit that is no whole number", async () => {
  const saver = new S3Saver({ store: memoryStore() });
  for (const limit of [1.5, NaN]) {
    await assert.rejects(
      all(saver.list(at("t"), { limit })),
      (error) => error instanceof InvalidInputError && error.message.includes(String(limit)),
    );
  }
});

Deno.test("S3Saver.list() filters by what is in the metadata, objects and absent fields too", async () => {
  const saver = new S3Saver({ store: memoryStore() });
  const put = (id: string, fields: object) =>
    saver.put(at("t"), checkpoint(id), metadata({ ...fields }), {});
  await put("1", { tags: { a: [1, 2] }, step: 1 });
  await put("2", { tags: { a: [1] }, step: 1 });
  await put("3", { step: 2 });
  const found = async (filter: Record<string, unknown>) =>
    await ids(saver.list(at("t"), { filter }));
  assert.deepEqual(await found({ tags: { a: [1, 2] } }), ["1"]);
  assert.deepEqual(await found({ step: 1 }), ["2", "1"]);
  assert.deepEqual(await found({ step: 1, tags: { a: [1] } }), ["2"]);
  assert.deepEqual(await found({ tags: undefined }), ["3"]);
  assert.deepEqual(await found({ step: "1" }), []);
  assert.deepEqual(await found({ toString: Object.prototype.toString }), []);
  assert.deepEqual(await found({}), ["3", "2", "1"]);
});

Deno.test("S3Saver.getNextVersion() needs no this", () => {
  const { getNextVersion } = new S3Saver({ store: memoryStore() });
  assert.equal(getNextVersion(undefined), 1);
  assert.equal(getNextVersion(41), 42);
});

Deno.test("A config that holds an S3Saver is JSON, and names no store or credential", () => {
  const store = { ...memoryStore(), secret: "hunter2" };
  const config = { configurable: { thread_id: "t", checkpointer: new S3Saver({ store }) } };
  assert.equal(
    JSON.stringify(config),
    '{"configurable":{"thread_id":"t","checkpointer":"[S3Saver]"}}',
  );
});

Deno.test("S3Saver gives a checkpoint before version 4 its parent's sends, as MemorySaver does", async () => {
  const sends = [{ node: "a", args: 1 }, { node: "b", args: { deep: [2] } }];
  const answers = [];
  for (const saver of [new MemorySaver(), new S3Saver({ store: memoryStore() })]) {
    const old = (id: string, versions: Record<string, number>) => ({
      ...checkpoint(id, {}, versions),
      v: 3,
    });
    await saver.put(at("t"), old("1", { a: 3 }), metadata(), { a: 3 });
    await saver.putWrites(at("t", "1"), [["__pregel_tasks", sends[0]], ["a", 1]], "task 1");
    await saver.putWrites(at("t", "1"), [["__pregel_tasks", sends[1]]], "task 2");
    await saver.put(at("t", "1"), old("2", { a: 3, b: 7 }), metadata(), { b: 7 });
    await saver.put(at("t", "1"), old("3", {}), metadata(), {});
    await saver.put(at("t", "2"), { ...checkpoint("4"), v: 4 }, metadata(), {});
    answers.push(await all(saver.list(at("t"))), await saver.getTuple(at("t", "2")));
  }
  const [expected, expectedTuple, listed, tuple] = answers;
  assert.deepEqual(listed, expected);
  assert.deepEqual(tuple, expectedTuple);
  assert(tuple !== undefined && "checkpoint" in tuple);
  assert.deepEqual(tuple.checkpoint.channel_values, { __pregel_tasks: sends });
  assert.equal(tuple.checkpoint.channel_versions.__pregel_tasks, 7);
});

Deno.test("S3Saver.getDeltaChannelHistory() takes no undefined value for a seed, as MemorySaver does", async () => {
  for (const inlineLimit of [0, 1_000]) {
    const histories = [];
    for (const saver of [new MemorySaver(), new S3Saver({ store: memoryStore(), inlineLimit })]) {
      await saver.put(at("t"), checkpoint("1", { a: "seed" }, { a: 1 }), metadata(), { a: 1 });
      await saver.put(at("t", "1"), checkpoint("2", { a: undefined }, { a: 2 }), metadata(), {
        a: 2,
      });
      await saver.put(at("t", "2"), checkpoint("3", {}, { a: 2 }), metadata(), {});
      histories.push(await saver.getDeltaChannelHistory({ config: at("t"), channels: ["a"] }));
    }
    assert.deepEqual(histories[0], { a: { writes: [], seed: "seed" } });
    assert.deepEqual(histories[1], histories[0]);
  }
});

Deno.test("S3Saver writes and reads by the serializer it is given", async () => {
  class Reversed extends JsonPlusSerializer {
    override async dumpsTyped(value: unknown): Promise<[string, Uint8Array]> {
      const [type, bytes] = await super.dumpsTyped(value);
      return [`reversed ${type}`, bytes.toReversed()];
    }
    override async loadsTyped(type: string, bytes: Uint8Array): Promise<unknown> {
      assert(type.startsWith("reversed "));
      return await super.loadsTyped(type.slice(9), bytes.toReversed());
    }
  }
  const { start } = siteOn(memoryStore());
  const serde = new Reversed();
  await start({ serde }).put(at("t"), checkpoint("1", { a: "!" }, { a: 1 }), metadata(), { a: 1 });
  await start({ serde }).putWrites(at("t", "1"), [["a", new Set([1])]], "task");
  const tuple = await start({ serde }).getTuple(at("t"));
  assert.deepEqual(tuple?.checkpoint.channel_values, { a: "!" });
  assert.deepEqual(tuple?.pendingWrites, [["task", "a", new Set([1])]]);
  await assert.rejects(start().getTuple(at("t")), (error) => {
    assert(error instanceof CorruptError);
    assert.match(`${error.cause}`, /Unknown serialization type/);
    return true;
  });
});

Deno.test("S3Saver reads any compression and inline limit, whatever it writes with itself", async () => {
  const { start } = siteOn(memoryStore());
  const compressions = ["none", "gzip", "deflate-raw", "zstd", "brotli", "auto"] as const;
  const value = "stone upon stone ".repeat(10_000);
  for (const [number, compression] of compressions.entries()) {
    const inlineLimit = number % 2 === 0 ? 0 : 1_000_000;
    const state = checkpoint(`${number}`, { value }, { value: number });
    await start({ compression, inlineLimit })
      .put(at("t", number === 0 ? undefined : `${number - 1}`), state, metadata(), {
        value: number,
      });
  }
  for (const { checkpoint: { channel_values } } of await all(start().list(at("t")))) {
    assert.deepEqual(channel_values, { value });
  }
});

Deno.test("S3Saver keeps its threads under its prefix, and sees none under another", async () => {
  const store = memoryStore();
  const one = new S3Saver({ store, prefix: "one" });
  const two = new S3Saver({ store, prefix: "one-more/" });
  await one.put(at("more"), checkpoint("1", { a: 1 }, { a: 1 }), metadata(), { a: 1 });
  await two.put(at("t"), checkpoint("2", { a: 2 }, { a: 1 }), metadata(), { a: 1 });
  assert.deepEqual(await valuesOf(one, at("more")), { a: 1 });
  assert.equal(await one.getTuple(at("t")), undefined);
  assert.deepEqual(await ids(two.list(nowhere)), ["2"]);
});

Deno.test("S3Saver names the object that was moved to another checkpoint's place", async () => {
  const { start, store, prefix, keys } = siteOn(memoryStore());
  const saver = start();
  await saver.put(at("t"), checkpoint("1"), metadata(), {});
  await saver.put(at("t"), checkpoint("2"), metadata(), {});
  const [newer, older] = await keys() as [string, string];
  await store.copy(prefix + newer, prefix + older);
  await assert.rejects(
    start().getTuple(at("t", "1")),
    (error) => error instanceof CorruptError && error.key === prefix + older,
  );
  assert.equal((await start().getTuple(at("t")))?.checkpoint.id, "2");
});

Deno.test("S3Saver names the chunk that is gone, altered or cut", async () => {
  const { start, store, prefix, keys } = siteOn(memoryStore());
  const state = checkpoint("1", { a: "x".repeat(50_000) }, { a: 1 });
  await start().put(at("t"), state, metadata(), { a: 1 });
  const key = prefix + (await keys()).find((key) => key.includes("/v/"))!;
  const { body } = await store.get(key);
  const bytes = new Uint8Array(await new Response(body).arrayBuffer());
  const flipped = bytes.slice();
  flipped[flipped.length - 1]! ^= 1;
  const broken = [bytes.subarray(0, -1), bytes.subarray(0, 3), new Uint8Array(0), flipped];
  for (const wrong of broken) {
    await store.put(key, wrong);
    await assert.rejects(
      start().getTuple(at("t")),
      (error) => error instanceof CorruptError && error.key === key,
    );
  }
  await store.delete([key]);
  await assert.rejects(
    start().getTuple(at("t")),
    (error) => error instanceof CorruptError && error.key === key,
  );
  await store.put(key, bytes);
  assert.deepEqual(await valuesOf(start(), at("t")), state.channel_values);
});

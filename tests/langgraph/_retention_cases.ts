import assert from "node:assert/strict";
import { InvalidInputError } from "@cairn/checkpoint";
import type { S3Saver } from "@cairn/checkpoint/langgraph";
import { all, at, checkpoint, ids, metadata, type SaverCase, valuesOf, writesOf } from "./_case.ts";

/** Texts that are chunks each, and share none. */
const big = (of: string) => of.repeat(40_000 / of.length);

async function chain(saver: S3Saver, thread: string, count: number): Promise<void> {
  for (let number = 1; number <= count; number++) {
    const state = checkpoint(
      String(number),
      { kept: big("kept"), changing: big(`${number}`) },
      { kept: 1, changing: number },
    );
    const parent = number === 1 ? undefined : String(number - 1);
    const isNew = number === 1 ? { kept: 1, changing: 1 } : { changing: number };
    await saver.put(at(thread, parent), state, metadata({ step: number }), isNew);
    await saver.putWrites(at(thread, String(number)), [["changing", big(`w${number}`)]], "task");
  }
}

const chunksIn = (keys: string[]) => keys.filter((key) => key.includes("/v/")).length;

/** How a thread is copied and cut back. */
export const retentionCases: readonly SaverCase[] = [
  {
    name: "copies a thread whole, so that neither knows of the other afterwards",
    async run({ start, keys }) {
      const saver = start();
      await chain(saver, "a/b", 3);
      await saver.put(at("a/b", undefined, "sub|1"), checkpoint("s"), metadata(), {});
      await saver.copyThread("a/b", "copy");
      const before = await keys();
      await saver.copyThread("a/b", "copy");
      await saver.copyThread("copy", "copy");
      assert.deepEqual(await keys(), before, "doing it again changes nothing");

      await saver.deleteThread("a/b");
      const reader = start();
      const everywhere = { configurable: { thread_id: "copy" } };
      assert.deepEqual(await ids(reader.list(everywhere)), ["s", "3", "2", "1"]);
      assert.deepEqual(await valuesOf(reader, at("copy")), {
        kept: big("kept"),
        changing: big("3"),
      });
      assert.deepEqual(await writesOf(reader, at("copy")), [["changing", big("w3")]]);
      assert.deepEqual((await reader.getTuple(at("copy")))?.parentConfig, at("copy", "2"));
      const next = checkpoint("4", { kept: big("kept") }, { kept: 1 });
      await reader.put(at("copy", "3"), next, metadata(), {});
      assert.equal(await reader.getTuple(at("a/b")), undefined);
      assert.deepEqual(await valuesOf(start(), at("copy")), { kept: big("kept") });
    },
  },
  {
    name:
      "prunes to the latest of each namespace, interrupts and all, and sweeps what is left over",
    async run({ start, keys }) {
      const saver = start();
      await chain(saver, "t", 4);
      await saver.putWrites(at("t", "4"), [["__interrupt__", [{ value: "sure?" }]]], "asks");
      await saver.put(at("t", undefined, "sub"), checkpoint("1"), metadata(), {});
      await saver.put(at("t", "1", "sub"), checkpoint("2"), metadata(), {});
      await chain(saver, "other", 2);
      const others = (await keys()).filter((key) => key.startsWith("other/"));

      await start().prune(["t"], { grace: 0 });
      for (const reader of [saver, start()]) {
        const found = await all(reader.list({ configurable: { thread_id: "t" } }));
        assert.deepEqual(found.map(({ config }) => config), [at("t", "4"), at("t", "2", "sub")]);
        assert.deepEqual(await valuesOf(reader, at("t")), {
          kept: big("kept"),
          changing: big("4"),
        });
        assert.deepEqual(await writesOf(reader, at("t")), [
          ["__interrupt__", [{ value: "sure?" }]],
          ["changing", big("w4")],
        ]);
        assert.equal(await reader.getTuple(at("t", "3")), undefined);
      }
      const left = await keys();
      // Its own value, the one carried over from the first, and its write's.
      assert.equal(chunksIn(left.filter((key) => key.startsWith("t/"))), 3);
      assert.deepEqual(left.filter((key) => key.startsWith("other/")), others);
      // And on it goes.
      const next = checkpoint("5", { kept: big("kept") }, { kept: 1 });
      await start().put(at("t", "4"), next, metadata(), {});
      assert.deepEqual(await valuesOf(start(), at("t")), { kept: big("kept") });
    },
  },
  {
    name: "leaves a chunk alone for as long as its record may be on its way",
    async run({ start, keys }) {
      const saver = start();
      await chain(saver, "t", 3);
      const before = chunksIn(await keys());
      await saver.prune(["t"]);
      assert.deepEqual(await ids(start().list(at("t"))), ["3"]);
      assert.equal(chunksIn(await keys()), before);
      await saver.prune(["t"], { grace: 0 });
      assert.equal(chunksIn(await keys()), 3);
      assert.deepEqual(await ids(start().list(at("t"))), ["3"]);
    },
  },
  {
    name: "prunes nothing that a delta channel is rebuilt from",
    async run({ start }) {
      const saver = start();
      for (let number = 1; number <= 8; number++) {
        const stored = number === 2 || number === 5;
        const state = checkpoint(
          String(number),
          stored ? { log: big(`snapshot ${number} `), step: number } : { step: number },
          { log: number, step: number },
        );
        const since = number < 2 ? number : number < 5 ? number - 2 : number - 5;
        const counters = since > 0
          ? { counters_since_delta_snapshot: { log: [since, since] as [number, number] } }
          : {};
        const parent = number === 1 ? undefined : String(number - 1);
        const versions = { log: number, step: number };
        await saver.put(at("t", parent), state, metadata(counters), versions);
        await saver.putWrites(at("t", String(number)), [["log", `write ${number}`]], "task", "p");
      }
      const history = async () =>
        await start().getDeltaChannelHistory({ config: at("t"), channels: ["log"] });
      const before = await history();
      assert.deepEqual(before, {
        log: {
          seed: big("snapshot 5 "),
          writes: ["5", "6", "7"].map((number) => ["task", "log", `write ${number}`]),
        },
      });
      await start().prune(["t"], { grace: 0 });
      assert.deepEqual(await ids(start().list(at("t"))), ["8", "7", "6", "5"]);
      assert.deepEqual(await history(), before);
    },
  },
  {
    name: "prunes neither an old checkpoint's pending sends nor writes that came before their put",
    async run({ start }) {
      const saver = start();
      const old = (id: string) => ({ ...checkpoint(id, {}, { a: 1 }), v: 3 });
      await saver.put(at("t"), old("1"), metadata(), {});
      await saver.put(at("t", "1"), old("2"), metadata(), {});
      await saver.put(at("t", "2"), old("3"), metadata(), {});
      const send = { node: "work", args: 1 };
      await saver.putWrites(at("t", "2"), [["__pregel_tasks", send]], "task");
      await saver.putWrites(at("t", "4"), [["a", "early"]], "task");
      await start().prune(["t"], { grace: 0 });
      assert.deepEqual(await ids(start().list(at("t"))), ["3", "2"]);
      assert.deepEqual(await valuesOf(start(), at("t")), { __pregel_tasks: [send] });
      await saver.put(at("t", "3"), checkpoint("4"), metadata(), {});
      assert.deepEqual(await writesOf(start(), at("t")), [["a", "early"]]);
    },
  },
  {
    name: "prunes whole threads where told to, and refuses a strategy it does not know",
    async run({ start, keys }) {
      const saver = start();
      for (const thread of ["a", "b", "c"]) await chain(saver, thread, 2);
      const strategy = "keep_all" as "delete";
      await assert.rejects(
        saver.prune(["a"], { strategy }),
        (error) => error instanceof InvalidInputError && error.message.includes('"keep_all"'),
      );
      await saver.prune(["a", "b"], { strategy: "delete" });
      assert((await keys()).every((key) => key.startsWith("c/")));
      assert.deepEqual(await ids(start().list(at("c"))), ["2", "1"]);
    },
  },
  {
    name: "deletes the checkpoints of some runs, in all threads and namespaces",
    async run({ start }) {
      const saver = start();
      const put = (thread: string, ns: string, id: string, fields: object) =>
        saver.put(at(thread, undefined, ns), checkpoint(id), metadata({ ...fields }), {});
      await put("a", "", "1", { run_id: "keep" });
      await put("a", "", "2", { run_id: "drop" });
      await put("a", "sub", "3", { run_id: "drop too" });
      await put("b", "", "4", { run_id: "drop" });
      await put("b", "", "5", {});
      await saver.putWrites(at("a", "2"), [["a", 1]], "task");
      await saver.deleteForRuns([]);
      assert.equal((await ids(start().list({ configurable: {} }))).length, 5);
      await start().deleteForRuns(["drop", "drop too", "undefined"]);
      for (const reader of [saver, start()]) {
        assert.deepEqual(await ids(reader.list({ configurable: {} })), ["1", "5"]);
        assert.equal((await reader.getTuple(at("a")))?.checkpoint.id, "1");
        assert.equal(await reader.getTuple(at("a", "2")), undefined);
      }
      await put("a", "", "2", {});
      assert.deepEqual(await writesOf(start(), at("a")), [], "the writes went with it");
    },
  },
];

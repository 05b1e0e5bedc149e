import assert from "node:assert/strict";
import { compareWritesSortKeys, writesSortKey } from "@langchain/langgraph-checkpoint";
import { all, at, checkpoint, metadata, type SaverCase, writesOf } from "./_case.ts";

const WRITERS = 50;

/** What `putWrites` must do. */
export const writesCases: readonly SaverCase[] = [
  {
    name: "keeps the first regular write for a task and an index",
    async run({ start }) {
      const saver = start();
      await saver.put(at("t"), checkpoint("1"), metadata(), {});
      const config = at("t", "1");
      await saver.putWrites(config, [["a", 1]], "task");
      await saver.putWrites(config, [["a", "late"], ["b", 2]], "task");
      await start().putWrites(config, [["a", "later"], ["b", "late"], ["c", 3]], "task");
      await saver.putWrites(config, [["a", "another task"]], "tasl");
      const expected = [["a", 1], ["b", 2], ["c", 3], ["a", "another task"]];
      assert.deepEqual(await writesOf(saver, config), expected);
      assert.deepEqual(await writesOf(start(), config), expected);
    },
  },
  {
    name: "replaces a special write, and leaves the regular ones beside it",
    async run({ start }) {
      const saver = start();
      await saver.put(at("t"), checkpoint("1"), metadata(), {});
      const config = at("t", "1");
      await saver.putWrites(config, [["a", 1], ["__interrupt__", "old"]], "task");
      await start().putWrites(config, [["__interrupt__", "new"], ["__error__", "oops"]], "task");
      await saver.putWrites(config, [["a", "late"], ["__resume__", "go"]], "task");
      const expected = [
        ["__resume__", "go"],
        ["__interrupt__", "new"],
        ["__error__", "oops"],
        ["a", 1],
      ];
      assert.deepEqual(await writesOf(saver, config), expected);
      assert.deepEqual(await writesOf(start(), config), expected);
    },
  },
  {
    name: "keeps one of fifty writers' regular writes for an index, for whoever reads",
    async run({ start }) {
      const savers = Array.from({ length: 10 }, () => start());
      await savers[0]!.put(at("t"), checkpoint("1"), metadata(), {});
      const config = at("t", "1");
      // Each writes one to three of the indexes, so that each may have to add to another's.
      await Promise.all(
        Array.from({ length: WRITERS }, (_, writer) =>
          savers[writer % 10]!.putWrites(
            config,
            ["a", "b", "c"].slice(0, 1 + writer % 3).map((channel) => [channel, writer]),
            "task",
          )),
      );
      const winners = await writesOf(start(), config) as [string, number][];
      assert.deepEqual(winners.map(([channel]) => channel), ["a", "b", "c"]);
      winners.forEach(([, writer], index) => assert(writer % 3 >= index, "it wrote no such index"));
      for (const saver of savers) assert.deepEqual(await writesOf(saver, config), winners);
      await savers[3]!.putWrites(config, [["a", -1], ["b", -1], ["c", -1]], "task");
      assert.deepEqual(await writesOf(start(), config), winners);
    },
  },
  {
    name: "loses none of the writes that fifty tasks make at once",
    async run({ start }) {
      const savers = Array.from({ length: 10 }, () => start());
      const config = at("t", "1");
      const task = (number: number) => `task ${String(number).padStart(2, "0")}`;
      await Promise.all([
        savers[0]!.put(at("t"), checkpoint("1"), metadata(), {}),
        ...Array.from(
          { length: WRITERS },
          (_, number) => savers[number % 10]!.putWrites(config, [["a", number]], task(number)),
        ),
      ]);
      const tuple = await start().getTuple(config);
      assert.deepEqual(
        tuple?.pendingWrites,
        Array.from({ length: WRITERS }, (_, number) => [task(number), "a", number]),
      );
    },
  },
  {
    name: "keeps one whole special write of fifty writers'",
    async run({ start }) {
      const savers = Array.from({ length: 10 }, () => start());
      await savers[0]!.put(at("t"), checkpoint("1"), metadata(), {});
      const config = at("t", "1");
      await Promise.all(
        Array.from(
          { length: WRITERS },
          (_, writer) =>
            savers[writer % 10]!.putWrites(config, [["__resume__", [writer, writer]]], "task"),
        ),
      );
      const winners = await writesOf(start(), config) as [string, [number, number]][];
      assert.equal(winners.length, 1);
      const [[, [one, two]]] = winners as [[string, [number, number]]];
      assert.equal(one, two);
      for (const saver of savers) assert.deepEqual(await writesOf(saver, config), winners);
      await savers[0]!.putWrites(config, [["__resume__", "last"]], "task");
      for (const saver of savers) {
        assert.deepEqual(await writesOf(saver, config), [["__resume__", "last"]]);
      }
    },
  },
  {
    name: "takes writes before their checkpoint, and shows no checkpoint until it comes",
    async run({ start }) {
      const saver = start();
      await saver.put(at("t"), checkpoint("1"), metadata(), {});
      await saver.putWrites(at("t", "2"), [["a", 1]], "task");
      assert.equal(await saver.getTuple(at("t", "2")), undefined);
      assert.equal((await start().getTuple(at("t")))?.checkpoint.id, "1");
      assert.equal((await all(saver.list(at("t")))).length, 1);
      await start().put(at("t", "1"), checkpoint("2"), metadata(), {});
      for (const reader of [saver, start()]) {
        assert.deepEqual(await writesOf(reader, at("t")), [["a", 1]]);
        assert.deepEqual(await writesOf(reader, at("t", "2")), [["a", 1]]);
      }
    },
  },
  {
    name: "gives pending writes in the order of compareWritesSortKeys, whatever order they came in",
    async run({ start }) {
      const saver = start();
      await saver.put(at("t"), checkpoint("1"), metadata(), {});
      // Paths and ids where code points, code units, locales and lengths all order differently.
      const words = ["", "a", "A", "é", "z", "\u{1f600}", "\uff5e", "~~1", "10", "9", "a b"];
      const tasks = words.flatMap((path, index) =>
        [words.at(-index - 1) || "task", `${index}`].map((task) => ({ path, task: path + task }))
      );
      const expected = tasks
        .flatMap(({ path, task }) => [-3, 0, 1].map((index) => ({ path, task, index })))
        .sort((a, b) =>
          compareWritesSortKeys(
            writesSortKey(a.path, a.task, a.index),
            writesSortKey(b.path, b.task, b.index),
          )
        ).map(({ path, task, index }) => [
          task,
          index === -3 ? "__interrupt__" : "a",
          `${path} ${index}`,
        ]);
      await Promise.all(tasks.map(({ path, task }) =>
        saver.putWrites(
          at("t", "1"),
          [["a", `${path} 0`], ["a", `${path} 1`], ["__interrupt__", `${path} -3`]],
          task,
          path,
        )
      ));
      for (const reader of [saver, start()]) {
        assert.deepEqual((await reader.getTuple(at("t")))?.pendingWrites, expected);
        const [listed] = await all(reader.list(at("t")));
        assert.deepEqual(listed?.pendingWrites, expected);
      }
    },
  },
  {
    name: "keeps a task's writes in order when they come one more at a time",
    async run({ start }) {
      const saver = start();
      await saver.put(at("t"), checkpoint("1"), metadata(), {});
      const writes = Array.from({ length: 13 }, (_, index): [string, unknown] => ["a", index]);
      for (let count = 1; count <= writes.length; count++) {
        await saver.putWrites(at("t", "1"), writes.slice(0, count), "task");
      }
      assert.deepEqual(await writesOf(start(), at("t")), writes);
    },
  },
  {
    name: "keeps byte arrays as bytes, alone, nested and in chunks",
    async run({ start, store, prefix }) {
      const saver = start();
      const bytes = crypto.getRandomValues(new Uint8Array(40_000));
      const value = { images: [{ name: "a", bytes }], empty: new Uint8Array(0) };
      const state = checkpoint("1", { alone: bytes, nested: value }, { alone: 1, nested: 1 });
      await saver.put(at("t"), state, metadata(), { alone: 1, nested: 1 });
      await saver.putWrites(at("t", "1"), [["alone", bytes], ["nested", value]], "task");
      const tuple = await start().getTuple(at("t"));
      assert.deepEqual(tuple?.checkpoint.channel_values, { alone: bytes, nested: value });
      assert.deepEqual(tuple?.pendingWrites, [["task", "alone", bytes], ["task", "nested", value]]);
      let stored = 0;
      for await (const { objects } of store.list({ prefix })) {
        stored += objects.reduce((sum, { size }) => sum + size, 0);
      }
      assert(stored < 2 * bytes.length, "the bytes are one chunk, and bytes");
    },
  },
];

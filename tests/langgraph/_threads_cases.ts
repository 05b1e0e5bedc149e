import assert from "node:assert/strict";
import { mapParallel } from "../../src/store/parallel.ts";
import { all, at, checkpoint, ids, metadata, type SaverCase, writesOf } from "./_case.ts";

const LONG = 3_000;

/** What a whole thread must do, and many of them. */
export const threadsCases: readonly SaverCase[] = [
  {
    name: "lists, finds and deletes three thousand checkpoints of a thread",
    async run({ start, keys }) {
      const saver = start({ compression: "none" });
      const idOf = (number: number) => `id-${String(number).padStart(4, "0")}`;
      const numbers = Array.from({ length: LONG }, (_, number) => number);
      await mapParallel(numbers, 16, async (number) => {
        const parent = number === 0 ? undefined : idOf(number - 1);
        const state = checkpoint(idOf(number), { number }, { number: 1 });
        const source = number % 1000 === 7 ? "input" : "loop";
        await saver.put(at("long", parent), state, metadata({ source }), { number: 1 });
      });
      await saver.putWrites(at("long", idOf(1_500)), [["number", "pending"]], "task");
      await saver.put(at("longer"), checkpoint("1"), metadata(), {});

      const newestFirst = numbers.map(idOf).reverse();
      const reader = start();
      assert.equal((await reader.getTuple(at("long")))?.checkpoint.id, newestFirst[0]);
      assert.deepEqual(await ids(reader.list(at("long"))), newestFirst);
      const everywhere = { configurable: { thread_id: "long" } };
      assert.deepEqual(await ids(start().list(everywhere, { limit: 5 })), newestFirst.slice(0, 5));
      assert.deepEqual(
        await ids(start().list(at("long"), { before: at("long", idOf(2_000)), limit: 1_500 })),
        newestFirst.slice(1_000, 2_500),
      );
      assert.deepEqual(
        await ids(start().list(at("long"), { filter: { source: "input" }, limit: 2 })),
        [idOf(2_007), idOf(1_007)],
      );
      assert.deepEqual(await writesOf(reader, at("long", idOf(1_500))), [["number", "pending"]]);

      await saver.deleteThread("long");
      assert.deepEqual(await ids(start().list({ configurable: {} })), ["1"]);
      assert.equal((await keys()).length, 1);
    },
  },
  {
    name: "lists one checkpoint, one namespace, one thread, or all",
    async run({ start }) {
      const saver = start();
      for (const thread of ["b", "a"]) {
        for (const ns of ["", "sub"]) {
          for (const id of ["1", "2"]) {
            await saver.put(at(thread, undefined, ns), checkpoint(id), metadata({ ns }), {});
          }
        }
      }
      const places = async (config: object, options?: object) =>
        (await all(start().list({ configurable: config }, options))).map(({ config }) => {
          const { thread_id, checkpoint_ns, checkpoint_id } = config.configurable!;
          return `${thread_id} ${checkpoint_ns} ${checkpoint_id}`;
        });
      assert.deepEqual(
        await places({ thread_id: "a", checkpoint_ns: "sub", checkpoint_id: "1" }),
        ["a sub 1"],
      );
      assert.deepEqual(await places({ thread_id: "a", checkpoint_id: "1" }), ["a sub 1", "a  1"]);
      assert.deepEqual(await places({ thread_id: "a", checkpoint_ns: "" }), ["a  2", "a  1"]);
      const ofA = ["a sub 2", "a  2", "a sub 1", "a  1"];
      assert.deepEqual(await places({ thread_id: "a" }), ofA);
      assert.deepEqual(await places({}), [...ofA, ...ofA.map((place) => "b" + place.slice(1))]);
      assert.deepEqual(await places({}, { filter: { ns: "sub" }, limit: 3 }), [
        "a sub 2",
        "a sub 1",
        "b sub 2",
      ]);
      assert.deepEqual(await places({}, { limit: 0 }), []);
      assert.deepEqual(await places({ thread_id: "nobody" }), []);
    },
  },
  {
    name: "gives nothing where there is nothing",
    async run({ start }) {
      const saver = start();
      assert.equal(await saver.getTuple(at("nobody")), undefined);
      assert.equal(await saver.getTuple(at("nobody", "1")), undefined);
      assert.deepEqual(await ids(saver.list({ configurable: {} })), []);
      assert.deepEqual(
        await saver.getDeltaChannelHistory({ config: at("nobody"), channels: ["a"] }),
        { a: { writes: [] } },
      );
      await saver.deleteThread("nobody");
      await saver.copyThread("nobody", "nobody else");
      await saver.prune(["nobody"]);
      await saver.deleteForRuns(["none"]);
      assert.deepEqual(await ids(saver.list({ configurable: {} })), []);
    },
  },
  {
    name: "gives a delta channel the history of its own branch, whatever stands between in age",
    async run({ start }) {
      const saver = start();
      // 1 ─ 2 ─ 4 ─ 6 ─ 8 and 2 ─ 3 ─ 5 ─ 7, of which 1 and 5 hold the channel's value.
      const parents = [, "1", "2", "2", "3", "4", "5", "6"];
      for (const [index, parent] of parents.entries()) {
        const id = String(index + 1);
        const values = id === "1" || id === "5" ? { log: `seed ${id}` } : {};
        const counters = { counters_since_delta_snapshot: { log: [1, 3] as [number, number] } };
        await saver.put(at("t", parent), checkpoint(id, values, { log: index + 1 }), {
          ...metadata(index % 2 === 0 ? counters : {}),
        }, { log: index + 1 });
        await saver.putWrites(at("t", id), [["log", `b ${id}`], ["other", 0]], "task", "b");
        await saver.putWrites(at("t", id), [["log", `a ${id}`]], "task 2", "a");
      }
      const history = async (id?: string) => {
        const options = { config: at("t", id), channels: ["log"] };
        const { log } = await start().getDeltaChannelHistory(options);
        return { seed: log?.seed, writes: log?.writes.map(([, , value]) => value) };
      };
      const both = (...ids: string[]) => ids.flatMap((id) => [`a ${id}`, `b ${id}`]);
      const ofLatest = { seed: "seed 1", writes: both("1", "2", "4", "6") };
      assert.deepEqual(await history(), ofLatest);
      assert.deepEqual(await history("8"), ofLatest);
      assert.deepEqual(await history("7"), { seed: "seed 5", writes: both("5") });
      assert.deepEqual(await history("5"), { seed: "seed 1", writes: both("1", "2", "3") });
      assert.deepEqual(await history("1"), { seed: undefined, writes: [] });
    },
  },
  {
    name: "begins a deleted thread anew, also for a process that knew the old one",
    async run({ start }) {
      const [one, two] = [start(), start()];
      const big = "x".repeat(50_000);
      await one.put(at("t"), checkpoint("2", { big }, { big: 1 }), metadata(), { big: 1 });
      await one.putWrites(at("t", "2"), [["big", "old"]], "task");
      await two.getTuple(at("t"));
      await one.deleteThread("t");
      for (const saver of [one, two]) assert.equal(await saver.getTuple(at("t")), undefined);
      await two.put(at("t"), checkpoint("1", { big }, { big: 1 }), metadata(), { big: 1 });
      for (const saver of [one, two, start()]) {
        const tuple = await saver.getTuple(at("t"));
        assert.equal(tuple?.checkpoint.channel_values.big, big);
        assert.deepEqual(tuple?.pendingWrites, []);
        assert.equal(await saver.getTuple(at("t", "2")), undefined);
      }
    },
  },
];

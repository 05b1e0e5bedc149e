import assert from "node:assert/strict";
import { all, at, checkpoint, ids, metadata, type SaverCase, valuesOf } from "./_case.ts";

/** Settings under which values are inline, and under which each is a chunk. */
const SETTINGS = [{}, { inlineLimit: 0 }, { inlineLimit: 0, cacheBytes: 0 }];

/** What `put` must do, and from where it takes a channel that it is not given as new. */
export const putsCases: readonly SaverCase[] = [
  {
    name: "makes one checkpoint of the same put twice",
    async run({ start, keys }) {
      const saver = start();
      const state = checkpoint("1", { a: "x".repeat(50_000) }, { a: 1 });
      for (const each of [saver, saver, start()]) {
        const config = await each.put(at("t"), state, metadata(), { a: 1 });
        assert.deepEqual(config, at("t", "1"));
      }
      assert.deepEqual(await ids(saver.list(at("t"))), ["1"]);
      assert.equal((await keys()).length, 2, "a record and a chunk");
    },
  },
  {
    name: "replaces a checkpoint that is put with other content, for whoever held the old one",
    async run({ start }) {
      for (const [index, settings] of SETTINGS.entries()) {
        const [one, two] = [start(settings), start(settings)];
        const thread = `t${index}`;
        await one.put(at(thread), checkpoint("1", { a: "old" }, { a: 1 }), metadata(), { a: 1 });
        assert.deepEqual(await valuesOf(two, at(thread)), { a: "old" });
        const newer = checkpoint("1", { a: "new", b: 2 }, { a: 1, b: 1 });
        await two.put(at(thread), newer, metadata({ step: 7 }), { a: 1, b: 1 });
        for (const reader of [one, two, start()]) {
          for (const config of [at(thread), at(thread, "1")]) {
            const tuple = await reader.getTuple(config);
            assert.deepEqual(tuple?.checkpoint.channel_values, { a: "new", b: 2 });
            assert.equal(tuple?.metadata?.step, 7);
          }
        }
        // What the next one takes over is what stands there now.
        const next = checkpoint("2", { a: "new", b: 2, c: 3 }, { a: 1, b: 1, c: 2 });
        await one.put(at(thread, "1"), next, metadata(), { c: 2 });
        assert.deepEqual(await valuesOf(start(), at(thread)), { a: "new", b: 2, c: 3 });
      }
    },
  },
  {
    name: "keeps forks apart whose channels carry equal versions and different values",
    async run({ start }) {
      for (const [index, settings] of SETTINGS.entries()) {
        const saver = start(settings);
        const thread = `t${index}`;
        const put = (id: string, parent: string | undefined, x: string, isNew: boolean) =>
          saver.put(
            at(thread, parent),
            checkpoint(id, { x, step: id }, { x: 2, step: id.length }),
            metadata(),
            { ...(isNew && { x: 2 }), step: id.length },
          );
        await put("0", undefined, "root", true);
        await put("0a", "0", "of a", true);
        await put("0b", "0", "of b", true);
        await put("0a1", "0a", "of a", false);
        await put("0b1", "0b", "of b", false);
        const late = start(settings);
        await late.put(
          at(thread, "0a1"),
          checkpoint("0a12", { x: "of a" }, { x: 2 }),
          metadata(),
          {},
        );
        for (const reader of [saver, start()]) {
          const found = await all(reader.list(at(thread)));
          assert.deepEqual(
            found.map(({ checkpoint: { id, channel_values } }) => [id, channel_values.x]),
            [["0b1", "of b"], ["0b", "of b"], ["0a12", "of a"], ["0a1", "of a"], ["0a", "of a"], [
              "0",
              "root",
            ]],
          );
        }
      }
    },
  },
  {
    name:
      "carries a channel over from the parent's record: of a value not given as new it reads none",
    async run({ start, keys }) {
      const value = "x".repeat(100_000);
      await start().put(at("t"), checkpoint("1", { a: value }, { a: 1 }), metadata(), { a: 1 });
      const before = await keys();
      // A wrong value: were it taken from here, it would show.
      const next = checkpoint("2", { a: "not read" }, { a: 1 });
      await start().put(at("t", "1"), next, metadata(), {});
      assert.deepEqual(await valuesOf(start(), at("t")), { a: value });
      assert.equal((await keys()).length, before.length + 1, "only a record is new");
    },
  },
  {
    name: "stores a channel that is not new where the parent holds another version of it, or none",
    async run({ start }) {
      const saver = start();
      await saver.put(at("t"), checkpoint("1", { a: "a1" }, { a: 1 }), metadata(), { a: 1 });
      const next = checkpoint("2", { a: "a2", b: "b1" }, { a: 2, b: 1 });
      await saver.put(at("t", "1"), next, metadata(), {});
      assert.deepEqual(await valuesOf(start(), at("t")), { a: "a2", b: "b1" });
    },
  },
  {
    name: "stores every channel where newVersions is undefined",
    async run({ start }) {
      const saver = start();
      await saver.put(at("t"), checkpoint("1", { a: "old" }, { a: 1 }), metadata());
      await saver.put(at("t", "1"), checkpoint("2", { a: "new" }, { a: 1 }), metadata());
      assert.deepEqual(await valuesOf(start(), at("t", "1")), { a: "old" });
      assert.deepEqual(await valuesOf(start(), at("t", "2")), { a: "new" });
    },
  },
  {
    name: "stores a channel that has no version each time, and never carries it over",
    async run({ start }) {
      const saver = start();
      const first = checkpoint("1", { __pregel_tasks: ["one"] });
      await saver.put(at("t"), first, metadata(), {});
      await saver.put(at("t", "1"), checkpoint("2", { __pregel_tasks: [] }), metadata(), {});
      await saver.put(at("t", "2"), checkpoint("3"), metadata(), {});
      const found = await all(start().list(at("t")));
      assert.deepEqual(
        found.map(({ checkpoint }) => checkpoint.channel_values),
        [{}, { __pregel_tasks: [] }, { __pregel_tasks: ["one"] }],
      );
    },
  },
  {
    name: "keeps a copied checkpoint's channels, with a parent and without one",
    async run({ start }) {
      const saver = start();
      const first = checkpoint("1", { a: "a1" }, { a: 1 });
      const second = checkpoint("2", { a: "a2", b: "b2" }, { a: 2, b: 2 });
      await saver.put(at("t"), first, metadata(), { a: 1 });
      await saver.put(at("t", "1"), second, metadata(), { a: 2, b: 2 });
      // As updateState() does with "__copy__": nothing is new, beside the copied one.
      const fork = metadata({ source: "fork" });
      await start().put(at("t", "1"), { ...second, id: "3" }, fork, {});
      await start().put(at("t"), { ...first, id: "4" }, fork, {});
      const reader = start();
      assert.deepEqual(await valuesOf(reader, at("t", "3")), { a: "a2", b: "b2" });
      assert.deepEqual(await valuesOf(reader, at("t", "4")), { a: "a1" });
      assert.equal((await reader.getTuple(at("t", "4")))?.parentConfig, undefined);
    },
  },
  {
    name: "drops a channel that is not new where there is neither a parent nor a fork",
    async run({ start }) {
      const saver = start();
      const state = checkpoint("1", { a: 1, b: 2, unversioned: 3 }, { a: 1, b: 1 });
      await saver.put(at("t"), state, metadata({ source: "input" }), { a: 1 });
      assert.deepEqual(await valuesOf(start(), at("t")), { a: 1, unversioned: 3 });
    },
  },
  {
    name: "stores what is given where the parent's record is not there, or comes later",
    async run({ start }) {
      const saver = start();
      const child = checkpoint("2", { a: "child's" }, { a: 1 });
      await saver.put(at("t", "1"), child, metadata(), {});
      assert.deepEqual(await valuesOf(start(), at("t")), { a: "child's" });
      assert.deepEqual((await start().getTuple(at("t")))?.parentConfig, at("t", "1"));
      await saver.put(at("t"), checkpoint("1", { a: "parent's" }, { a: 1 }), metadata(), { a: 1 });
      const reader = start();
      assert.deepEqual(await valuesOf(reader, at("t", "1")), { a: "parent's" });
      assert.deepEqual(await valuesOf(reader, at("t", "2")), { a: "child's" });
    },
  },
  {
    name: "hands out values that are the reader's own",
    async run({ start }) {
      for (const [index, settings] of SETTINGS.entries()) {
        const saver = start(settings);
        const thread = `t${index}`;
        const value = { list: [1], bytes: new Uint8Array([1, 2]) };
        const state = checkpoint("1", { value, alone: new Uint8Array([3]) }, {
          value: 1,
          alone: 1,
        });
        await saver.put(at(thread), state, metadata(), { value: 1, alone: 1 });
        value.list.push(2);
        value.bytes[0] = 9;
        (state.channel_values.alone as Uint8Array)[0] = 9;
        const expected = {
          value: { list: [1], bytes: new Uint8Array([1, 2]) },
          alone: new Uint8Array([3]),
        };
        for (let time = 0; time < 3; time++) {
          const tuple = await saver.getTuple(at(thread));
          const values = tuple!.checkpoint.channel_values as typeof expected;
          assert.deepEqual(values, expected);
          values.value.list.push(3);
          values.value.bytes[0] = 8;
          values.alone[0] = 8;
          tuple!.metadata!.step = 8;
        }
        assert.equal((await saver.getTuple(at(thread)))?.metadata?.step, 0);
      }
    },
  },
  {
    name: "keeps channels that are called as what every object has",
    async run({ start }) {
      const saver = start();
      const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", ""];
      const values = Object.fromEntries(names.map((name) => [name, { name }]));
      const versions = Object.fromEntries(names.map((name) => [name, 1]));
      await saver.put(at("t"), checkpoint("1", values, versions), metadata(), versions);
      await saver.put(at("t", "1"), checkpoint("2", values, versions), metadata(), {});
      await saver.putWrites(at("t", "2"), names.map((name) => [name, name]), "task");
      for (const reader of [saver, start()]) {
        const tuple = await reader.getTuple(at("t"));
        assert.deepEqual(tuple?.checkpoint.channel_values, values);
        assert.deepEqual(tuple?.pendingWrites, names.map((name) => ["task", name, name]));
      }
      const history = await start().getDeltaChannelHistory({ config: at("t"), channels: names });
      for (const name of names) {
        assert.deepEqual(Object.getOwnPropertyDescriptor(history, name)?.value, {
          writes: [],
          seed: { name },
        });
      }
      assert.equal(({} as Record<string, unknown>).name, undefined, "no prototype was touched");
    },
  },
  {
    name: "leaves out a channel whose value no JSON can hold, and reads the others",
    async run({ start }) {
      const values = { call: () => 1, mark: Symbol("mark"), kept: 1 };
      const versions = { call: 1, mark: 1, kept: 1 };
      await start().put(at("t"), checkpoint("1", values, versions), metadata(), versions);
      await start().putWrites(at("t", "1"), [["call", () => 1], ["kept", 2]], "task");
      const tuple = await start().getTuple(at("t"));
      assert.deepEqual(tuple?.checkpoint.channel_values, { kept: 1 });
      assert.deepEqual(tuple?.pendingWrites, [["task", "call", undefined], ["task", "kept", 2]]);
    },
  },
];

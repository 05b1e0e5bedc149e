import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidInputError } from "@cairn/checkpoint";
import { all, at, checkpoint, ids, metadata, type SaverCase, valuesOf, writesOf } from "./_case.ts";

const HOSTILE = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  ".",
  "..",
  "../../other",
  "/",
  "//",
  "a/",
  "a/../b",
  "%2e%2e%2f",
  "%",
  "+",
  " ",
  "a b",
  "?x=1&y#z",
  "~",
  "~2f",
  "c",
  "n",
  "v",
  "w.task.r0",
  "\u0000",
  "\n",
  "\\",
  "ü",
  "u\u0308",
  "日本",
  "😀",
  "\ufeff",
  "a|b:c",
];

/** What ids may be, and that none reaches what is another's. */
export const idsCases: readonly SaverCase[] = [
  {
    name: "keeps namespaces apart whose names hold | and :",
    async run({ start }) {
      const saver = start();
      const namespaces = ["", "a", "a:1", "a:1|b:2", "a:1|b", "a|", "|", ":", "a%3A1", "a~3a1"];
      for (const ns of namespaces) {
        const state = checkpoint("1", { ns }, { ns: 1 });
        const config = await saver.put(at("t", undefined, ns), state, metadata(), { ns: 1 });
        assert.equal(config.configurable?.checkpoint_ns, ns);
        await saver.putWrites(config, [["ns", ns]], "task");
      }
      const reader = start();
      for (const ns of namespaces) {
        assert.deepEqual(await valuesOf(reader, at("t", undefined, ns)), { ns });
        assert.deepEqual(await writesOf(reader, at("t", "1", ns)), [["ns", ns]]);
        assert.deepEqual(await ids(reader.list(at("t", undefined, ns))), ["1"]);
      }
      const found = await all(reader.list({ configurable: { thread_id: "t" } }));
      assert.deepEqual(
        found.map(({ config }) => config.configurable?.checkpoint_ns).sort(),
        [...namespaces].sort(),
      );
      await saver.deleteThread("t");
      for (const ns of namespaces) {
        assert.equal(await reader.getTuple(at("t", undefined, ns)), undefined);
      }
    },
  },
  {
    name: "keeps thread 1 apart from 10, 1/2 and the like, to the last one deleted",
    async run({ start, keys }) {
      const saver = start({ inlineLimit: 0 });
      const threads = ["1", "10", "1/2", "1/", "/1", "1/n", "01", "1 ", "1|2", "", "1~"];
      for (const thread of threads) {
        await saver.put(at(thread), checkpoint("1", { thread }, { thread: 1 }), metadata(), {
          thread: 1,
        });
        await saver.putWrites(at(thread, "1"), [["thread", thread]], "task");
      }
      const listed = await all(start().list({ configurable: {} }));
      assert.deepEqual(
        listed.map(({ config }) => config.configurable?.thread_id).sort(),
        [...threads].sort(),
      );
      while (threads.length > 0) {
        await saver.deleteThread(threads.shift()!);
        for (const thread of threads) {
          const reader = start();
          assert.deepEqual(await valuesOf(reader, at(thread)), { thread });
          assert.deepEqual(await writesOf(reader, at(thread)), [["thread", thread]]);
        }
        assert.equal((await all(start().list({ configurable: {} }))).length, threads.length);
      }
      assert.deepEqual(await keys(), []);
    },
  },
  {
    name: "takes any text as the id of a thread, a namespace, a checkpoint and a task",
    async run({ start, store, prefix, keys }) {
      const text = fc.oneof(
        fc.constantFrom(...HOSTILE),
        fc.string({ unit: "binary", minLength: 1, maxLength: 12 }),
      );
      const places = fc.record(
        { thread: text, namespace: text, id: text, task: text },
        { noNullPrototype: true },
      );
      const neighbour = `${prefix.slice(0, -1)}0`;
      await store.put(neighbour, new Uint8Array(1));
      const check = async (
        place: { thread: string; namespace: string; id: string; task: string },
      ) => {
        const { thread, namespace, id, task } = place;
        const saver = start();
        const value = { a: place };
        const config = at(thread, id, namespace);
        await saver.put(
          at(thread, undefined, namespace),
          checkpoint(id, value, { a: 1 }),
          metadata(),
          {
            a: 1,
          },
        );
        await saver.putWrites(config, [["a", place]], task);
        for (const reader of [saver, start()]) {
          const tuple = await reader.getTuple(config);
          assert.deepEqual(tuple?.config, config);
          assert.deepEqual(tuple?.checkpoint.channel_values, value);
          assert.deepEqual(tuple?.pendingWrites, [[task, "a", place]]);
        }
        const [listed] = await all(start().list({ configurable: {} }));
        assert.deepEqual(listed?.config, config);
        await saver.deleteThread(thread);
        assert.deepEqual(await keys(), []);
      };
      for (const id of HOSTILE) await check({ thread: id, namespace: id, id, task: id });
      await fc.assert(fc.asyncProperty(places, check), {
        numRuns: 40,
        seed: 7,
        endOnFailure: true,
      });
      await store.head(neighbour);
      await store.delete([neighbour]);
      assert.equal(({} as Record<string, unknown>).a, undefined, "no prototype was touched");
    },
  },
  {
    name: "lists ids newest first by their code points, the one they begin with before them",
    async run({ start }) {
      const saver = start();
      const inOrder = ["1", "10", "2", "A", "a", "a\u0000", "ab", "b", "é", "\uff5e", "😀"];
      for (const id of [...inOrder].reverse()) {
        await saver.put(at("t"), checkpoint(id), metadata(), {});
      }
      const reader = start();
      const newestFirst = [...inOrder].reverse();
      assert.deepEqual(await ids(reader.list(at("t"))), newestFirst);
      for (const [index, id] of inOrder.entries()) {
        assert.deepEqual(
          await ids(reader.list(at("t"), { before: at("t", id) })),
          newestFirst.slice(inOrder.length - index),
        );
      }
      assert.equal((await reader.getTuple(at("t")))?.checkpoint.id, "😀");
    },
  },
  {
    name: "refuses an id that fits no key before anything is sent, and names the limit",
    async run({ start, keys }) {
      const saver = start();
      const long = "x".repeat(2000);
      const state = checkpoint("1", { a: "y".repeat(50_000) }, { a: 1 });
      const refused = [
        saver.put(at(long), state, metadata(), { a: 1 }),
        saver.put(at("t", undefined, long), state, metadata(), { a: 1 }),
        saver.put(at("t"), { ...state, id: long }, metadata(), { a: 1 }),
        saver.putWrites(at("t", "1"), [["a", "y".repeat(50_000)]], long),
        saver.getTuple(at("t", long)),
      ];
      for (const call of refused) {
        await assert.rejects(
          call,
          (error) => error instanceof InvalidInputError && error.message.includes("1024"),
        );
      }
      for (const id of ["\ud800", "a\udc00b"]) {
        await assert.rejects(saver.put(at(id), state, metadata(), { a: 1 }), InvalidInputError);
        await assert.rejects(saver.putWrites(at("t", "1"), [["a", 1]], id), InvalidInputError);
      }
      assert.deepEqual(await keys(), []);
    },
  },
];

import assert from "node:assert/strict";
import type { RunnableConfig } from "@langchain/core/runnables";
import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import fc from "fast-check";
import { memoryStore } from "@cairn/checkpoint";
import { Contest } from "./_contest.ts";
import { histories } from "./_histories.ts";

Deno.test("S3Saver answers as MemorySaver does, through any history, in two processes and a third", async () => {
  await fc.assert(
    fc.asyncProperty(histories, (history) => new Contest(memoryStore(), history).play()),
    { numRuns: 3_000, seed: 20_260_101 },
  );
});

Deno.test("S3Saver.copyThread() gives a thread that answers as its original, after any history", async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      const contest = new Contest(memoryStore(), history);
      await contest.play();
      const [original] = history.threads as [string];
      const saver = contest.restarted();
      await saver.copyThread(original, "the copy");
      const [expected, copied] = [
        await collect(saver.list({ configurable: { thread_id: original } })),
        await collect(saver.list({ configurable: { thread_id: "the copy" } })),
      ];
      assert.deepEqual(copied, expected.map((tuple) => renamed(tuple, "the copy")));
      await saver.deleteThread(original);
      assert.deepEqual(
        await collect(contest.restarted().list({ configurable: { thread_id: "the copy" } })),
        copied,
      );
    }),
    { numRuns: 300, seed: 20_260_102 },
  );
});

Deno.test("S3Saver.prune() leaves each namespace's latest checkpoint with all it is rebuilt from, after any history", async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      const contest = new Contest(memoryStore(), history);
      await contest.play();
      const { threads, namespaces } = history;
      const latest = async () => {
        const saver = contest.restarted();
        const found = [];
        for (const thread_id of threads) {
          for (const checkpoint_ns of namespaces) {
            const tuple = await saver.getTuple({ configurable: { thread_id, checkpoint_ns } });
            if (tuple === undefined) continue;
            const { checkpoint, config, metadata } = tuple;
            // A channel that has its value stands in need of no history.
            const channels = Object.keys(metadata?.counters_since_delta_snapshot ?? {})
              .filter((name) => !Object.hasOwn(checkpoint.channel_values, name));
            found.push(tuple, await saver.getDeltaChannelHistory({ config, channels }));
          }
        }
        return found;
      };
      const before = await latest();
      await contest.restarted().prune(threads, { grace: 0 });
      assert.deepEqual(await latest(), before);
    }),
    { numRuns: 300, seed: 20_260_103 },
  );
});

async function collect(tuples: AsyncIterable<CheckpointTuple>): Promise<CheckpointTuple[]> {
  const all: CheckpointTuple[] = [];
  for await (const tuple of tuples) all.push(tuple);
  return all;
}

function renamed(tuple: CheckpointTuple, thread_id: string): CheckpointTuple {
  const rename = ({ configurable }: RunnableConfig) => ({
    configurable: { ...configurable, thread_id },
  });
  const { config, parentConfig } = tuple;
  return {
    ...tuple,
    config: rename(config),
    ...(parentConfig !== undefined && { parentConfig: rename(parentConfig) }),
  };
}

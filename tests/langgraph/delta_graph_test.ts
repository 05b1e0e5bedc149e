import assert from "node:assert/strict";
import {
  Annotation,
  type BaseCheckpointSaver,
  Command,
  DeltaChannel,
  interrupt,
  MemorySaver,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { memoryStore } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { type Config, history } from "./_graph.ts";

const SNAPSHOT_EVERY = 4;

/** A loop that logs to a delta channel from two tasks a round, in an order that only their paths tell. */
function compile(checkpointer: BaseCheckpointSaver) {
  const State = Annotation.Root({
    log: () =>
      new DeltaChannel<string[], string[]>((state, writes) => [...state, ...writes.flat()], {
        snapshotFrequency: SNAPSHOT_EVERY,
      }),
    round: Annotation<number>,
    rounds: Annotation<number>,
  });
  return new StateGraph(State)
    .addNode("count", ({ round = 0 }) => ({ round: round + 1 }))
    .addNode("zeta", ({ round }) => ({ log: [`zeta ${round}`] }))
    .addNode("alpha", ({ round }) => ({ log: [`alpha ${round}`] }))
    .addNode("ask", ({ round }) => ({ log: [`${interrupt(round)}`] }))
    .addEdge(START, "count")
    .addEdge("count", "zeta")
    .addEdge("count", "alpha")
    .addConditionalEdges("zeta", ({ round, rounds }) => round < rounds ? "count" : "ask")
    .addConditionalEdges("alpha", ({ round, rounds }) => round < rounds ? "count" : "ask")
    .compile({ checkpointer });
}

async function play(
  start: () => BaseCheckpointSaver,
  durability: "sync" | "async" | "exit",
  between: () => Promise<void>,
): Promise<unknown[]> {
  const config: Config = { configurable: { thread_id: "1" } };
  const options = { ...config, durability };
  const seen: unknown[] = [];
  for (let run = 0; run < 3; run++) {
    const rounds = 3 * (run + 1) - run % 2;
    await compile(start()).invoke({ rounds, log: [`run ${run}`] }, options);
    await between();
    seen.push((await compile(start()).getState(config)).values);
    seen.push(await compile(start()).invoke(new Command({ resume: `yes ${run}` }), options));
    await between();
    seen.push((await history(compile(start()), config)).told);
  }
  const { snapshots } = await history(compile(start()), config);
  const past = snapshots[Math.min(5, snapshots.length - 1)]!;
  const fork = await compile(start()).updateState(past.config, { log: ["changed"] }, "count");
  seen.push((await compile(start()).getState(fork)).values);
  const forked = await compile(start()).invoke(null, { ...fork, durability });
  seen.push({ ...forked, __interrupt__: 0 });
  seen.push((await history(compile(start()), config)).told);
  return seen;
}

const nothing = () => Promise.resolve();

for (const durability of ["sync", "async", "exit"] as const) {
  for (const inlineLimit of [0, 16_384]) {
    Deno.test(`A graph's delta channels are rebuilt as on MemorySaver: durability "${durability}", values inline up to ${inlineLimit} bytes`, async () => {
      const memory = new MemorySaver();
      const expected = await play(() => memory, durability, nothing);
      assert.match(JSON.stringify(expected), /"run 0".+"alpha 1".+"yes 0","run 1".+"changed"/);
      const store = memoryStore();
      const start = () => new S3Saver({ store, inlineLimit });
      assert.deepEqual(await play(start, durability, nothing), expected);
    });
  }

  Deno.test(`A graph's delta channels outlive prune() between any two runs: durability "${durability}"`, async () => {
    const config: Config = { configurable: { thread_id: "1" } };
    const answers = [];
    for (const pruned of [false, true]) {
      const store = memoryStore();
      const start = () => new S3Saver({ store, inlineLimit: 0 });
      for (let run = 0; run < 4; run++) {
        const options = { ...config, durability };
        const rounds = 2 * (run + 1);
        await compile(start()).invoke({ rounds, log: [`run ${run}`] }, options);
        if (pruned) await start().prune(["1"], { grace: 0 });
        await compile(start()).invoke(new Command({ resume: `yes ${run}` }), options);
        if (pruned) await start().prune(["1"], { grace: 0 });
        answers.push((await compile(start()).getState(config)).values.log);
      }
      const { told } = await history(compile(start()), config);
      assert(!pruned || told.length <= 2 * SNAPSHOT_EVERY + 2, `${told.length} are left`);
    }
    assert.deepEqual(answers.slice(4), answers.slice(0, 4));
  });
}

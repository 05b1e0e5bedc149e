/**
 * A LangGraph graph that stops for an approval, goes on in what might be
 * another process, goes back in time, and is deleted: each step over the store
 * alone, with a saver and a graph of its own.
 */

import { prefixed } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { Annotation, Command, END, interrupt, START, StateGraph } from "@langchain/langgraph";
import assert from "node:assert/strict";

const State = Annotation.Root({
  topic: Annotation(),
  lines: Annotation({ reducer: (all, more) => [...all, ...more], default: () => [] }),
  seal: Annotation(),
});

/** Large enough to be kept apart from the record that refers to it. */
const LONG_LINE = "A cairn is a pile of stones that marks a trail. ".repeat(10_000);

const SEAL = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 2_654_435_761) >>> 24);

/** A graph as a new process would build it. */
function graphOn(store, prefix) {
  return new StateGraph(State)
    .addNode("draft", ({ topic }) => ({ lines: [`A note on ${topic}.`, LONG_LINE] }))
    .addNode("review", ({ lines }) => {
      const answer = interrupt({ question: "May it be published?", lines: lines.length });
      return { lines: [`The answer was ${answer}.`] };
    })
    .addNode("publish", ({ lines }) => ({ lines: [`${lines.length} lines.`], seal: SEAL }))
    .addEdge(START, "draft")
    .addEdge("draft", "review")
    .addConditionalEdges("review", ({ lines }) => /yes/.test(lines.at(-1)) ? "publish" : END)
    .addEdge("publish", END)
    .compile({ checkpointer: new S3Saver({ store, prefix }) });
}

async function keysUnder(store, prefix) {
  const keys = [];
  for await (const { objects } of store.list({ prefix })) keys.push(...objects.map((o) => o.key));
  return keys;
}

async function historyOf(graph, config) {
  const history = [];
  for await (const snapshot of graph.getStateHistory(config)) history.push(snapshot);
  return history;
}

/** The steps; each stands on the one before. @returns {{ name: string, run: () => Promise<void> }[]} */
export function roundTrip(whole) {
  const store = prefixed(whole, `runtimes/${crypto.randomUUID()}/`);
  const prefix = "agents/";
  const thread = { configurable: { thread_id: "trail/1" } };
  const graph = () => graphOn(store, prefix);
  return [
    {
      name: "a graph stops at its interrupt, and its state is stored",
      run: async () => {
        const result = await graph().invoke({ topic: "stones" }, thread);
        assert.equal(result.__interrupt__?.length, 1);
        const { next, tasks, values } = await graph().getState(thread);
        assert.deepEqual(next, ["review"]);
        assert.equal(tasks[0].interrupts[0].value.question, "May it be published?");
        assert.deepEqual(values.lines, ["A note on stones.", LONG_LINE]);
        assert((await keysUnder(store, prefix)).length > 0);
      },
    },
    {
      name: "another graph resumes it to its end",
      run: async () => {
        const { lines } = await graph().invoke(new Command({ resume: "yes" }), thread);
        assert.deepEqual(lines.slice(2), ["The answer was yes.", "3 lines."]);
        assert.deepEqual((await graph().getState(thread)).next, []);
      },
    },
    {
      name: "bytes in the state come back as bytes",
      run: async () => {
        const { values } = await graph().getState(thread);
        assert(values.seal instanceof Uint8Array);
        assert.deepEqual(new Uint8Array(values.seal), SEAL);
      },
    },
    {
      name: "the history is whole, newest first",
      run: async () => {
        const history = await historyOf(graph(), thread);
        const steps = history.map(({ metadata }) => metadata.step);
        assert.deepEqual(steps, [3, 2, 1, 0, -1]);
        assert.deepEqual(history.map(({ next }) => next), [
          [],
          ["publish"],
          ["review"],
          ["draft"],
          ["__start__"],
        ]);
      },
    },
    {
      name: "a fork from before the interrupt leaves the first branch as it was",
      run: async () => {
        const before = (await historyOf(graph(), thread)).find(({ next }) => next[0] === "review");
        const published = (await graph().getState(thread)).config;
        const again = await graph().invoke(null, before.config);
        assert.equal(again.__interrupt__?.length, 1);
        const { lines } = await graph().invoke(new Command({ resume: "no" }), thread);
        assert.deepEqual(lines.slice(2), ["The answer was no."]);
        const first = await graph().getState(published);
        assert.deepEqual(first.values.lines.slice(2), ["The answer was yes.", "3 lines."]);
      },
    },
    {
      name: "a state that is updated by hand is the latest",
      run: async () => {
        await graph().updateState(thread, { topic: "moss" });
        const { values } = await graph().getState(thread);
        assert.equal(values.topic, "moss");
        assert.equal(values.lines.length, 3);
      },
    },
    {
      name: "a deleted thread leaves nothing in the store",
      run: async () => {
        await new S3Saver({ store, prefix }).deleteThread("trail/1");
        assert.deepEqual(await keysUnder(store, ""), []);
        assert.deepEqual((await graph().getState(thread)).values, {});
      },
    },
  ];
}

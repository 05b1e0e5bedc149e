/** What people write first with LangGraph, told the same on MemorySaver and on S3Saver. */
import { memoryStore } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";
import { tool } from "@langchain/core/tools";
import {
  Annotation,
  type BaseCheckpointSaver,
  Command,
  entrypoint,
  getPreviousState,
  interrupt,
  MemorySaver,
  Send,
  StateGraph,
  task,
} from "@langchain/langgraph";
import { createReactAgent } from "@langchain/langgraph/prebuilt";
import assert from "node:assert/strict";

const config = { configurable: { thread_id: "first" } };

/** A model that asks for the weather once, and then says how many messages it was told. */
class Model extends BaseChatModel {
  _llmType(): string {
    return "fake";
  }
  override bindTools(): this {
    return this;
  }
  _generate(messages: BaseMessage[]): Promise<ChatResult> {
    const asks = messages.at(-1) instanceof HumanMessage;
    const call = { id: `call-${messages.length}`, name: "weather", args: { city: "Rome" } };
    const message = new AIMessage({
      id: `said-${messages.length}`,
      content: asks ? "" : `It took ${messages.length} messages.`,
      tool_calls: asks ? [{ ...call, type: "tool_call" }] : [],
    });
    return Promise.resolve({ generations: [{ text: String(message.content), message }] });
  }
}

const weather = tool(({ city }: { city: string }) => `Sunny in ${city}. `.repeat(2_000), {
  name: "weather",
  description: "Tells the weather.",
  schema: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  },
});

/** As JSON, with what is made by chance or by the clock named alike. */
function told(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value)
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b/g, "id")
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "time"),
  );
}

async function historyOf(
  graph: { getStateHistory(at: typeof config): AsyncIterable<unknown> },
): Promise<unknown[]> {
  return await Array.fromAsync(graph.getStateHistory(config));
}

/** Does the same with a saver for each process of a MemorySaver's and of a store's. */
async function compare(
  play: (start: () => BaseCheckpointSaver) => Promise<unknown>,
): Promise<unknown> {
  const [memory, store] = [new MemorySaver(), memoryStore()];
  const expected = told(await play(() => memory));
  assert.deepEqual(told(await play(() => new S3Saver({ store }))), expected);
  return expected;
}

Deno.test("An agent with tools goes on in another process as on MemorySaver, its messages as classes", async () => {
  await compare(async (start) => {
    const agent = () =>
      createReactAgent({ llm: new Model({}), tools: [weather], checkpointer: start() });
    const ask = (id: string) => ({ messages: [new HumanMessage({ id, content: "Weather?" })] });
    await agent().invoke(ask("one"), config);
    const events = await Array.fromAsync(
      await agent().stream(ask("two"), { ...config, streamMode: ["updates", "values"] }),
    );
    const { values: { messages } } = await agent().getState(config);
    assert.equal(messages.length, 8);
    assert(messages[4] instanceof HumanMessage && messages[7] instanceof AIMessage);
    return [events, await historyOf(agent())];
  });
});

Deno.test("Of a fan-out of 50, what failed alone is run again, as on MemorySaver", async () => {
  const State = Annotation.Root({
    done: Annotation<number[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
  });
  await compare(async (start) => {
    const runs: number[] = [];
    let broken = true;
    const graph = () =>
      new StateGraph(State)
        .addNode("plan", () => ({}))
        .addNode("work", ({ part }: { part: number }) => {
          runs.push(part);
          if (broken && part === 7) throw new Error("out of paper");
          return { done: [part] };
        }, { input: Annotation.Root({ part: Annotation<number> }) })
        .addEdge("__start__", "plan")
        .addConditionalEdges(
          "plan",
          () => Array.from({ length: 50 }, (_, part) => new Send("work", { part })),
          ["work"],
        )
        .compile({ checkpointer: start() });
    await assert.rejects(graph().invoke({}, { ...config, durability: "sync" }), /out of paper/);
    broken = false;
    const again = runs.length;
    const { done } = await graph().invoke(null, config);
    assert.equal(done.length, 50);
    return [runs.slice(again), done, await historyOf(graph())];
  });
});

Deno.test("A workflow of functions asks, and remembers what it was, as on MemorySaver", async () => {
  const answers = await compare(async (start) => {
    const double = task("double", (value: number) => Promise.resolve(2 * value));
    const workflow = () =>
      entrypoint({ name: "sum", checkpointer: start() }, async (value: number) => {
        const before = getPreviousState<number>() ?? 0;
        const doubled = await double(value);
        const more: number = interrupt(`How many more than ${doubled}?`);
        return entrypoint.final({ value: before + doubled + more, save: doubled });
      });
    const seen: unknown[] = [];
    for (const value of [1, 5]) {
      await workflow().invoke(value, config);
      seen.push(await workflow().invoke(new Command({ resume: 100 }), config));
    }
    return seen;
  });
  assert.deepEqual(answers, [102, 112]);
});

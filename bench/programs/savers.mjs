/**
 * A LangGraph.js graph on one saver after the other, as `_savers.ts` asks for
 * it: the graph, the messages and the process are the same for all.
 */

import { S3Saver } from "@cairn/checkpoint/langgraph";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import {
  Annotation,
  END,
  MemorySaver,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { randomUUID } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import process from "node:process";
import { serve, storeOptions, timed } from "./serve.mjs";

const messages = JSON.parse(readFileSync("conversation.json", "utf8"));
const KINDS = { ai: AIMessage, human: HumanMessage, system: SystemMessage, tool: ToolMessage };

const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  /** Set once and never again, as instructions and plans are. */
  plan: Annotation(),
  tokens: Annotation({ reducer: (sum, more) => sum + more, default: () => 0 }),
  told: Annotation(),
});

/** What a node adds: the next message of the conversation, as a model's or a tool's answer. */
function next({ told = 0 }) {
  const { type, ...fields } = messages[told];
  return {
    messages: [new KINDS[type](fields)],
    tokens: fields.usage_metadata?.total_tokens ?? 0,
    told: told + 1,
  };
}

function graphOn(checkpointer, steps) {
  const route = ({ told }) =>
    told >= steps ? END : messages[told].type === "tool" ? "tools" : "agent";
  return new StateGraph(State)
    .addNode("agent", next)
    .addNode("tools", next)
    .addEdge(START, "agent")
    .addConditionalEdges("agent", route, ["agent", "tools", END])
    .addConditionalEdges("tools", route, ["agent", "tools", END])
    .compile({ checkpointer });
}

/** How many bytes are stored under a prefix, and in how many objects. */
async function under(store, prefix) {
  let bytes = 0, objects = 0;
  for await (const page of store.list({ prefix })) {
    objects += page.objects.length;
    for (const { size } of page.objects) bytes += size;
  }
  return { bytes, objects };
}

/** A saver on an object store, and what it has stored. */
function onStore(store) {
  const prefix = `bench/savers/${randomUUID()}/`;
  const fresh = () => new S3Saver({ store, prefix });
  return {
    saver: fresh(),
    fresh,
    stored: () => under(store, prefix),
    clear: async () => {
      for await (const { objects } of store.list({ prefix })) {
        await store.delete(objects.map(({ key }) => key));
      }
    },
  };
}

/** A package that the project has and the checkout has not: a name that is computed is not looked for there. */
const packageOf = async (kind) => await import(`@langchain/langgraph-checkpoint-${kind}`);

/** The savers by their names: each is made when it is first asked for. */
const MAKE = {
  "no saver": () => ({}),
  "MemorySaver": () => {
    const saver = new MemorySaver();
    const size = (value) =>
      value instanceof Uint8Array
        ? value.length
        : typeof value === "object" && value !== null
        ? Object.values(value).reduce((sum, inner) => sum + size(inner), 0)
        : 0;
    return {
      saver,
      stored: () => ({ bytes: size(saver.storage) + size(saver.writes) }),
      clear: () => saver.storage = saver.writes = {},
    };
  },
  "SqliteSaver": async ({ sqlite }) => {
    const { SqliteSaver } = await packageOf("sqlite");
    const saver = SqliteSaver.fromConnString(sqlite);
    return {
      saver,
      stored: () => {
        saver.db.pragma("wal_checkpoint(TRUNCATE)");
        return { bytes: statSync(sqlite).size };
      },
      clear: () => saver.db.close(),
    };
  },
  "PostgresSaver": async ({ postgres }) => {
    const { PostgresSaver } = await packageOf("postgres");
    const saver = PostgresSaver.fromConnString(postgres);
    await saver.setup();
    return {
      saver,
      stored: async () => {
        const { rows } = await saver.pool.query(
          "SELECT sum(pg_total_relation_size(oid)) AS bytes FROM pg_class " +
            "WHERE relkind = 'r' AND relname IN ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes')",
        );
        return { bytes: Number(rows[0].bytes) };
      },
      clear: () => saver.end(),
    };
  },
  "S3Saver, edgeStore": () => onStore(edgeStore(storeOptions())),
  "S3Saver, sdkStore": () => onStore(sdkStore(storeOptions())),
};

let places = {};
const made = new Map();
async function target(name) {
  if (!made.has(name)) made.set(name, await MAKE[name](places));
  return made.get(name);
}

await serve({
  /** Says where SQLite and PostgreSQL keep what they are given. */
  start: (given) => {
    places = given;
    return { node: process.version, savers: Object.keys(MAKE) };
  },
  /** Runs a new thread of so many steps, and then reads its latest checkpoint as a new process would. */
  run: async ({ saver: name, steps }) => {
    const { saver, fresh } = await target(name);
    const graph = graphOn(saver, steps);
    const config = { configurable: { thread_id: randomUUID() }, recursionLimit: steps + 1 };
    let result;
    const run = await timed(async () => {
      result = await graph.invoke({ plan: "Look it up, then answer. ".repeat(80) }, config);
    });
    if (result.messages.length !== steps) throw new Error(`${result.messages.length} messages`);
    if (saver === undefined) return { run };
    let tuple;
    const latest = await timed(async () => tuple = await (fresh?.() ?? saver).getTuple(config));
    const { told } = tuple.checkpoint.channel_values;
    if (told !== steps) throw new Error(`${name} has ${told} of ${steps} steps`);
    return { run, latest };
  },
  stored: async ({ saver: name }) => await (await target(name)).stored?.(),
  clear: async () => {
    for (const { clear } of made.values()) await clear?.();
  },
});

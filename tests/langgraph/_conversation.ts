/** A conversation as agents have them: two messages a step, their ids random, their words of a natural spread. */
import { memoryStore } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { countingStore } from "@cairn/checkpoint/testing";
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { JsonPlusSerializer, type SerializerProtocol } from "@langchain/langgraph-checkpoint";
import { randomFrom } from "../../bench/_data.ts";
import { configOf } from "./_contest.ts";
import { idOf, THREAD } from "./_threads.ts";

const WORDS =
  ("the of and to in a is that for it as was with be by on not he this are or his from at " +
    "which but have an had they you were their one all we can her has there been if more when will " +
    "would who so no order shipment customer invoice balance account refund request response latency " +
    "deployment region bucket object checkpoint thread message summary table column value error retry " +
    "timeout schedule meeting ticket priority assigned resolved estimate quarterly revenue forecast " +
    "contract supplier warehouse delivery temperature pressure analysis hypothesis experiment dataset " +
    "model training evaluation accuracy however therefore although whether possible").split(" ");

/** Gives the messages of one step after the other: a question and an answer of about 800 bytes each. */
export function talk(seed: number): () => BaseMessage[] {
  const random = randomFrom(seed);
  const hex = (digits: number) =>
    Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join("");
  const fields = () => {
    const length = 600 + random() * 400;
    let content = "";
    // Squaring favours the list's beginning about as much as a language does its commonest words.
    while (content.length < length) {
      content += `${WORDS[Math.floor(random() ** 2 * WORDS.length)]} `;
    }
    return { id: `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`, content };
  };
  return () => [new HumanMessage(fields()), new AIMessage(fields())];
}

/**
 * A serializer that remembers what each message is in JSON, so that a long list
 * of them need not be gone through at each step; the bytes are the same.
 */
export function remembering(inner: SerializerProtocol): SerializerProtocol {
  const known = new WeakMap<object, string>();
  const textOf = async (value: object) => {
    if (!known.has(value)) {
      known.set(value, new TextDecoder().decode((await inner.dumpsTyped(value))[1]));
    }
    return known.get(value)!;
  };
  return {
    async dumpsTyped(value) {
      if (!Array.isArray(value)) return await inner.dumpsTyped(value);
      const texts: string[] = [];
      for (const item of value) texts.push(known.get(item) ?? await textOf(item));
      return ["json", new TextEncoder().encode(`[${texts.join(",")}]`)];
    },
    loadsTyped: (type, data) => inner.loadsTyped(type, data),
  };
}

const serde = remembering(new JsonPlusSerializer());

/** The messages as they are saved. */
export async function bytesOf(messages: readonly BaseMessage[]): Promise<Uint8Array> {
  return (await serde.dumpsTyped(messages))[1];
}

/** A saver as users have it, its messages serialized fast. */
export function saverOn(...[options, ...rest]: ConstructorParameters<typeof S3Saver>): S3Saver {
  return new S3Saver({ ...options, serde }, ...rest);
}

/** One step of a graph with one node, as LangGraph stores it: the node's writes, then the checkpoint. */
export async function step(
  saver: S3Saver,
  number: number,
  messages: readonly BaseMessage[],
  added: readonly BaseMessage[],
): Promise<void> {
  const config = configOf(THREAD, "", number === 0 ? undefined : idOf(number - 1));
  if (number > 0) {
    await saver.putWrites(config, [["messages", added], ["branch:to:talk", null]], "task", "path");
  }
  const checkpoint = {
    v: 4,
    id: idOf(number),
    ts: "2026-01-01T00:00:00.000Z",
    channel_values: { messages, "branch:to:talk": null },
    channel_versions: { __start__: 2, messages: number + 2, "branch:to:talk": number + 2 },
    versions_seen: {
      __input__: {},
      __start__: { __start__: 1 },
      talk: { "branch:to:talk": number + 1 },
    },
  };
  const versions = { messages: number + 2, "branch:to:talk": number + 2 };
  await saver.put(config, checkpoint, { source: "loop", step: number, parents: {} }, versions);
}

/** What is done to a value of 1 MB, by what to call it. */
export const CHANGES: Readonly<
  Record<string, (messages: readonly BaseMessage[]) => readonly BaseMessage[]>
> = {
  "its front trimmed by half": (messages) => messages.slice(messages.length / 2),
  "one message edited in the middle": (messages) => {
    const content = "What was said here is another thing.";
    return messages.with(messages.length / 2, new AIMessage({ id: "edited", content }));
  },
};

/** How much of a value of 1 MB is sent when it changes, its record included. */
export async function shareSent(
  seed: number,
  change: (messages: readonly BaseMessage[]) => readonly BaseMessage[],
): Promise<number> {
  const next = talk(seed);
  const messages: BaseMessage[] = [];
  for (let size = 0; size < 1_000_000;) {
    const added = next();
    size += (await bytesOf(added)).length;
    messages.push(...added);
  }
  const store = countingStore(memoryStore());
  const saver = saverOn({ store, compression: "none" });
  await step(saver, 0, messages, []);
  store.reset();
  const config = configOf(THREAD, "", idOf(0));
  const checkpoint = {
    v: 4,
    id: idOf(1),
    ts: "2026-01-01T00:00:00.000Z",
    channel_values: { messages: change(messages) },
    channel_versions: { messages: 3 },
    versions_seen: {},
  };
  await saver.put(config, checkpoint, { source: "update", step: 1, parents: {} }, { messages: 3 });
  return store.counts.bytesWritten / (await bytesOf(messages)).length;
}

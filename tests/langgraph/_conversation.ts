/** A conversation as agents have them: two messages a step, their ids random, their words of a natural spread. */
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";

const WORDS =
  ("the of and to in a is that for it as was with be by on not he this are or his from at " +
    "which but have an had they you were their one all we can her has there been if more when will " +
    "would who so no order shipment customer invoice balance account refund request response latency " +
    "deployment region bucket object checkpoint thread message summary table column value error retry " +
    "timeout schedule meeting ticket priority assigned resolved estimate quarterly revenue forecast " +
    "contract supplier warehouse delivery temperature pressure analysis hypothesis experiment dataset " +
    "model training evaluation accuracy however therefore although whether possible").split(" ");

/** Numbers from 0 up to 1 that a seed decides (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

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

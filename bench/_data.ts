/**
 * An agent's conversation, as LangGraph.js keeps it: made up, but like real
 * ones in what compression sees. Prose with a natural spread of words, tool
 * calls, tool results with rows and links, ids that never repeat.
 *
 * @module
 */

const WORDS = (
  "the of and to in a is that for it as was with be by on not he this are or his from at which but " +
  "have an had they you were their one all we can her has there been if more when will would who so " +
  "no out up into them than its time only could new other some these two may then do first any my now " +
  "such like our over man me even most made after also did many before must through years where much " +
  "your way well down should because each just those people how too little state good very make world " +
  "still own see men work long get here between both life being under never day same another know while " +
  "last might us great old year off come since against go came right used take three order shipment " +
  "customer invoice balance account refund request response latency deployment region bucket object " +
  "checkpoint thread message summary table column value error retry timeout schedule meeting ticket " +
  "priority assigned resolved estimate quarterly revenue forecast contract supplier warehouse delivery " +
  "temperature pressure analysis hypothesis experiment dataset model training evaluation accuracy " +
  "however therefore although whether possible several according available necessary particular"
).split(" ");
const TOOLS = ["search_documents", "query_database", "read_file", "send_email", "create_ticket"];
const HOSTS = ["docs.example.com", "wiki.example.org", "tickets.example.net", "files.example.com"];

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

/** One message of a conversation. */
export type Message = Record<string, unknown>;

/** The messages of a conversation, without end. */
export function* conversation(seed: number): Generator<Message, never> {
  const random = randomFrom(seed);
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
  const oneOf = <T>(list: readonly T[]): T => list[between(0, list.length - 1)]!;
  // Squaring favours the list's beginning about as much as a language does its commonest words.
  const word = () => WORDS[Math.floor(random() ** 2 * WORDS.length)]!;
  const sentence = () => {
    const text = Array.from({ length: between(6, 24) }, word).join(" ");
    return text[0]!.toUpperCase() + text.slice(1) + oneOf([".", ".", ".", "?", ":"]);
  };
  const prose = (low: number, high: number) =>
    Array.from({ length: between(low, high) }, sentence).join(oneOf([" ", " ", "\n\n"]));
  const id = (length: number) =>
    Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join("");
  const row = () => ({
    id: `${oneOf(["ORD", "INV", "TCK"])}-${between(10_000, 999_999)}`,
    title: Array.from({ length: between(3, 8) }, word).join(" "),
    score: Math.round(random() * 1e6) / 1e6,
    amount: between(100, 1_000_000) / 100,
    updated_at: new Date(1_7e11 + between(0, 5e10)).toISOString(),
    url: `https://${oneOf(HOSTS)}/${word()}/${id(8)}?ref=${word()}`,
    snippet: prose(1, 3),
  });

  yield { type: "system", id: id(32), content: prose(8, 14) };
  for (;;) {
    yield { type: "human", id: id(32), content: prose(1, 4), additional_kwargs: {} };
    for (let calls = between(0, 3); calls > 0; calls--) {
      const call = { name: oneOf(TOOLS), id: `call_${id(24)}`, type: "tool_call" };
      const args = { query: Array.from({ length: between(2, 7) }, word).join(" "), limit: 10 };
      yield {
        type: "ai",
        id: `chatcmpl-${id(29)}`,
        content: "",
        tool_calls: [{ ...call, args }],
        usage_metadata: usage(between),
        response_metadata: { finish_reason: "tool_calls", system_fingerprint: "fp_44709d6fcb" },
      };
      yield {
        type: "tool",
        id: id(32),
        name: call.name,
        tool_call_id: call.id,
        content: JSON.stringify(Array.from({ length: between(1, 10) }, row)),
      };
    }
    yield {
      type: "ai",
      id: `chatcmpl-${id(29)}`,
      content: prose(2, 12),
      tool_calls: [],
      usage_metadata: usage(between),
      response_metadata: { finish_reason: "stop", system_fingerprint: "fp_44709d6fcb" },
    };
  }
}

function usage(between: (low: number, high: number) => number): Record<string, number> {
  const input_tokens = between(300, 20_000), output_tokens = between(20, 900);
  return { input_tokens, output_tokens, total_tokens: input_tokens + output_tokens };
}

/** A conversation as the JSON of its messages, in exactly `size` bytes: cut where they end. */
export function conversationBytes(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  const encoder = new TextEncoder();
  let offset = 0;
  for (const message of conversation(seed)) {
    const text = (offset === 0 ? "[" : ",") + JSON.stringify(message);
    offset += encoder.encodeInto(text, bytes.subarray(offset)).written;
    if (bytes.length - offset < 4) break;
  }
  return bytes.fill(0x20, offset);
}

/** The messages of a conversation whose JSON has about `size` bytes. */
export function conversationMessages(size: number, seed = 1): Message[] {
  const messages: Message[] = [];
  let length = 0;
  for (const message of conversation(seed)) {
    messages.push(message);
    length += JSON.stringify(message).length;
    if (length >= size) break;
  }
  return messages;
}

/**
 * A stream of bytes that do not compress. Its pieces are views of one block:
 * it makes no garbage, so that the memory measured is that of who reads it.
 */
export function streamOfNoise(size: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  const random = randomFrom(size);
  const noise = new Uint8Array(64 * 1024).map(() => random() * 256);
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent === size) return controller.close();
      const bytes = noise.subarray(0, size - sent);
      sent += bytes.length;
      controller.enqueue(bytes);
    },
  }, { highWaterMark: 0 });
}

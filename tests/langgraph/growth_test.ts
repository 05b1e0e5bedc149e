/** What a conversation costs as it grows: counts of requests and of bytes, no times. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { memoryStore } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { countingStore } from "@cairn/checkpoint/testing";
import type { BaseMessage } from "@langchain/core/messages";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { configOf } from "./_contest.ts";
import { bytesOf, CHANGES, saverOn, shareSent, step, talk } from "./_conversation.ts";
import { idOf, longThread, THREAD } from "./_threads.ts";
import { waveStore } from "./_waves.ts";

Deno.test("A conversation of 500 steps in a graph takes a tenth of its states gzipped, and 2.1 PUTs a step", async () => {
  const STEPS = 500;
  const next = talk(1);
  let steps = 0, whole = 0;
  const inner = memoryStore();
  const store = countingStore(inner);
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("talk", async ({ messages }) => {
      steps++;
      // Each tenth state stands for ten.
      if (steps % 10 === 0) whole += 10 * gzipSync(await bytesOf(messages)).length;
      return { messages: next() };
    })
    .addEdge(START, "talk")
    .addConditionalEdges("talk", () => steps < STEPS ? "talk" : END, ["talk", END])
    .compile({ checkpointer: new S3Saver({ store }) });
  const config = { configurable: { thread_id: "t" }, recursionLimit: STEPS + 10 };
  await graph.invoke({ messages: [] }, config);

  const { put, bytesWritten } = store.counts;
  assert.equal(steps, STEPS);
  assert.equal(store.requests - put, 1, "a LIST when the run begins, and nothing but PUTs");
  assert(put <= 2.1 * STEPS, `${put / STEPS} PUTs a step`);
  assert(bytesWritten <= whole / 10, `1/${whole / bytesWritten} of the states`);
  const state = await new S3Saver({ store: inner }).getTuple(config);
  assert.equal((state?.checkpoint.channel_values.messages as BaseMessage[]).length, 2 * STEPS);
});

Deno.test("A conversation of 5,000 steps takes a fiftieth of its states gzipped, 2.1 PUTs a step, and 34 requests to read", async () => {
  // Whole, its states are 27 GB: of each 250 steps 25 are taken, after one that they go on from.
  const STEPS = 5_000, EVERY = 250, TAKEN = 25, FIRST = 112;
  const next = talk(2);
  const messages: BaseMessage[] = [];
  const inner = memoryStore();
  const store = countingStore(inner);
  let saver = saverOn({ store });
  let puts = 0, bytes = 0, whole = 0, taken = 0;
  for (let number = 1; number <= STEPS; number++) {
    const added = next();
    messages.push(...added);
    const at = number % EVERY - FIRST;
    if (at === -1) saver = saverOn({ store });
    else if (number < STEPS && (at < 0 || at >= TAKEN)) continue;
    store.reset();
    await step(saver, number, messages, added);
    if (at < 0 || at >= TAKEN) continue;
    puts += store.counts.put;
    bytes += store.counts.bytesWritten;
    taken++;
    if (at === TAKEN >> 1) whole += TAKEN * gzipSync(await bytesOf(messages)).length;
  }
  assert.equal(taken, STEPS / EVERY * TAKEN);
  assert(puts <= 2.1 * taken, `${puts / taken} PUTs a step`);
  assert(bytes <= whole / 50, `1/${whole / bytes} of the states`);

  await saver.putWrites(configOf(THREAD, "", idOf(STEPS)), [["messages", next()]], "task", "path");
  const { store: waves, measure } = waveStore(inner);
  const cold = new S3Saver({ store: waves, maxOpenRequests: 100 });
  const { requests, trips } = await measure(() => cold.getTuple(configOf(THREAD, "")));
  assert.equal(trips, 3);
  assert.equal(requests.LIST, 1);
  assert(1 + requests.GET! <= 34, `${requests.GET} GETs`);
});

for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test(`A value of 1 MB, ${what}, is sent to 15 % at most`, async () => {
    const shares: number[] = [];
    for (let seed = 1; seed <= 8; seed++) shares.push(await shareSent(seed, change));
    assert(Math.max(...shares) <= 0.15, `${shares}`);
  });
}

Deno.test("getTuple() of the latest asks at 10,000 checkpoints what it asks at 10", async () => {
  for (const count of [10, 10_000]) {
    const { store, measure } = waveStore(await longThread(count));
    const cost = await measure(() => new S3Saver({ store }).getTuple(configOf(THREAD, "")));
    assert.deepEqual(cost, { requests: { LIST: 1, GET: 2 }, trips: 2 });
  }
});

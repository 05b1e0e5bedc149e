import { type BaseCheckpointSaver, MemorySaver } from "@langchain/langgraph-checkpoint";
import { encodeFrame, memoryStore } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { countingStore } from "@cairn/checkpoint/testing";
import { gzipSync } from "node:zlib";
import { coldStarts } from "./_cold_start.ts";
import { conversationBytes, conversationMessages } from "./_data.ts";
import { growth } from "./_growth.ts";
import { ANCESTORS, DELAY, HISTORY, latencies, UNIT } from "./_latency.ts";
import { inTurn, ratios } from "./_measure.ts";
import { NODE } from "./_project.ts";
import { putCases } from "./_put.ts";
import type { Server } from "./_server.ts";
import { edge } from "./_target.ts";
import { checkpointOf, configOf, idOf } from "./_threads.ts";

/** Ratios by name, one number a round: the smaller, the better. */
export type Ratios = Readonly<Record<string, readonly number[]>>;

/** Measures some ratios, each within its rounds. */
export type Measure = (server: Server, rounds: number) => Promise<Ratios>;

/** What `bench:check` holds to its baseline. */
export const MEASURES: readonly Measure[] = [
  bytesStored,
  savingInMemory,
  compressing,
  putting,
  reading,
  waiting,
  starting,
];

/** The states of a conversation that grows by two messages a step. */
function* growing(steps: number) {
  const messages = conversationMessages(steps * 8_000).slice(0, 2 * steps);
  for (let step = 0; step < steps; step++) yield messages.slice(0, 2 * (step + 1));
}

async function play(saver: BaseCheckpointSaver, states: Iterable<unknown>): Promise<void> {
  const thread = crypto.randomUUID();
  let number = 0;
  for (const messages of states) {
    const { checkpoint, metadata, versions } = checkpointOf(number, { messages, step: number });
    const parent = number === 0 ? undefined : idOf(number - 1);
    await saver.put(configOf(thread, parent), checkpoint, metadata, versions);
    await saver.putWrites(configOf(thread, checkpoint.id), [["step", number]], "task");
    number++;
  }
}

/** What a conversation of 100 steps stores, over each of its states gzipped whole. */
async function bytesStored(): Promise<Ratios> {
  const store = countingStore(memoryStore());
  await play(new S3Saver({ store, compression: "gzip" }), growing(100));
  let whole = 0;
  for (const state of growing(100)) whole += gzipSync(JSON.stringify(state)).length;
  return { "bytes of 100 steps ÷ whole states": [store.counts.bytesWritten / whole] };
}

/** A conversation saved to memory by S3Saver, over MemorySaver: what we compute, with no server. */
async function savingInMemory(_: Server, rounds: number): Promise<Ratios> {
  const states = [...growing(60)];
  const samples = await inTurn([
    { name: "ours", run: () => play(new S3Saver({ store: memoryStore() }), states) },
    { name: "theirs", run: () => play(new MemorySaver(), states) },
  ], { rounds, times: 3 });
  return { "saving to memory ÷ MemorySaver": ratios(samples.get("ours")!, samples.get("theirs")!) };
}

/** A frame of 1 MB with gzip, over the runtime's own stream. */
async function compressing(_: Server, rounds: number): Promise<Ratios> {
  const payload = conversationBytes(1e6);
  const alone = () =>
    new Response(new Blob([payload]).stream().pipeThrough(new CompressionStream("gzip")))
      .arrayBuffer();
  const samples = await inTurn([
    { name: "frame", run: () => encodeFrame(payload, { kind: "chunk", compression: "gzip" }) },
    { name: "stream", run: alone },
  ], { rounds, times: 3 });
  return {
    "a frame of 1 MB, gzip ÷ CompressionStream": ratios(
      samples.get("frame")!,
      samples.get("stream")!,
    ),
  };
}

/** A small checkpoint on edgeStore, over the bare signed request with the same bytes. */
async function putting(server: Server, rounds: number): Promise<Ratios> {
  const cases = (await putCases(server)).filter(({ transport }) => transport === "edgeStore");
  const samples = await inTurn(cases, { rounds, times: 40 });
  const bare = samples.get("the bare signed request")!;
  return { "put, 10 KB ÷ the bare request": ratios(samples.get("S3Saver.put")!, bare) };
}

/** The latest checkpoint of 10,000, over that of 10: with the server's LIST, beyond it, and in memory. */
async function reading(server: Server, rounds: number): Promise<Ratios> {
  const [short, long] = await growth(server, [10, 10_000], { rounds, times: 15 });
  return {
    "the latest of 10,000 ÷ of 10": ratios(long!.time, short!.time),
    "the latest of 10,000 ÷ of 10, beyond a LIST of one key": ratios(long!.rest, short!.rest),
    "the latest of 10,000 ÷ of 10, in memory": ratios(long!.memory, short!.memory),
  };
}

/**
 * The round trips in a row that the operations wait for, by time; those of
 * large values are left to the report, since computing takes longer than they.
 */
async function waiting(server: Server, rounds: number): Promise<Ratios> {
  const found = await latencies(server, edge, rounds);
  const held = found.filter(({ name }) => name !== UNIT && !name.includes("1 MB"));
  const bound = 6 * DELAY + 100;
  const history = found.find(({ name }) => name === HISTORY)!;
  return {
    ...Object.fromEntries(held.map(({ name, trips }) => [`round trips: ${name}`, trips])),
    [`delta history of ${ANCESTORS}, +${DELAY} ms ÷ ${bound} ms`]: history.far.map((milliseconds) =>
      milliseconds / bound
    ),
  };
}

/** Loading the core with `./edge`, over loading it with `./sdk`. */
async function starting(_: Server, rounds: number): Promise<Ratios> {
  const found = await coldStarts({ rounds, nodes: [NODE] });
  return Object.fromEntries(found.map(({ where, form, load }) => {
    const [runtime] = where.split(" ");
    return [`cold start, ${runtime}, ${form}, edge ÷ sdk`, ratios(load.edge, load.sdk)];
  }));
}

import { memoryStore } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { countingStore } from "@cairn/checkpoint/testing";
import type { BaseMessage } from "@langchain/core/messages";
import { gzipSync } from "node:zlib";
import {
  bytesOf,
  CHANGES,
  saverOn,
  shareSent,
  step,
  talk,
} from "../tests/langgraph/_conversation.ts";
import { THREAD } from "../tests/langgraph/_threads.ts";
import { waveStore } from "../tests/langgraph/_waves.ts";
import { barChart } from "./_chart.ts";
import { figures } from "./_measure.ts";
import { table } from "./_table.ts";
import { checkpointOf, configOf, idOf } from "./_threads.ts";

/** After how many steps it is looked at what the conversation takes. */
const LOOKS: readonly number[] = [100, 500, 1_000, 2_500, 5_000];
/** Of each so many states one is gzipped whole, and stands for all of them: whole they are 27 GB. */
const WEIGHED = 20;
/** How many values are changed. */
const SEEDS = 8;
/** The checkpoints of the thread that is searched, and how many a filter finds. */
const SEARCHED = 1_000;
const FOUND = 10;

/** What a conversation takes up to a step. */
interface Look {
  readonly steps: number;
  /** The bytes of its objects. */
  readonly bytes: number;
  /** The bytes of each step's whole state, gzipped. */
  readonly whole: number;
  readonly puts: number;
  /** What a new process asks to read the latest. */
  readonly gets: number;
  readonly trips: number;
}

async function grow(): Promise<Look[]> {
  const next = talk(1);
  const messages: BaseMessage[] = [];
  const inner = memoryStore();
  const store = countingStore(inner);
  const saver = saverOn({ store });
  const looks: Look[] = [];
  let whole = 0;
  for (let number = 1; number <= LOOKS.at(-1)!; number++) {
    const added = next();
    messages.push(...added);
    await step(saver, number, messages, added);
    if (number % WEIGHED === WEIGHED / 2) {
      whole += WEIGHED * gzipSync(await bytesOf(messages)).length;
    }
    if (!LOOKS.includes(number)) continue;
    const { store: waves, measure } = waveStore(inner);
    const cold = new S3Saver({ store: waves, maxOpenRequests: 100 });
    const { requests, trips } = await measure(() => cold.getTuple(configOf(THREAD)));
    const { bytesWritten: bytes, put: puts } = store.counts;
    looks.push({ steps: number, bytes, whole, puts, gets: requests.GET!, trips });
    console.error(`${number} steps: 1/${(whole / bytes).toFixed(1)}`);
  }
  return looks;
}

/** The bytes that a filter reads to find some checkpoints of a thread, and those of reading all of its states. */
async function search(): Promise<{ filtered: number; all: number }> {
  const inner = memoryStore();
  const next = talk(3);
  const messages: BaseMessage[] = [];
  const saver = saverOn({ store: inner });
  for (let number = 0; number < SEARCHED; number++) {
    messages.push(...next());
    const config = configOf(THREAD, number === 0 ? undefined : idOf(number - 1));
    const { checkpoint, metadata, versions } = checkpointOf(number, { messages });
    const told = { ...metadata, marked: number % (SEARCHED / FOUND) === 0 };
    await saver.put(config, checkpoint, told, versions);
  }
  const store = countingStore(inner);
  const list = new S3Saver({ store }).list(configOf(THREAD), { filter: { marked: true } });
  const found = await Array.fromAsync(list);
  if (found.length !== FOUND) throw new Error(`The filter found ${found.length}`);
  const filtered = store.counts.bytesRead;
  store.reset();
  for (let number = 0; number < SEARCHED; number++) {
    await new S3Saver({ store }).getTuple(configOf(THREAD, idOf(number)));
  }
  return { filtered, all: store.counts.bytesRead };
}

/** Plays a conversation, changes values, searches, and gives the tables and the plot. */
export async function conversationReport(): Promise<string> {
  const looks = await grow();
  const number = (value: number) => value.toLocaleString("en");
  const rows = looks.map(({ steps, bytes, whole, puts, gets, trips }) => [
    number(steps),
    (bytes / 1e6).toFixed(2),
    (whole / 1e6).toFixed(1),
    `1/${(whole / bytes).toFixed(1)}`,
    (bytes / steps / 1e3).toFixed(1),
    (puts / steps).toFixed(2),
    `1 LIST, ${gets} GET`,
    `${trips}`,
  ]);
  const changed: string[][] = [];
  for (const [what, change] of Object.entries(CHANGES)) {
    const shares: number[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) shares.push(100 * await shareSent(seed, change));
    changed.push([what, ...figures(shares, 1)]);
  }
  const { filtered, all } = await search();
  const plot = await barChart("conversation", {
    title: "A conversation as it grows: megabytes stored",
    groups: looks.map(({ steps }) => `${number(steps)} steps`),
    bars: [
      { name: "each state, gzipped", values: looks.map(({ whole }) => whole / 1e6) },
      { name: "S3Saver", values: looks.map(({ bytes }) => bytes / 1e6) },
    ],
    digits: 1,
    ownScale: true,
  });
  return [
    "Two messages of about 800 bytes a step, their ids random; a task's writes and a checkpoint each " +
    `step, as LangGraph stores them. Counts, no times. Of each ${WEIGHED} states one was gzipped, and ` +
    "stands for them. To reach: 1/10 of the bytes at 500 steps and 1/50 at 5,000, 2.1 PUTs a step, " +
    "34 requests and 3 round trips for the latest in a new process.",
    "",
    table([
      "steps",
      "S3Saver, MB",
      "each state gzipped, MB",
      "of that",
      "KB a step",
      "PUTs a step",
      "latest, cold",
      "round trips",
    ], rows),
    "",
    plot,
    "",
    `What is sent of a value of 1 MB when it changes, not compressed, its record included; ${SEEDS} values. ` +
    "To reach: 15 %.",
    "",
    table(["change", "% sent", "min–max"], changed),
    "",
    `A filter that finds ${FOUND} of such a conversation's ${number(SEARCHED)} checkpoints reads ` +
    `${(filtered / 1e6).toFixed(1)} MB; reading each state by itself ${
      (all / 1e6).toFixed(1)
    } MB, ` +
    `${(all / filtered).toFixed(1)} times as much. To reach: 5 times.`,
  ].join("\n");
}

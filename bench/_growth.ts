import { S3Saver } from "@cairn/checkpoint/langgraph";
import { countingStore } from "@cairn/checkpoint/testing";
import { clear } from "./_latency.ts";
import { type Case, inTurn, median, ratios, spread } from "./_measure.ts";
import type { Server } from "./_server.ts";
import { table } from "./_table.ts";
import { edge } from "./_target.ts";
import { configOf, layThread } from "./_threads.ts";

/** How many checkpoints the threads have. */
export const LENGTHS: readonly number[] = [10, 100, 1_000, 10_000];

/** What reading the latest checkpoint took in a thread of so many. */
export interface Growth {
  readonly length: number;
  readonly requests: string;
  readonly bytes: number;
  /** Milliseconds, one number a round. */
  readonly time: readonly number[];
  /** Milliseconds of the LIST alone. */
  readonly list: readonly number[];
}

/** Reads the latest checkpoint of threads of these lengths in turn, each time by a new saver. */
export async function growth(
  server: Server,
  lengths: readonly number[],
  { rounds, times }: { rounds: number; times: number },
): Promise<Growth[]> {
  const store = edge(server);
  const prefix = `bench/growth-${crypto.randomUUID()}/`;
  try {
    for (const length of lengths) await layThread(store, `t${length}`, length, prefix);
    const read = (on: typeof store, length: number) =>
      new S3Saver({ store: on, prefix }).getTuple(configOf(`t${length}`));
    // As the saver lists: the newest sorts first, and one page holds it with its writes.
    const list = async (length: number) => {
      for await (const _ of store.list({ prefix: `${prefix}t${length}/`, limit: 10 })) break;
    };
    const cases = lengths.flatMap((length): Case[] => [
      { name: `read ${length}`, run: () => read(store, length) },
      { name: `list ${length}`, run: () => list(length) },
    ]);
    const samples = await inTurn(cases, { rounds, times });
    const found: Growth[] = [];
    for (const length of lengths) {
      const counting = countingStore(store);
      await read(counting, length);
      const { list, get, bytesRead } = counting.counts;
      found.push({
        length,
        requests: `${list} LIST, ${get} GET`,
        bytes: bytesRead,
        time: samples.get(`read ${length}`)!,
        list: samples.get(`list ${length}`)!,
      });
    }
    return found;
  } finally {
    await clear(store, prefix);
  }
}

/** Reads in turn, and gives the table. */
export async function growthReport(server: Server, rounds: number): Promise<string> {
  const found = await growth(server, LENGTHS, { rounds, times: 20 });
  const shortest = found[0]!;
  const rows = found.map(({ length, requests, bytes, time, list }) => {
    const times = ratios(time, shortest.time);
    return [
      length.toLocaleString("en"),
      requests,
      `${bytes}`,
      median(time).toFixed(2),
      spread(time, 2),
      median(times).toFixed(2),
      spread(times, 2),
      median(list).toFixed(2),
    ];
  });
  return [
    `getTuple of the latest checkpoint, with one task's writes, by a saver that holds nothing yet, on ` +
    `edgeStore. The bound: 1.2 × the time of a thread of ${shortest.length}, and the same requests.`,
    "",
    table([
      "checkpoints",
      "requests",
      "bytes read",
      "ms",
      "min–max",
      `× ${shortest.length}`,
      "min–max",
      "a LIST of ten alone, ms",
    ], rows),
  ].join("\n");
}

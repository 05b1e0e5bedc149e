import { memoryStore, type ObjectStore } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { countingStore } from "@cairn/checkpoint/testing";
import { clear } from "./_latency.ts";
import { type Case, figures, inTurn, median, ratios } from "./_measure.ts";
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
  /** Milliseconds of a LIST of the newest key alone: whoever asks for the latest waits for no less. */
  readonly list: readonly number[];
  /** Milliseconds beyond that LIST. */
  readonly rest: readonly number[];
  /** Milliseconds in memory: what we compute, with no server. */
  readonly memory: readonly number[];
}

/** Reads the latest checkpoint of threads of these lengths in turn, each time by a new saver. */
export async function growth(
  server: Server,
  lengths: readonly number[],
  { rounds, times }: { rounds: number; times: number },
): Promise<Growth[]> {
  const store = edge(server);
  const memory = memoryStore();
  const prefix = `bench/growth-${crypto.randomUUID()}/`;
  try {
    for (const on of [store, memory]) {
      for (const length of lengths) await layThread(on, `t${length}`, length, prefix);
    }
    const read = (on: ObjectStore, length: number) =>
      new S3Saver({ store: on, prefix }).getTuple(configOf(`t${length}`));
    const list = async (length: number) => {
      // The folder that the saver lists: the thread's root namespace.
      for await (const _ of store.list({ prefix: `${prefix}t${length}/n/~/`, limit: 1 })) break;
    };
    const cases = lengths.flatMap((length): Case[] => [
      { name: `read ${length}`, run: () => read(store, length) },
      { name: `list ${length}`, run: () => list(length) },
    ]);
    const samples = await inTurn(cases, { rounds, times });
    // By themselves: what comes after a wait for the server is slower by the wait.
    const inMemory = await inTurn(
      lengths.map((length) => ({ name: `${length}`, run: () => read(memory, length) })),
      { rounds, times: 4 * times },
    );
    const found: Growth[] = [];
    for (const length of lengths) {
      const counting = countingStore(store);
      await read(counting, length);
      const counts = counting.counts;
      const time = samples.get(`read ${length}`)!, list = samples.get(`list ${length}`)!;
      found.push({
        length,
        requests: `${counts.list} LIST, ${counts.get} GET`,
        bytes: counts.bytesRead,
        time,
        list,
        rest: time.map((milliseconds, round) => milliseconds - list[round]!),
        memory: inMemory.get(`${length}`)!,
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
  const rows = found.map(({ length, requests, bytes, time, list, rest, memory }) => {
    const times = ratios(time, shortest.time), rests = ratios(rest, shortest.rest);
    return [
      length.toLocaleString("en"),
      requests,
      `${bytes}`,
      ...figures(time, 2),
      ...figures(times, 2),
      median(list).toFixed(2),
      median(ratios(list, shortest.list)).toFixed(2),
      ...figures(rests, 2),
      median(ratios(memory, shortest.memory)).toFixed(2),
    ];
  });
  return [
    `getTuple of the latest checkpoint, with one task's writes, by a saver that holds nothing yet, on ` +
    `edgeStore. The bound: 1.2 × the time of a thread of ${shortest.length}, and the same requests. ` +
    `Beside it a LIST of the same folder for its first key alone, in the same rounds: MinIO reads and ` +
    `sorts the names of the whole folder for it, so that nothing that lists there takes less. What getTuple ` +
    `takes beyond that LIST, and what it takes in memory, are ours.`,
    "",
    table([
      "checkpoints",
      "requests",
      "bytes read",
      "ms",
      "min–max",
      `× ${shortest.length}`,
      "min–max",
      "LIST of one key, ms",
      `× ${shortest.length}`,
      `beyond the LIST × ${shortest.length}`,
      "min–max",
      `in memory × ${shortest.length}`,
    ], rows),
  ].join("\n");
}

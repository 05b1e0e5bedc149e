import { type Child, startChild } from "./_child.ts";
import { barChart } from "./_chart.ts";
import { conversationMessages } from "./_data.ts";
import { type Case, figures, inTurn, median } from "./_measure.ts";
import { startPostgres } from "./_postgres.ts";
import { compileSqlite, NODE, project } from "./_project.ts";
import { environmentOf, type Server } from "./_server.ts";
import { table } from "./_table.ts";

/** How many steps a run has: a short conversation, and a long one. */
export const STEPS: readonly number[] = [50, 200];

/** What a saver takes for each step of a run. */
interface Taken {
  readonly saver: string;
  readonly steps: number;
  /** Milliseconds for each step, one number a round. */
  readonly time: readonly number[];
  /** Milliseconds to read the latest checkpoint after the run, one number a round. */
  readonly latest: readonly number[];
  /** Bytes stored for each step. */
  readonly bytes: number | undefined;
  /** Objects stored for each step, where it is objects. */
  readonly objects: number | undefined;
}

/** Runs the same graph on every saver in turn, and gives the table and the plots. */
export async function saversReport(server: Server, rounds: number): Promise<string> {
  const folder = await project();
  await compileSqlite(folder);
  const messages = conversationMessages(Math.max(...STEPS) * 4_000).slice(0, Math.max(...STEPS));
  await Deno.writeTextFile(`${folder}/conversation.json`, JSON.stringify(messages));
  const postgres = await startPostgres();
  const scratch = await Deno.makeTempDir({ prefix: "cairn-sqlite-" });
  const child = startChild(NODE, { args: ["savers.mjs"], cwd: folder, env: environmentOf(server) });
  try {
    const { node, savers } = await child.call<{ node: string; savers: string[] }>("start", {
      sqlite: `${scratch}/bench.db`,
      postgres: postgres.url,
    });
    const taken: Taken[] = [];
    for (const steps of STEPS) taken.push(...await compare(child, savers, steps, rounds));
    await child.call("clear");
    await child.close();
    return await told(taken, messages.slice(0, STEPS[0]), `Node ${node}, ${postgres.version}`);
  } finally {
    await postgres.stop();
    await Deno.remove(scratch, { recursive: true });
  }
}

type Stored = { readonly bytes: number; readonly objects?: number } | null;

async function compare(
  child: Child,
  savers: readonly string[],
  steps: number,
  rounds: number,
): Promise<Taken[]> {
  const stored = (saver: string) => child.call<Stored>("stored", { saver });
  const before = new Map<string, Stored>();
  for (const saver of savers) before.set(saver, await stored(saver));
  const reads = new Map<string, number[]>(savers.map((saver) => [saver, []]));
  const cases = savers.map((saver): Case => ({
    name: saver,
    timesItself: true,
    run: async () => {
      const result = await child.call<{ run: number; latest?: number }>("run", { saver, steps });
      if (result.latest !== undefined) reads.get(saver)!.push(result.latest);
      return result.run;
    },
  }));
  const samples = await inTurn(cases, { rounds });
  const taken: Taken[] = [];
  for (const saver of savers) {
    const [old, now] = [before.get(saver), await stored(saver)];
    // The round that warms up stores as much as the others.
    const each = (field: "bytes" | "objects") =>
      now?.[field] === undefined
        ? undefined
        : (now[field]! - (old?.[field] ?? 0)) / (rounds + 1) / steps;
    taken.push({
      saver,
      steps,
      time: samples.get(saver)!.map((milliseconds) => milliseconds / steps),
      latest: reads.get(saver)!.slice(1),
      bytes: each("bytes"),
      objects: each("objects"),
    });
  }
  return taken;
}

async function told(
  taken: readonly Taken[],
  first: readonly unknown[],
  versions: string,
): Promise<string> {
  const kilobytes = (bytes: number) => (bytes / 1e3).toFixed(1);
  const rows = taken.map(({ saver, steps, time, latest, bytes, objects }) => [
    `${steps}`,
    saver,
    ...figures(time, 2),
    ...(latest.length > 0 ? figures(latest, 1) : ["–", "–"]),
    bytes === undefined ? "–" : kilobytes(bytes),
    objects === undefined ? "–" : objects.toFixed(1),
  ]);
  const groups = STEPS.map((steps) => `${steps} steps`);
  const bars = (value: (taken: Taken) => number | undefined) =>
    [...new Set(taken.map(({ saver }) => saver))].map((name) => ({
      name,
      values: taken.filter(({ saver }) => saver === name).map(value)
        .filter((value) => value !== undefined),
    })).filter(({ values }) => values.length === groups.length);
  const time = await barChart("savers-time", {
    title: "A LangGraph.js run: milliseconds a step",
    groups,
    bars: bars(({ time }) => median(time)),
    digits: 1,
  });
  const bytes = await barChart("savers-bytes", {
    title: "A LangGraph.js run: kilobytes stored a step",
    groups,
    bars: bars(({ bytes }) => bytes === undefined ? undefined : bytes / 1e3),
    digits: 1,
  });
  const average = JSON.stringify(first).length / first.length;
  return [
    `A conversation graph: a node a step, which answers at once with one message (${
      kilobytes(average)
    } KB each on the average, tool results among them), a plan that never changes and two counters; ` +
    `durability \`async\`, as by default. One Node process runs all savers in turn, a new thread ` +
    `each time: with nodes that take no time, what is timed is the saver. "Latest" reads the ` +
    `thread's last checkpoint again, on S3 with a new saver that holds nothing yet. Stored: the ` +
    `sizes of the objects; pg_total_relation_size of the three tables, indexes and TOAST included; ` +
    `the SQLite file after a checkpoint; what MemorySaver holds serialized. Every server writes ` +
    `to the same disk of the same machine: PostgreSQL and SQLite answer from it without the ` +
    `network that lies before a bucket and before most databases. ${versions}.`,
    "",
    table([
      "steps",
      "saver",
      "ms a step",
      "min–max",
      "latest, ms",
      "min–max",
      "KB stored a step",
      "objects a step",
    ], rows),
    "",
    time,
    "",
    bytes,
  ].join("\n");
}

import { barChart } from "./_chart.ts";
import { type Child, startChild } from "./_child.ts";
import { conversation } from "./_data.ts";
import { clear } from "./_latency.ts";
import { type Case, figures, inTurn, median, ratios } from "./_measure.ts";
import { NODE, project } from "./_project.ts";
import { environment } from "./_python.ts";
import { environmentOf, type Server } from "./_server.ts";
import { table } from "./_table.ts";
import { edge } from "./_target.ts";
import { idOf } from "./_threads.ts";

/** The rivals, by their files of requirements, and then ours, by transport. */
const SAVERS = {
  objectstorage: "objectstorage (Python)",
  s3: "s3 (Python)",
  edge: "S3Saver, edgeStore",
  sdk: "S3Saver, sdkStore",
} as const;
type Saver = keyof typeof SAVERS;
const NAMES = Object.keys(SAVERS) as Saver[];
const RIVALS: readonly Saver[] = ["objectstorage", "s3"];
const OURS: readonly Saver[] = ["edge", "sdk"];

/** How the history is made. */
export interface History {
  /** How many checkpoints the thread has: a multiple of the rounds. */
  readonly length: number;
  /** Of how many one has the tag that the filter asks for. */
  readonly every: number;
  /** How many messages a state holds. */
  readonly window: number;
  /** How many messages the large state has that grows by one. */
  readonly large: number;
}

const HISTORY: History = { length: 1_000, every: 100, window: 2, large: 500 };

/** What an operation took on each saver: milliseconds, one number a round. */
interface Row {
  readonly name: string;
  readonly time: Readonly<Record<Saver, readonly number[]>>;
}

/** Plays one history on every saver in turn, reads it in turn, and gives the table and the plot. */
export async function pythonSaversReport(
  server: Server,
  rounds: number,
  history: History = HISTORY,
): Promise<string> {
  const folder = await project();
  const prefix = `bench/history-${crypto.randomUUID()}/`;
  const messages = conversation(7);
  await Deno.writeTextFile(
    `${folder}/history.json`,
    JSON.stringify({
      ...history,
      prefix,
      ids: Array.from({ length: history.length }, (_, number) => idOf(number)),
      tasks: Array.from({ length: history.length }, () => crypto.randomUUID()),
      messages: Array.from({ length: history.length + history.large }, () => messages.next().value),
    }),
  );
  const env = environmentOf(server);
  const children = new Map<Saver, Child>();
  try {
    for (const name of RIVALS) {
      const python = await environment(name);
      children.set(name, startChild(python, { args: ["history.py", name], cwd: folder, env }));
    }
    for (const name of OURS) {
      children.set(name, startChild(NODE, { args: ["history.mjs", name], cwd: folder, env }));
    }
    const rows = await measure(children, rounds, history);
    const stored = new Map<Saver, string>();
    for (const name of NAMES) stored.set(name, await under(server, `${prefix}${name}/`));
    for (const child of children.values()) await child.close();
    return await told(rows, stored, history);
  } finally {
    await clear(edge(server), prefix);
  }
}

async function measure(
  children: ReadonlyMap<Saver, Child>,
  rounds: number,
  { length, every, large }: History,
): Promise<Row[]> {
  const thread = "long", number = length - 1;
  const rows = await play(children, thread, length, rounds);
  const compare = async (
    name: string,
    call: string,
    args: (round: number) => unknown,
    times: number,
  ) => {
    const counts = new Map<Saver, number>();
    const samples = await inTurn(
      NAMES.map((saver): Case => ({
        name: saver,
        timesItself: true,
        run: async () => {
          const count = counts.get(saver) ?? 0;
          counts.set(saver, count + 1);
          return await children.get(saver)!.call<number>(call, args(count));
        },
      })),
      { rounds, times },
    );
    rows.push({ name, time: bySaver((saver) => samples.get(saver)!) });
  };
  await compare(
    `put, a conversation of ${large} messages grown by one`,
    "grow",
    (count) => ({ thread: "large", number: count, size: large + count }),
    3,
  );
  await compare(`latest of ${length}, cold`, "latest", () => ({ thread, number }), 5);
  await compare("list, the ten newest", "list", () => ({ thread, limit: 10, expected: 10 }), 3);
  const filter = { tag: "mark" };
  const expected = Math.ceil(length / every);
  await compare(
    `list, filtered: ${expected} of ${length}`,
    "list",
    () => ({ thread, filter, expected }),
    1,
  );
  await compare(`list, all ${length}`, "list", () => ({ thread, expected: length }), 1);
  return rows;
}

/** Lays down the history in turn, a part of it a round: what a call takes is the round's median. */
async function play(
  children: ReadonlyMap<Saver, Child>,
  thread: string,
  length: number,
  rounds: number,
): Promise<Row[]> {
  type Taken = { readonly put: number[]; readonly putWrites: number[] };
  const put = bySaver((): number[] => []), putWrites = bySaver((): number[] => []);
  const size = Math.ceil(length / (rounds + 1));
  for (let round = 0; round <= rounds; round++) {
    for (let index = 0; index < NAMES.length; index++) {
      const saver = NAMES[(index + round) % NAMES.length]!;
      const range = { first: round * size, last: Math.min(length, (round + 1) * size) };
      const taken = await children.get(saver)!.call<Taken>("play", { thread, ...range });
      // The first part only warms up.
      if (round === 0) continue;
      put[saver].push(median(taken.put));
      putWrites[saver].push(median(taken.putWrites));
    }
  }
  return [{ name: "put, a small state", time: put }, {
    name: "putWrites, two writes of a task",
    time: putWrites,
  }];
}

function bySaver<T>(of: (saver: Saver) => T): Record<Saver, T> {
  return Object.fromEntries(NAMES.map((saver) => [saver, of(saver)])) as Record<Saver, T>;
}

async function under(server: Server, prefix: string): Promise<string> {
  let bytes = 0, objects = 0;
  for await (const page of edge(server).list({ prefix })) {
    objects += page.objects.length;
    for (const { size } of page.objects) bytes += size;
  }
  return `${(bytes / 1e6).toFixed(1)} MB in ${objects.toLocaleString("en")} objects`;
}

async function told(
  rows: readonly Row[],
  stored: ReadonlyMap<Saver, string>,
  { length, window, large }: History,
): Promise<string> {
  const cells = rows.map(({ name, time }) => {
    // The better rival of each round over our slower transport: never less than what is so.
    const better = time[RIVALS[0]!].map((_, round) =>
      Math.min(...RIVALS.map((rival) => time[rival][round]!))
    );
    const slower = better.map((_, round) => Math.max(...OURS.map((our) => time[our][round]!)));
    const times = ratios(better, slower);
    return [
      name,
      ...NAMES.flatMap((saver) => figures(time[saver], 1)),
      ...figures(times, 1),
    ];
  });
  const chart = await barChart("python-savers", {
    title: "Milliseconds, as a share of the slowest saver's",
    groups: rows.map(({ name }) => name),
    bars: NAMES.map((saver) => ({
      name: SAVERS[saver],
      values: rows.map(({ time }) => median(time[saver])),
    })),
    digits: 1,
    ownScale: true,
  });
  return [
    `One thread of ${
      length.toLocaleString("en")
    } checkpoints of ${window} messages each, each with a ` +
    `task's two writes, by \`langgraph-checkpoint-objectstorage\` 0.1.15 (s3fs, no compression, its ` +
    `default) and \`langgraph-checkpoint-s3\` 0.1.3 (boto3; with langgraph-checkpoint 2.1.2, since ` +
    `its \`put\` fails with the newer ones that its bounds allow), each called without asyncio, and ` +
    `by S3Saver in Node; every process alone at its work, in turn with the others, times taken ` +
    `inside. Reads are by a saver that holds nothing yet, on connections that are open. The large ` +
    `state is ${large} messages, and one more with each \`put\`: the savers in Python send it whole, ` +
    `which costs next to nothing without a network; S3Saver sends what is new, and takes its time for ` +
    `LangGraph's serializer, which goes through all of it, and for finding what is new. Ahead: the better of the two over ` +
    `the slower of our transports, in each round. Stored of both threads: ` +
    NAMES.map((saver) => `${SAVERS[saver]}, ${stored.get(saver)}`).join("; ") + ".",
    "",
    table([
      "operation",
      ...NAMES.flatMap((saver) => [`${SAVERS[saver]}, ms`, "min–max"]),
      "times ahead",
      "min–max",
    ], cells),
    "",
    chart,
  ].join("\n");
}

/**
 * Plays a million threads and ten thousand steps a second against the published
 * limits of S3 and R2, and prints what the page `docs/scale.md` says:
 *
 * ```sh
 * deno run -A bench/scale.ts         # prints the tables
 * deno run -A bench/scale.ts --write # and puts them, and the plot, into docs/
 * ```
 *
 * The requests are those that `S3Saver` sends; time is virtual and everything is
 * decided by a seed, so that each run prints the same.
 *
 * @module
 */

import { lifecycleDays, spread } from "@cairn/checkpoint";
import { Keys } from "../src/checkpoint/keys.ts";
import { randomFrom } from "./_data.ts";
import { type Counts, type Outcome, quantile, type Scenario, simulate } from "./_scale_model.ts";
import { plot } from "./_scale_plot.ts";
import { recordRun, type Request, type Run } from "./_scale_record.ts";
import { table } from "./_table.ts";

/** Published limits of a partition, a second: docs/scale.md cites them. */
export const S3_LIMITS = { writes: 3_500, reads: 5_500 } as const;

/** Dollars, as docs/scale.md cites them. */
const PRICES = {
  S3: { write: 5e-6, read: 0.4e-6, gigabyte: 0.023 },
  R2: { write: 4.5e-6, read: 0.36e-6, gigabyte: 0.015 },
} as const;
const KMS_CALL = 0.03 / 10_000;

const MONTH = 30 * 24 * 60 * 60;
/** How long objects stay with `expireAfter({ days: 30 })`: `lifecycleDays` says so. */
const RULE_DAYS = lifecycleDays({ days: 30 });

/** By how much the long simulation is smaller than what it stands for: rates, threads and limits alike. */
const SCALE = 100;

const plain = new Keys("cairn/");
const spreading = new Keys("cairn/", spread(256));

/** Ids by chance, as UUIDs of version 4 are. */
export const byChance = (at: number): string => {
  const random = randomFrom(at);
  return [8, 4, 4, 4, 12].map((length) =>
    Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join("")
  ).join("-");
};

/** Ids by time, as UUIDs of version 7 are: the newest come last. */
export const byTime = (at: number): string =>
  `${(0x0199f1b2_0000 + at).toString(16).padStart(12, "0")}-7${byChance(at).slice(14)}`;

/** How a scenario's threads are named and kept. */
export const LAYOUTS = {
  "ids by chance": { folderOf: (at: number) => plain.thread(byChance(at)) },
  "ids by time": { folderOf: (at: number) => plain.thread(byTime(at)) },
  "ids by time, spread(256)": { folderOf: (at: number) => spreading.thread(byTime(at)) },
  "spread(256), cut beforehand": {
    folderOf: (at: number) => spreading.thread(byTime(at)),
    cuts: [..."123456789abcdef"].map((digit) => `cairn/~~${digit}`),
  },
} satisfies Record<string, Pick<Scenario, "folderOf" | "cuts">>;

const percent = (part: number, whole: number) => (100 * part / Math.max(1, whole)).toFixed(1);
const dollars = (amount: number) =>
  amount >= 100 ? Math.round(amount).toLocaleString("en-US") : amount.toFixed(2);

function requestsOf(run: Run): Request[] {
  return run.steps.flatMap((step) => step.flat());
}

/** What a step asks for on average. */
function perStep(run: Run) {
  const all = requestsOf(run);
  const count = (...kinds: Request["kind"][]) =>
    all.filter(({ kind }) => kinds.includes(kind)).length / run.steps.length;
  return {
    puts: count("put"),
    gets: count("get", "head"),
    lists: count("list"),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0) / run.steps.length,
    waves: run.steps.reduce((sum, step) => sum + step.length, 0) / run.steps.length,
    kms: run.kmsCalls / run.steps.length,
  };
}

function requestTable(runs: Readonly<Record<string, Run>>): string {
  return table(
    ["run", "PUT", "GET", "LIST", "KMS", "bytes", "round trips"],
    Object.entries(runs).map(([name, run]) => {
      const { puts, gets, lists, kms, bytes, waves } = perStep(run);
      return [
        name,
        puts.toFixed(2),
        gets.toFixed(2),
        lists.toFixed(2),
        kms.toFixed(2),
        bytes.toFixed(0),
        waves.toFixed(2),
      ];
    }),
  );
}

function steadyTable(run: Run): string {
  const rows: string[][] = [];
  for (const rate of [500, 1_000, 1_500, 2_000, 5_000, 10_000]) {
    for (const layout of ["ids by time", "spread(256), cut beforehand"] as const) {
      const outcome = simulate({
        run,
        ...LAYOUTS[layout],
        rate,
        alive: 100_000,
        seconds: 20,
        limits: S3_LIMITS,
        random: randomFrom(rate),
      });
      rows.push([
        String(rate),
        layout === "ids by time" ? "one" : "sixteen",
        percent(outcome.throttled, outcome.attempts),
        percent(outcome.failedSteps, outcome.steps),
        ...[0.5, 0.99].map((share) => quantile(outcome.latencies, share).toFixed(0)),
      ]);
    }
  }
  return table(
    ["steps a second", "partitions", "refused, %", "failed, %", "p50, ms", "p99, ms"],
    rows,
  );
}

/** Three hours of ten thousand steps a second and a million threads, from a bucket that is new. */
function longOutcomes(run: Run): Map<string, Outcome> {
  return new Map(
    Object.entries(LAYOUTS).map(([name, layout], at) => [
      name,
      simulate({
        run,
        ...layout,
        rate: 10_000 / SCALE,
        alive: 1_000_000 / SCALE,
        seconds: 3 * 3600,
        limits: {
          writes: S3_LIMITS.writes / SCALE,
          reads: S3_LIMITS.reads / SCALE,
          splitAfter: 1800,
        },
        slices: 36,
        random: randomFrom(at + 1),
      }),
    ]),
  );
}

function longTable(outcomes: ReadonlyMap<string, Outcome>): string {
  const hour = (slices: readonly Counts[], at: number) => {
    const part = slices.slice(12 * at, 12 * at + 12);
    const sum = (what: keyof Counts) => part.reduce((total, counts) => total + counts[what], 0);
    return percent(sum("failedSteps"), sum("steps"));
  };
  return table(
    [
      "threads",
      "failed in hour 1, %",
      "hour 2",
      "hour 3",
      "partitions at the end",
      "attempts on the busiest in hour 3, %",
    ],
    [...outcomes].map(([name, { slices, partitions, loads }]) => [
      name,
      ...[0, 1, 2].map((at) => hour(slices, at)),
      String(partitions),
      percent(Math.max(...loads), loads.reduce((a, b) => a + b)),
    ]),
  );
}

function keyTable(run: Run): string {
  const r2 = simulate({
    run,
    ...LAYOUTS["ids by time"],
    rate: 10_000,
    alive: 100_000,
    seconds: 20,
    limits: { keyWrites: 1 },
    random: randomFrom(7),
  });
  return table(
    ["steps", "requests", "refused", "most writes of one key in a second"],
    [[String(r2.steps), String(r2.issued), String(r2.throttled), String(r2.hottestKey)]],
  );
}

function costTable(run: Run, kms: Run): string {
  const { puts, gets, lists, bytes } = perStep(run);
  const rows: string[][] = [];
  for (const rate of [10, 100, 1_000, 10_000]) {
    for (const [name, price] of Object.entries(PRICES)) {
      const steps = rate * MONTH;
      const parts = [
        steps * puts * price.write,
        steps * lists * price.write,
        steps * gets * price.read,
        rate * RULE_DAYS * 86_400 * bytes / 1e9 * price.gigabyte,
        steps * perStep(kms).kms * KMS_CALL,
      ];
      const sum = parts.slice(0, 4).reduce((a, b) => a + b);
      rows.push([
        String(rate),
        name,
        ...parts.slice(0, 4).map(dollars),
        dollars(sum),
        dollars(parts[4]!),
      ]);
    }
  }
  return table(
    ["steps a second", "store", "PUT", "LIST", "GET", "storage", "sum", "KMS, where used"],
    rows,
  );
}

/** The page's sections, by their names between its marks, and the plot. */
export async function figures(): Promise<{ sections: Map<string, string>; svg: string }> {
  const options = { steps: 50, resumeEvery: 10, interruptEvery: 10, seed: 1 };
  const run = await recordRun(options);
  const kms = await recordRun({ ...options, encrypted: true });
  const short = await recordRun({ ...options, steps: 6, resumeEvery: 100, interruptEvery: 100 });
  const long = longOutcomes(run);
  const share = ({ throttled, attempts }: Counts) => 100 * throttled / Math.max(1, attempts);
  return {
    sections: new Map([
      [
        "requests",
        requestTable({
          "6 steps, one process": short,
          "50 steps, taken up 4 times, asked 4 times": run,
          "the same, encrypted": kms,
        }),
      ],
      ["steady", steadyTable(run)],
      ["long", longTable(long)],
      ["keys", keyTable(run)],
      ["cost", costTable(run, kms)],
    ]),
    svg: plot({
      title: "Attempts that S3 refuses, in % of all: 10,000 steps a second on a new bucket",
      x: { label: "minutes", last: 180, every: 30 },
      y: { label: "%", last: 100, every: 20 },
      lines: [...long].map(([name, { slices }]) => ({ name, values: slices.map(share) })),
    }),
  };
}

if (import.meta.main) {
  const { sections, svg } = await figures();
  for (const [name, text] of sections) console.log(`\n${name}\n\n${text}`);
  if (Deno.args.includes("--write")) {
    const docs = new URL("../docs/", import.meta.url);
    const path = new URL("scale.md", docs);
    let page = await Deno.readTextFile(path);
    for (const [name, text] of sections) {
      const mark = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- end -->)`);
      page = page.replace(mark, (_, begin, end) => `${begin}\n${text}\n\n${end}`);
    }
    await Deno.writeTextFile(path, page);
    await Deno.writeTextFile(new URL("scale.svg", docs), svg);
  }
}

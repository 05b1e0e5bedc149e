/**
 * Measures the ratios that must not grow, and compares them with those in
 * baseline.json: some five minutes, on a machine that does nothing else.
 *
 * ```sh
 * deno task bench:check         # fails where a ratio has grown past its tolerance
 * deno task bench:check --write # keeps what it measures as the new baseline
 * ```
 *
 * A ratio is of two things measured in turn in the same run, so that it means
 * the same on another machine; its tolerance says how far that is so.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { median, spread } from "./_measure.ts";
import { MEASURES } from "./_ratios.ts";
import { requireServer } from "./_server.ts";
import { table } from "./_table.ts";

/** A ratio as it was, and how much it may grow. */
interface Bound {
  readonly value: number;
  /** The growth that is noise: 0.25 lets it be a quarter more. */
  readonly tolerance: number;
}

const FILE = new URL("baseline.json", import.meta.url);
const TOLERANCE = 0.3;
const ROUNDS = 5;

const { values: { write } } = parseArgs({
  args: Deno.args,
  options: { write: { type: "boolean", default: false } },
});
const baseline: Record<string, Bound> = JSON.parse(await Deno.readTextFile(FILE));
const server = requireServer();
const found = new Map<string, readonly number[]>();
for (const measure of MEASURES) {
  for (const [name, samples] of Object.entries(await measure(server, ROUNDS))) {
    found.set(name, samples);
    console.error(`${name}: ${median(samples).toFixed(2)}`);
  }
}

const faults: string[] = [];
const rows = [...found].map(([name, samples]) => {
  const bound = baseline[name], value = median(samples);
  const most = bound && bound.value * (1 + bound.tolerance);
  if (most === undefined) faults.push(`${name} has no baseline: write it with --write`);
  else if (value > most) faults.push(`${name} was ${bound!.value} and is ${value.toFixed(3)}`);
  return [
    name,
    value.toFixed(3),
    spread(samples, 3),
    bound?.value.toFixed(3) ?? "–",
    most?.toFixed(3) ?? "–",
  ];
});
// One that is measured no more would be held by nobody.
for (const name of Object.keys(baseline)) {
  if (!found.has(name)) faults.push(`${name} is in the baseline, and is not measured`);
}
console.log(table(["ratio", "now", "min–max", "baseline", "at most"], rows));
if (write) {
  const bounds = [...found].map(([name, samples]): [string, Bound] => [name, {
    value: Number(median(samples).toFixed(3)),
    tolerance: baseline[name]?.tolerance ?? TOLERANCE,
  }]);
  await Deno.writeTextFile(FILE, JSON.stringify(Object.fromEntries(bounds), null, 2) + "\n");
} else {
  for (const fault of faults) console.error(fault);
  Deno.exit(faults.length > 0 ? 1 : 0);
}

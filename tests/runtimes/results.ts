/** What came out of the runtimes, and what is wrong with it. */

import type { Runtime } from "./runtimes.ts";

/** How one case ended. */
export interface CaseResult {
  readonly suite: string;
  readonly store: string;
  readonly name: string;
  /** What it threw; absent where it passed. */
  readonly error?: string;
}

/** What one runtime said. */
export interface RuntimeResult {
  readonly runtime: string;
  /** Its own version. */
  readonly version: string;
  /** Where it found the package. */
  readonly resolved: string;
  /** Whether the program came to its end. */
  readonly done: boolean;
  readonly cases: readonly CaseResult[];
  /** What it printed beside the results, for where it went wrong. */
  readonly output: string;
}

/** The results of one suite on one store in one runtime. */
export interface Row {
  readonly runtime: string;
  readonly version: string;
  readonly suite: string;
  readonly store: string;
  readonly passed: number;
  readonly failed: number;
}

/** One row for each suite and store that the runtime must run, also where it ran nothing. */
export function rowsOf({ name, suites }: Runtime, result: RuntimeResult): Row[] {
  return Object.entries(suites).flatMap(([suite, stores]) =>
    stores.map((store) => {
      const cases = result.cases.filter((one) => one.suite === suite && one.store === store);
      const failed = cases.filter(({ error }) => error !== undefined).length;
      const { version } = result;
      return { runtime: name, version, suite, store, passed: cases.length - failed, failed };
    })
  );
}

/** What is wrong, in sentences; empty where nothing is. */
export function faultsOf(runtime: Runtime, result: RuntimeResult): string[] {
  const faults: string[] = [];
  if (!result.done) faults.push(`${runtime.name} did not come to its end:\n${result.output}`);
  else if (!result.resolved.includes("/node_modules/@cairn/checkpoint/")) {
    faults.push(`${runtime.name} did not test the installed package but ${result.resolved}`);
  }
  for (const { suite, store, passed, failed } of rowsOf(runtime, result)) {
    if (passed + failed === 0) faults.push(`${runtime.name} ran no case of ${suite} on ${store}`);
  }
  for (const { suite, store, name, error } of result.cases) {
    if (error !== undefined) {
      faults.push(`${runtime.name}, ${suite} on ${store}: ${name}\n${error}`);
    }
  }
  return faults;
}

/** The rows as a table in Markdown. */
export function tableOf(rows: readonly Row[]): string {
  const head = ["runtime", "version", "suite", "store", "passed", "failed"] as const;
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [
    line(head),
    line(["---", "---", "---", "---", "--:", "--:"]),
    ...rows.map((row) => line(head.map((column) => row[column]))),
  ].join("\n");
}

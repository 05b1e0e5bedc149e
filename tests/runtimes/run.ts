/**
 * Runs the package as its users get it in every runtime it promises: packed,
 * installed from the tarball, and put through the conformance cases and a
 * LangGraph round trip on every store that the runtime has.
 *
 * ```sh
 * deno run -A tests/runtimes/run.ts [--json FILE] [runtime...]
 * ```
 *
 * The server that `edgeStore` and `sdkStore` speak to is named by the
 * `CAIRN_S3_*` variables that `tests/servers` prints. What cannot be run is a
 * failure, never skipped.
 */

import { parseArgs } from "node:util";
import { manifest } from "../package/manifest.ts";
import type { Versions } from "../package/npm.ts";
import { userProject } from "../package/user_project.ts";
import { type CaseResult, faultsOf, rowsOf, type RuntimeResult, tableOf } from "./results.ts";
import { OLDEST, type Runtime, RUNTIMES } from "./runtimes.ts";

const ALL = [...RUNTIMES, OLDEST];

/** The longest that one runtime may take, in milliseconds. */
const TIMEOUT = 900_000;

/** Makes the project that a runtime runs in: the same for the same packages. */
async function prepare(packages: Versions | undefined): Promise<string> {
  const project = await userProject("runtimes", new URL("program/", import.meta.url), packages);
  // The nearest one counts: without it Deno would take the checkout's import map.
  await Deno.writeTextFile(`${project}/deno.json`, "{}\n");
  return project;
}

/** Runs a runtime's program and gathers what it says. */
async function runRuntime({ name, start }: Runtime, project: string): Promise<RuntimeResult> {
  const { command, args } = await start();
  const child = new Deno.Command(command, {
    args: [...args],
    cwd: project,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(TIMEOUT),
  }).spawn();
  const cases: CaseResult[] = [];
  const others: string[] = [];
  let about = { version: "unknown", resolved: "nowhere" };
  let done = false;
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const line of linesOf(stream)) {
      const said = /^@cairn (.*)$/.exec(line)?.[1];
      if (said === undefined) {
        others.push(line);
        continue;
      }
      const message = JSON.parse(said);
      if (message.done) done = true;
      else if (message.resolved !== undefined) about = message;
      else cases.push(message);
    }
  };
  await Promise.all([read(child.stdout), read(child.stderr)]);
  const { success, code, signal } = await child.status;
  if (!success) others.push(`It ended with ${signal ?? `code ${code}`}`);
  const output = others.slice(-60).join("\n");
  return { runtime: name, ...about, done: done && success, cases, output };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** The runtimes asked for; all where none is named. */
function chosen(names: readonly string[]): readonly Runtime[] {
  const unknown = names.filter((name) => !ALL.some((runtime) => runtime.name === name));
  if (unknown.length > 0) {
    const known = ALL.map(({ name }) => name).join(", ");
    throw new Error(`There is no runtime ${unknown.join(", ")}; there are ${known}`);
  }
  return names.length === 0 ? ALL : ALL.filter(({ name }) => names.includes(name));
}

/** Runs the runtimes, prints a table, and says whether all is well. */
async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    options: { json: { type: "string" } },
    allowPositionals: true,
  });
  const runtimes = chosen(positionals);
  const projects = new Map<Versions | undefined, Promise<string>>();
  const results: RuntimeResult[] = [];
  const faults: string[] = [];
  // One after the other: they share a server, and a machine may be small.
  for (const runtime of runtimes) {
    console.error(`${runtime.name} ...`);
    const { packages } = runtime;
    if (!projects.has(packages)) projects.set(packages, prepare(packages));
    const result = await runRuntime(runtime, await projects.get(packages)!);
    results.push(result);
    faults.push(...faultsOf(runtime, result));
  }
  const rows = runtimes.flatMap((runtime, index) => rowsOf(runtime, results[index]!));
  console.log(tableOf(rows));
  for (const fault of faults) console.error(`\n${fault}`);
  if (values.json !== undefined) {
    const { name, version } = manifest;
    const json = JSON.stringify({ package: `${name}@${version}`, rows, faults }, null, 2);
    await Deno.writeTextFile(values.json, `${json}\n`);
  }
  return faults.length === 0;
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);

/**
 * Runs the suites, one stage after the other, and sums them up.
 *
 * ```sh
 * deno run -A tests/run.ts [--json FILE] stage...
 * ```
 *
 * A stage that fails stops no other. Every suite has to run something: one
 * that ran no test, or left one out, counts as failed.
 *
 * @module
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import config from "../deno.json" with { type: "json" };
import { type Count, countJunit, excuseJunit, type KnownFault } from "./_junit.ts";
import { down, find, ROOT, type ServerKind, up, variablesOf } from "./servers/_server.ts";
import { garage } from "./servers/garage.ts";
import { localstack } from "./servers/localstack.ts";
import { minio } from "./servers/minio.ts";
import { seaweedfs } from "./servers/seaweedfs.ts";
import { versitygw } from "./servers/versitygw.ts";

/** What a suite came to. */
interface Result extends Count {
  readonly stage: string;
  readonly suite: string;
  readonly seconds: number;
}

/** What a suite came to, by its report. */
interface Counted extends Count {
  /** Whether the report tells of failures that had to be: that the command failed says no more. */
  readonly isExcused?: boolean;
}

const SERVERS: readonly ServerKind[] = [localstack, minio, versitygw, seaweedfs, garage];

const OUT = `${ROOT}.cache/results`;
const DENO = Deno.execPath();

/** The longest that one suite may take, in milliseconds: what hangs fails. */
const LIMIT = 20 * 60_000;

const STAGES: Record<string, (stage: string) => Promise<void>> = {
  checks: async (stage) => {
    const entries = Object.values(config.exports);
    const sources = ["mod.ts", "src", "tests", "bench", "examples"];
    await check(stage, "fmt", ["fmt", "--check"]);
    await check(stage, "lint", ["lint"]);
    await check(stage, "types", ["check", ...entries, ...sources]);
    await check(stage, "doc lint", ["run", "-A", "tests/package/doc_lint.ts"]);
    // What is not committed is tested as well; the registry gets what is.
    await check(stage, "publish, dry run", ["publish", "--dry-run", "--allow-dirty"]);
  },
  unit: async (stage) => {
    const files = (await testFiles("tests")).filter((file) =>
      serversOf(file).length === 0 && !file.startsWith("tests/package/")
    );
    await denoTest(stage, "unit and conformance", files);
    await vitest(stage, "LangGraph validation", "local");
  },
  package: async (stage) => {
    await denoTest(stage, "package", await testFiles("tests/package"));
  },
  ...Object.fromEntries(
    SERVERS.map((kind) => [kind.name, (stage: string) => withServer(stage, kind)]),
  ),
  runtimes: (stage) =>
    serving(stage, minio, async (variables) => {
      const json = `${OUT}/runtimes.json`;
      await suite(
        stage,
        "runtimes",
        [
          "run",
          "-A",
          "tests/runtimes/run.ts",
          "--json",
          json,
        ],
        variables,
        async () => {
          const { rows, faults } = JSON.parse(await readFile(json, "utf8"));
          return {
            passed: sum(rows, "passed"),
            failed: Math.max(sum(rows, "failed"), faults.length),
          };
        },
      );
    }),
};

const results: Result[] = [];

/** Ends the suite that runs. */
const interruption = new AbortController();

/** The suites that need a server, on one. */
async function withServer(stage: string, kind: ServerKind): Promise<void> {
  await serving(stage, kind, async (variables) => {
    const files = (await testFiles("tests")).filter((file) => serversOf(file).includes(kind));
    await denoTest(stage, "stores and savers", files, variables, kind.faults);
    await vitest(stage, "LangGraph validation", "server", variables);
  });
}

/**
 * Does something while a server runs, and ends the server also where that
 * fails. One that ran before is used, and left running.
 */
async function serving(
  stage: string,
  kind: ServerKind,
  work: (variables: Record<string, string>) => Promise<void>,
): Promise<void> {
  const isOthers = await find(kind) !== undefined;
  const end = async () => {
    if (!isOthers) await down(kind);
  };
  const interrupted = () => {
    interruption.abort();
    void end().finally(() => Deno.exit(130));
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, interrupted);
  try {
    await work(variablesOf(await up(kind)));
  } catch (error) {
    console.error(error);
    results.push({ stage, suite: kind.name, passed: 0, failed: 1, seconds: 0 });
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, interrupted);
    await end();
  }
}

/** A command that passes or fails as a whole; what it says is shown where it fails. */
async function check(stage: string, name: string, args: string[]): Promise<void> {
  await suite(stage, name, args, {}, (success) => ({
    passed: success ? 1 : 0,
    failed: success ? 0 : 1,
  }), true);
}

async function denoTest(
  stage: string,
  name: string,
  files: string[],
  variables: Record<string, string> = {},
  faults: readonly KnownFault[] = [],
): Promise<void> {
  const junit = `${OUT}/${stage}.xml`;
  await rm(junit, { force: true });
  const args = ["test", "-A", "--quiet", "--reporter=dot", `--junit-path=${junit}`, ...files];
  const count = async (_: boolean, said: string) => {
    const xml = await readFile(junit, "utf8");
    if (faults.length === 0) return countJunit(xml);
    const { surprises, ...counted } = excuseJunit(xml, said, faults);
    for (const surprise of surprises) console.log(`${stage}: ${surprise}`);
    return { ...counted, isExcused: true };
  };
  await suite(stage, name, args, variables, count);
}

async function vitest(
  stage: string,
  name: string,
  file: string,
  variables: Record<string, string> = {},
): Promise<void> {
  const json = `${OUT}/${stage}.vitest.json`;
  await rm(json, { force: true });
  await suite(
    stage,
    name,
    [
      `${ROOT}node_modules/vitest/vitest.mjs`,
      "run",
      "--config=tests/langgraph/validation/vitest.config.mjs",
      "--reporter=dot",
      "--reporter=json",
      `--outputFile.json=${json}`,
      `tests/langgraph/validation/${file}.vitest.ts`,
    ],
    variables,
    async () => {
      const { numPassedTests, numTotalTests } = JSON.parse(await readFile(json, "utf8"));
      return { passed: numPassedTests, failed: numTotalTests - numPassedTests };
    },
    false,
    "node",
  );
}

/** Runs a command and counts what it did. */
async function suite(
  stage: string,
  name: string,
  args: string[],
  variables: Record<string, string>,
  count: (success: boolean, said: string) => Counted | Promise<Counted>,
  quiet = false,
  command = DENO,
): Promise<void> {
  interruption.signal.throwIfAborted();
  console.log(`\n${stage}: ${name} ...`);
  const started = Date.now();
  const child = new Deno.Command(command, {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1", ...variables },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.any([interruption.signal, AbortSignal.timeout(LIMIT)]),
  }).spawn();
  const said: string[] = [];
  const tell = (text: string) => {
    said.push(text);
    if (!quiet) show(text);
  };
  const [{ success }] = await Promise.all([
    child.status,
    follow(child.stdout, tell),
    follow(child.stderr, tell),
  ]);
  if (quiet && !success) show(said.join("").split("\n").slice(0, 200).join("\n"));
  let counted: Counted;
  try {
    counted = await count(success, said.join(""));
  } catch (error) {
    console.error(`${name} left no result: ${error}`);
    counted = { passed: 0, failed: 1 };
  }
  const { passed, failed } = counted;
  // A suite that fails must count as such, whatever its report says; so must an empty one.
  const least = (success || counted.isExcused) && passed + failed > 0 ? 0 : 1;
  const seconds = Math.round((Date.now() - started) / 1000);
  results.push({ stage, suite: name, passed, failed: Math.max(failed, least), seconds });
}

/** Prints what a suite says; the dots of `deno test`, each a line of its own, as one line. */
function show(text: string): void {
  let bytes = new TextEncoder().encode(text.replace(/^([.!,])\n/gm, "$1"));
  // A pipe may take less than it is given.
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

async function follow(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  tell: (text: string) => void,
): Promise<void> {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) tell(text);
}

/**
 * The servers that a file is run on, by its name: `_server_test.ts` on each,
 * but for what configures a bucket where none can be configured.
 */
function serversOf(file: string): ServerKind[] {
  const onAll = /_server_test\.ts$|^tests\/conformance\/(edge|sdk)_test\.ts$/.test(file);
  const configures = file.startsWith("tests/bucket/");
  return SERVERS.filter((kind) =>
    (onAll && (kind.configures || !configures)) || file.endsWith(`_${kind.name}_test.ts`)
  );
}

async function testFiles(folder: string): Promise<string[]> {
  const files = await readdir(`${ROOT}${folder}`, { recursive: true });
  return files.filter((file) => file.endsWith("_test.ts")).map((file) => `${folder}/${file}`)
    .sort();
}

function sum<K extends string>(rows: Record<K, number>[], field: K): number {
  return rows.reduce((total, row) => total + row[field], 0);
}

function printTable(): void {
  const rows = [["stage", "suite", "passed", "failed", "seconds"]];
  for (const { stage, suite, passed, failed, seconds } of results) {
    rows.push([stage, suite, `${passed}`, `${failed}`, `${seconds}`]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  console.log();
  for (const row of rows) {
    console.log(
      row.map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
      ).join("  "),
    );
  }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    options: { json: { type: "string" } },
    allowPositionals: true,
  });
  for (const stage of positionals) {
    if (!Object.hasOwn(STAGES, stage)) {
      throw new Error(`There is no stage ${stage}; there are ${Object.keys(STAGES).join(", ")}`);
    }
  }
  await mkdir(OUT, { recursive: true });
  for (const stage of positionals) await STAGES[stage]!(stage);
  printTable();
  const [passed, failed] = [sum(results, "passed"), sum(results, "failed")];
  if (values.json !== undefined) await writeFile(values.json, JSON.stringify(results, null, 2));
  console.log(`\n${passed} passed, ${failed} failed`);
  Deno.exit(failed === 0 && passed > 0 ? 0 : 1);
}

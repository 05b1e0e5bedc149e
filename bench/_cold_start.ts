import { RUNTIMES } from "../tests/runtimes/runtimes.ts";
import { run } from "../tests/package/npm.ts";
import { startChild } from "./_child.ts";
import { type Case, figures, inTurn, median, ratios } from "./_measure.ts";
import { NODE, project } from "./_project.ts";
import { table } from "./_table.ts";

/** What is loaded: the modules `programs/cold_*.mjs`. */
const KINDS = ["none", "edge", "sdk"] as const;
type Kind = typeof KINDS[number];

/** How many Workers one workerd starts: what one takes is lost in what starting workerd takes. */
const COPIES = 25;

/** What a cold start took, by kind: milliseconds of processor's time, one number a round. */
type Starts = Readonly<Record<Kind, readonly number[]>>;

/** One way to load the package, and what it took. */
export interface ColdStart {
  readonly where: string;
  /** How the package is there. */
  readonly form: "as installed" | "bundled";
  /** Above what the same takes with nothing to load. */
  readonly load: Starts;
  /** The whole process or Worker. */
  readonly whole: Starts;
  /** The script's size, gzipped, in bytes, where it is a bundle. */
  readonly gzip?: Readonly<Record<Kind, number>>;
}

/** Starts Node so many times in turn for each kind, as installed and bundled, and workerd. */
export async function coldStarts(
  { rounds, nodes }: { rounds: number; nodes: readonly string[] },
): Promise<ColdStart[]> {
  const folder = await project();
  const bundler = startChild(NODE, { args: ["workers.mjs"], cwd: folder });
  type Sizes = { bytes: number; gzip: number };
  const bundles = async (platform: string) => {
    const entries: [Kind, number][] = [];
    for (const kind of KINDS) {
      const { gzip } = await bundler.call<Sizes>("bundle", { kind, platform });
      entries.push([kind, gzip]);
    }
    return Object.fromEntries(entries) as Record<Kind, number>;
  };
  const forNode = await bundles("node");
  const found: ColdStart[] = [];
  for (const node of nodes) {
    const version = (await run(node, ["--version"], folder)).stdout.trim();
    found.push(await inNode(folder, node, `Node ${version}`, "as installed", rounds));
    found.push({
      ...await inNode(folder, node, `Node ${version}`, "bundled", rounds),
      gzip: forNode,
    });
  }
  // A process's threads are asked for their time where Linux has it.
  if (Deno.build.os !== "linux") {
    await bundler.close();
    return found;
  }
  const forWorkers = await bundles("worker");
  const { workerd } = await bundler.call<{ workerd: string }>("versions");
  const samples = await inTurn(
    KINDS.map((kind): Case => ({
      name: kind,
      timesItself: true,
      run: () => bundler.call("start", { kind, copies: COPIES }),
    })),
    { rounds },
  );
  await bundler.close();
  found.push({
    where: `workerd ${workerd}`,
    form: "bundled",
    load: startsOf((kind) =>
      samples.get(kind)!.map((time, round) => (time - samples.get("none")![round]!) / COPIES)
    ),
    whole: startsOf((kind) => samples.get(kind)!),
    gzip: forWorkers,
  });
  return found;
}

async function inNode(
  folder: string,
  node: string,
  where: string,
  form: ColdStart["form"],
  rounds: number,
): Promise<ColdStart> {
  const extension = form === "bundled" ? "node.mjs" : "mjs";
  type Said = { load: number; process: number };
  const whole = startsOf((): number[] => []);
  const start = async (kind: Kind) => {
    const args = ["cold_start.mjs", `./cold_${kind}.${extension}`];
    const { code, stdout, stderr } = await run(node, args, folder);
    if (code !== 0) throw new Error(`${node} ${args.join(" ")}:\n${stderr}`);
    const said: Said = JSON.parse(stdout);
    whole[kind].push(said.process);
    return said.load;
  };
  const cases = KINDS.map((kind): Case => ({
    name: kind,
    timesItself: true,
    run: () => start(kind),
  }));
  const samples = await inTurn(cases, { rounds });
  return {
    where,
    form,
    load: startsOf((kind) => samples.get(kind)!),
    // The round that warms up the disk's cache is none.
    whole: startsOf((kind) => whole[kind].slice(1)),
  };
}

function startsOf<T>(of: (kind: Kind) => T): Record<Kind, T> {
  return { none: of("none"), edge: of("edge"), sdk: of("sdk") };
}

/** Every kind of start, and gives the table. */
export async function coldStartReport(rounds: number): Promise<string> {
  const newest = await RUNTIMES.find(({ name }) => name === "node-newest")!.start();
  const found = await coldStarts({ rounds, nodes: [NODE, newest.command] });
  const rows = found.map(({ where, form, load, whole, gzip }) => {
    const times = ratios(load.edge, load.sdk);
    return [
      `${where}, ${form}`,
      ...figures(load.edge, 1),
      ...figures(load.sdk, 1),
      ...figures(times, 2),
      median(whole.none).toFixed(0),
      gzip === undefined ? "–" : `${(gzip.edge / 1024).toFixed(0)}`,
      gzip === undefined ? "–" : `${(gzip.sdk / 1024).toFixed(0)}`,
    ];
  });
  return [
    `The core with \`./edge\` beside the core with \`./sdk\`, from the packed tarball: from the ` +
    `\`import()\` until a store and a checkpointer are made, in a new process each time; in workerd ` +
    `from its start until the first answer, with ${COPIES} Workers of the same script, less the ` +
    `same with a script that is empty, for each of them. Milliseconds are the processor's, which ` +
    `tell little of what else the machine does; where that is nothing the clock shows hardly more. ` +
    `The files are in the disk's cache. *Nothing* is the whole of a process, or of workerd with its ` +
    `Workers, that loads nothing. The bound: 0.20 × the SDK's.`,
    "",
    table([
      "where",
      "edge, ms",
      "min–max",
      "sdk, ms",
      "min–max",
      "edge ÷ sdk",
      "min–max",
      "nothing, ms",
      "edge, KiB gzipped",
      "sdk, KiB gzipped",
    ], rows),
  ].join("\n");
}

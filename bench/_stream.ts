import { RUNTIMES } from "../tests/runtimes/runtimes.ts";
import { type ChildOptions, startChild } from "./_child.ts";
import { figures, median } from "./_measure.ts";
import { project } from "./_project.ts";
import { environmentOf, type Server } from "./_server.ts";
import { table } from "./_table.ts";

const MIB = 2 ** 20;
/** The length of the stream, in bytes. */
const SIZE = 256 * MIB;
/** Where it is measured: those that a process of its own can be started of. */
const WHERE = ["node-oldest", "node-newest", "bun", "deno"];
const STORES = ["edgeStore", "sdkStore"];
/** What is done, in this order, and by what. */
const DONE: readonly (readonly [call: "save" | "load", by: readonly string[]])[] = [
  ["save", ["Upload alone", ...STORES]],
  ["load", ["GetObject alone", "fetch alone", ...STORES]],
];

interface Taken {
  readonly milliseconds: number;
  readonly memory: number;
}

/** Sends and reads a large stream in each runtime, each time in a new process, and gives the table. */
export async function streamReport(server: Server, rounds: number): Promise<string> {
  const folder = await project();
  const rows: string[][] = [];
  for (const { name, start } of RUNTIMES) {
    if (!WHERE.includes(name)) continue;
    const { command, args } = await start();
    const options = {
      args: args.map((arg) => arg === "main.mjs" ? "stream.mjs" : arg),
      cwd: folder,
      env: environmentOf(server),
    };
    rows.push(...await measure(command, options, rounds));
  }
  return [
    `${
      SIZE / MIB
    } MiB, sent from a stream of unknown length and read piece by piece, each time in ` +
    "a new process, from the installed package. To reach: 96 MiB above the idle process. What is " +
    "read is garbage as soon as the reader is through with it, and a runtime collects it late: the " +
    "engine of Node and Deno lets 64 MiB of it stand before it begins. `Upload alone` and " +
    "`GetObject alone` are the AWS SDK with no store over it, `fetch alone` is a signed URL; `sdkStore` reads by " +
    "`node:http` in Node and Bun, and by `fetch` in Deno.",
    "",
    table(
      ["runtime", "", "by", "MiB/s", "min–max", "memory above idle, MiB", "least", "most"],
      rows,
    ),
  ].join("\n");
}

async function measure(command: string, options: ChildOptions, rounds: number) {
  const inChild = async <T>(name: string, args: object = {}) => {
    const child = startChild(command, options);
    const taken = await child.call<T>(name, args);
    await child.close();
    return taken;
  };
  const about = await inChild<string>("about");
  const rows: string[][] = [];
  for (const [call, ways] of DONE) {
    const found = new Map<string, Taken[]>(ways.map((by) => [by, []]));
    for (let round = 0; round < rounds; round++) {
      for (let index = 0; index < ways.length; index++) {
        const by = ways[(index + round) % ways.length]!;
        found.get(by)!.push(await inChild<Taken>(call, { by, size: SIZE }));
      }
    }
    for (const [by, taken] of found) {
      const speed = taken.map(({ milliseconds }) => SIZE / MIB / milliseconds * 1e3);
      const memory = taken.map(({ memory }) => memory / MIB);
      rows.push([
        about,
        call,
        by,
        ...figures(speed, 0),
        median(memory).toFixed(0),
        Math.min(...memory).toFixed(0),
        Math.max(...memory).toFixed(0),
      ]);
    }
  }
  await inChild("remove");
  return rows;
}

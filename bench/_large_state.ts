import { RUNTIMES } from "../tests/runtimes/runtimes.ts";
import { type Child, startChild } from "./_child.ts";
import { conversationBytes } from "./_data.ts";
import { type Case, inTurn, median, ratios, spread } from "./_measure.ts";
import { project } from "./_project.ts";
import { environmentOf, type Server } from "./_server.ts";
import { table } from "./_table.ts";

const MIB = 2 ** 20;
/** The length of the state, in bytes. */
export const STATE_SIZE = 64e6;
/** Where it is measured: those that a process of its own can be started of. */
const WHERE = ["node-newest", "bun", "deno"];
const COMPRESSIONS = ["gzip", "zstd"] as const;

/** What one runtime took. */
interface Taken {
  readonly about: string;
  readonly sizes: Readonly<Record<"stream" | typeof COMPRESSIONS[number], number>>;
  /** Milliseconds by what was done, one number a round. */
  readonly times: ReadonlyMap<string, readonly number[]>;
  /** Peak memory above the state, in bytes, one number a round, by compression. */
  readonly memory: ReadonlyMap<string, readonly number[]>;
}

/** Packs and saves a large state in each runtime, and gives the tables. */
export async function largeStateReport(server: Server, rounds: number): Promise<string> {
  const folder = await project();
  await Deno.writeFile(`${folder}/large_state.json`, conversationBytes(STATE_SIZE));
  const taken: Taken[] = [];
  for (const { name, start } of RUNTIMES) {
    if (!WHERE.includes(name)) continue;
    const { command, args } = await start();
    const program = args.map((arg) => arg === "main.mjs" ? "large_state.mjs" : arg);
    const options = { args: program, cwd: folder, env: environmentOf(server) };
    taken.push(await measure(() => startChild(command, options), rounds));
  }
  return told(taken);
}

async function measure(start: () => Child, rounds: number): Promise<Taken> {
  const child = start();
  const about = await child.call<string>("about");
  const sizes = await child.call<Taken["sizes"]>("sizes");
  const of = (name: string, call: string, args = {}): Case => ({
    name,
    timesItself: true,
    run: () => child.call(call, args),
  });
  const packing = await inTurn([
    of("stream", "stream"),
    ...COMPRESSIONS.map((compression) => of(`pack ${compression}`, "pack", { compression })),
  ], { rounds });
  const sending = await inTurn([
    of("stream, then Upload", "packAndUpload"),
    ...COMPRESSIONS.flatMap((compression) => [
      of(`upload ${compression}`, "upload", { compression }),
      of(`save ${compression}`, "save", { compression }),
    ]),
  ], { rounds });
  await child.close();
  const memory = new Map<string, number[]>(COMPRESSIONS.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const compression of COMPRESSIONS) {
      const own = start();
      memory.get(compression)!.push(await own.call<number>("memory", { compression }));
      await own.close();
    }
  }
  return { about, sizes, times: new Map([...packing, ...sending]), memory };
}

function told(taken: readonly Taken[]): string {
  const packing: string[][] = [], sending: string[][] = [], memory: string[][] = [];
  for (const { about, sizes, times, memory: peaks } of taken) {
    const base = times.get("stream")!;
    const row = (what: string, size: number, list: readonly number[]) => {
      const faster = ratios(base, list);
      return [
        about,
        what,
        median(list).toFixed(0),
        spread(list, 0),
        (STATE_SIZE / size).toFixed(2),
        median(faster).toFixed(2),
        spread(faster, 2),
      ];
    };
    packing.push(row("one CompressionStream, gzip", sizes.stream, base));
    for (const compression of COMPRESSIONS) {
      packing.push(
        row(`chunks, ${compression}`, sizes[compression], times.get(`pack ${compression}`)!),
      );
      const upload = times.get(`upload ${compression}`)!, save = times.get(`save ${compression}`)!;
      const whole = times.get("stream, then Upload")!;
      sending.push([
        about,
        compression,
        median(upload).toFixed(0),
        median(times.get(`pack ${compression}`)!).toFixed(0),
        median(save).toFixed(0),
        spread(save, 0),
        median(ratios(save, upload)).toFixed(2),
        spread(ratios(save, upload), 2),
        median(ratios(save, whole)).toFixed(2),
        spread(ratios(save, whole), 2),
      ]);
      const peak = peaks.get(compression)!.map((bytes) => bytes / MIB);
      memory.push([about, compression, median(peak).toFixed(0), spread(peak, 0)]);
    }
  }
  return [
    `${
      STATE_SIZE / 1e6
    } MB of JSON as one value, in a process of each runtime, from the installed ` +
    "package. `chunks` is `save` into a store that keeps nothing: it cuts, hashes, packs and seals " +
    "into frames, beside what one stream over the whole does. To reach: gzip 1.7 times as fast, " +
    "zstd 3 times.",
    "",
    table(["runtime", "packed by", "ms", "min–max", "ratio", "× faster", "min–max"], packing),
    "",
    "Saved to MinIO by `sdkStore`, beside `Upload` of bytes that are packed already, and beside one " +
    "CompressionStream and then `Upload`. To reach: 1.15 × `Upload`. MinIO takes the packed bytes " +
    "faster than any processor here packs them (the columns `Upload` and `pack`): the least there " +
    "can be is the longer of the two.",
    "",
    table([
      "runtime",
      "compression",
      "Upload, ms",
      "pack, ms",
      "save, ms",
      "min–max",
      "× Upload",
      "min–max",
      "× stream, then Upload",
      "min–max",
    ], sending),
    "",
    "Peak memory of such a save above the process that holds the state, the 16 MiB of lately " +
    "written objects included; each in a process of its own. To reach: 64 MiB.",
    "",
    table(["runtime", "compression", "MiB", "min–max"], memory),
  ].join("\n");
}

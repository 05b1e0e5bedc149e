import { RUNTIMES } from "../tests/runtimes/runtimes.ts";
import { type Child, startChild } from "./_child.ts";
import { conversationBytes } from "./_data.ts";
import { type Case, figures, inTurn, median, ratios } from "./_measure.ts";
import { project } from "./_project.ts";
import { environmentOf, type Server } from "./_server.ts";
import { table } from "./_table.ts";

const MIB = 2 ** 20;
/** The length of the state, in bytes. */
export const STATE_SIZE = 64e6;
/** Where it is measured: those that a process of its own can be started of. */
const WHERE = ["node-newest", "bun", "deno"];
const COMPRESSIONS = ["none", "gzip", "zstd"] as const;
type Compression = typeof COMPRESSIONS[number];
/** Those that pack. */
const PACKED = COMPRESSIONS.slice(1);

/** The processor's time, in milliseconds: of all threads, and of the one that runs JavaScript. */
interface Processor {
  readonly all: number;
  readonly main: number;
}

/** What one runtime took; of each, one number a round. */
interface Taken {
  readonly about: string;
  readonly sizes: Readonly<Record<"stream" | Compression, number>>;
  /** Milliseconds by what was done. */
  readonly times: ReadonlyMap<string, readonly number[]>;
  /** The processor's time by what was done. */
  readonly processor: ReadonlyMap<string, readonly Processor[]>;
  /** Peak memory above the state, in bytes, by compression. */
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
  const processor = new Map<string, Processor[]>();
  const note = (what: string, { all, main }: Processor) =>
    processor.set(what, [...processor.get(what) ?? [], { all, main }]);
  for (let round = 0; round < rounds; round++) {
    note("stream", await child.call<Processor>("processor"));
    for (const compression of COMPRESSIONS) {
      const found = await child.call<Processor & { pack: Processor }>("processor", { compression });
      note(`pack ${compression}`, found.pack);
      note(`save ${compression}`, found);
    }
  }
  await child.close();
  const memory = new Map<string, number[]>(PACKED.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const compression of PACKED) {
      const own = start();
      memory.get(compression)!.push(await own.call<number>("memory", { compression }));
      await own.close();
    }
  }
  return { about, sizes, times: new Map([...packing, ...sending]), processor, memory };
}

function told(taken: readonly Taken[]): string {
  return [
    `${
      STATE_SIZE / 1e6
    } MB of JSON as one value, in a process of each runtime, from the installed ` +
    "package. `chunks` is `save` into a store that keeps nothing: it cuts, hashes, packs and seals " +
    "into frames, beside what one stream over the whole does. To reach: gzip 1.7 times as fast, " +
    "zstd 3 times.",
    "",
    table(
      ["runtime", "packed by", "ms", "min–max", "ratio", "× faster", "min–max"],
      taken.flatMap(packingRows),
    ),
    "",
    "What of that is work, by the processor's time, which other processes on the machine do not " +
    "add to: of all threads, and of the one that runs JavaScript; `none` is what cutting, hashing and " +
    "framing take without any packing. One stream is packed in one piece, " +
    "one thread at a time. Chunks are packed side by side where `node:zlib` has threads of its own: " +
    "with two processors they take half of it all, or what the one thread does, if that is more. " +
    "Deno's `node:zlib` and its CompressionStream both work on that thread, so gzip gains there no " +
    "more than its level; zstd is its way to be fast.",
    "",
    table(
      ["runtime", "packed by", "all, ms", "JavaScript's, ms", "two processors, ms", "× faster"],
      taken.flatMap(processorRows),
    ),
    "",
    "Saved to MinIO by `sdkStore`, beside `Upload` of bytes that are packed already, and beside one " +
    "CompressionStream and then `Upload`. To reach: 1.15 × `Upload`. MinIO takes packed bytes faster " +
    "than any processor here packs them (the columns `Upload` and `pack`): the least there can be is " +
    "the longer of the two, and MinIO needs the same processors. With `none` nothing is packed: what " +
    "is left is to cut, to hash each byte for its name, for its frame and for its signature, and to " +
    "copy it into the frame.",
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
      "× the longer of Upload and pack",
      "× stream, then Upload",
      "min–max",
    ], taken.flatMap(sendingRows)),
    "",
    "Peak memory of such a save above the process that holds the state as its serializer gave it; " +
    "each in a process of its own. To reach: 64 MiB. 8 MiB of chunks are packed at once, and each " +
    "is copied, hashed and packed; what was packed and sent is garbage until a runtime collects it.",
    "",
    table(["runtime", "compression", "MiB", "min–max"], taken.flatMap(memoryRows)),
  ].join("\n");
}

function packingRows({ about, sizes, times }: Taken): string[][] {
  const base = times.get("stream")!;
  const row = (what: string, size: number, list: readonly number[]) => {
    const faster = ratios(base, list);
    return [
      about,
      what,
      ...figures(list, 0),
      (STATE_SIZE / size).toFixed(2),
      ...figures(faster, 2),
    ];
  };
  return [
    row("one CompressionStream, gzip", sizes.stream, base),
    ...PACKED.map((name) => row(`chunks, ${name}`, sizes[name], times.get(`pack ${name}`)!)),
  ];
}

function processorRows({ about, processor }: Taken): string[][] {
  const medians = (what: string) => {
    const list = processor.get(what)!;
    return { all: median(list.map(({ all }) => all)), main: median(list.map(({ main }) => main)) };
  };
  const stream = medians("stream");
  const row = (what: string, { all, main }: Processor, least: number) => [
    about,
    what,
    all.toFixed(0),
    main.toFixed(0),
    least.toFixed(0),
    (stream.all / least).toFixed(2),
  ];
  return [
    row("one CompressionStream, gzip", stream, stream.all),
    ...COMPRESSIONS.map((name) => {
      const taken = medians(`pack ${name}`);
      return row(`chunks, ${name}`, taken, Math.max(taken.main, taken.all / 2));
    }),
  ];
}

function sendingRows({ about, times }: Taken): string[][] {
  const whole = times.get("stream, then Upload")!;
  return COMPRESSIONS.map((compression) => {
    const [upload, pack, save] = ["upload", "pack", "save"].map((what) =>
      times.get(`${what} ${compression}`)!
    ) as [number[], number[], number[]];
    return [
      about,
      compression,
      median(upload).toFixed(0),
      median(pack).toFixed(0),
      ...figures(save, 0),
      ...figures(ratios(save, upload), 2),
      median(ratios(save, upload.map((took, round) => Math.max(took, pack[round]!)))).toFixed(2),
      ...figures(ratios(save, whole), 2),
    ];
  });
}

function memoryRows({ about, memory }: Taken): string[][] {
  return PACKED.map((compression) => {
    const peak = memory.get(compression)!.map((bytes) => bytes / MIB);
    return [about, compression, ...figures(peak, 0)];
  });
}

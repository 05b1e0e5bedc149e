/**
 * Bundles each entry for the browser platform, as a Worker's or a web app's
 * bundler does, and prints its minified and gzipped size.
 *
 * ```sh
 * deno run -A tests/package/size.ts [--modules]
 * ```
 *
 * With `--modules` it also says what each module takes of the edge bundle, and
 * what each part of it takes, gzipped.
 *
 * It fails where the edge bundle passes its budget, or where a bundle for the
 * browser needs a builtin of Node.
 */

import { build, type Metafile, stop } from "esbuild";
import { gzipSync } from "node:zlib";
import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { manifest, ROOT } from "./manifest.ts";

/**
 * The most that `./edge` with `S3Checkpointer` may weigh, gzipped, in bytes. The
 * aim was 20 KiB, before it cut by content, sealed, expired and took all of S3's
 * options; aws4fetch is 2.1 KiB of it, the texts of its errors 2. `--modules`
 * shows what each part takes.
 */
export const EDGE_BUDGET = 28.25 * 1024;

/** A bundle's name and what stands in its entry module. */
interface Bundle {
  readonly name: string;
  readonly source: string;
  /** Whether its npm packages are left out. */
  readonly external: boolean;
}

/** What a bundle weighs. */
export interface BundleSize {
  readonly name: string;
  /** Minified, in bytes. */
  readonly raw: number;
  /** Minified and gzipped, in bytes. */
  readonly gzip: number;
  /** The builtins of Node that it imports. */
  readonly builtins: readonly string[];
  /** What each module takes of it, minified, in bytes; in their order. */
  readonly modules: ReadonlyMap<string, number>;
  /** The bundle itself, minified. */
  readonly code: Uint8Array;
}

/** The bundle that the budget is about: what a Worker that speaks S3 carries. */
export const EDGE_BUNDLE = "./edge with S3Checkpointer";

const EDGE_SOURCE = `export { S3Checkpointer } from "${manifest.exports["."]}";
export { edgeStore } from "${manifest.exports["./edge"]}";`;

/** Entries whose npm packages are their users' own, and far heavier than ours. */
const HEAVY = ["./sdk", "./langgraph"];

function bundles(): Bundle[] {
  const list: Bundle[] = [{ name: EDGE_BUNDLE, source: EDGE_SOURCE, external: false }];
  for (const [subpath, path] of Object.entries(manifest.exports)) {
    const source = `export * from "${path}";`;
    if (HEAVY.includes(subpath)) {
      list.push({ name: `${subpath} without npm packages`, source, external: true });
    }
    list.push({ name: subpath, source, external: false });
  }
  return list;
}

/** Bundles every entry and weighs it. */
export async function bundleSizes(): Promise<BundleSize[]> {
  try {
    const sizes: BundleSize[] = [];
    for (const bundle of bundles()) sizes.push(await weigh(bundle));
    return sizes;
  } finally {
    await stop();
  }
}

async function weigh({ name, source, external }: Bundle): Promise<BundleSize> {
  const packages = Object.keys(manifest.imports).filter((key) => !key.startsWith(manifest.name));
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: fileURLToPath(ROOT), loader: "ts" },
    // A builtin is kept as an import, so that the table can name it.
    external: ["node:*", ...BARE_BUILTINS, ...(external ? packages : [])],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const code = outputFiles[0]!.contents;
  return {
    name,
    raw: code.length,
    gzip: gzipped(code),
    builtins: builtins(metafile),
    modules: modules(metafile),
    code,
  };
}

function gzipped(code: Uint8Array): number {
  return gzipSync(code, { level: 9 }).length;
}

/** Builtins that packages on npm still name without `node:`. */
const BARE_BUILTINS = [
  "async_hooks",
  "buffer",
  "crypto",
  "events",
  "fs",
  "fs/promises",
  "http",
  "https",
  "os",
  "path",
  "process",
  "stream",
  "url",
  "util",
  "zlib",
];

/** What the bundle imports, `import()` included: a bundler for the browser fails at those too. */
function builtins({ outputs }: Metafile): string[] {
  const paths = Object.values(outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  return [...new Set(paths)].filter((path) =>
    path.startsWith("node:") || BARE_BUILTINS.includes(path)
  );
}

function modules({ outputs }: Metafile): ReadonlyMap<string, number> {
  const inputs = Object.values(outputs).flatMap(({ inputs }) => Object.entries(inputs));
  return new Map(inputs.map(([path, { bytesInOutput }]) => [path, bytesInOutput]));
}

/** The parts of the edge bundle by their modules; a module is of the first that knows it. */
const PARTS: readonly (readonly [name: string, modules: RegExp])[] = [
  ["signing: aws4fetch, and `node:crypto` where it is", /aws4fetch|_signer\.ts$/],
  [
    "what S3's options may be: endpoints, dialects, credentials, encryption, presigned URLs",
    /s3\/(options|endpoint|dialect|credentials|request_headers|presign)\.ts$/,
  ],
  [
    "S3's requests and answers: headers, XML, MD5, errors, copies, multipart uploads",
    /s3\/|edge\//,
  ],
  [
    "attempts, waits, timeouts, bounds on what is open, bodies that go on where they broke off",
    /store\/(policy|gate|open_requests|_abort|parallel|resume)\.ts$/,
  ],
  [
    "what every store has: keys, ranges, bodies and their parts, the errors' classes",
    /store\/|errors\.ts$/,
  ],
  ["the chunker", /chunker\.ts$/],
  ["frames: checksums, compression, what is encrypted", /frame\//],
  ["checkpoints: keys, records, values, the cache, listing", /checkpoint\//],
];

/** What the edge bundle is made of, in gzipped bytes: by how much less it would weigh without each. */
export function partSizes({ gzip, modules, code }: BundleSize): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const [name] of PARTS) {
    const rest: Uint8Array[] = [];
    let at = 0;
    for (const [path, length] of modules) {
      if (partOf(path) !== name) rest.push(code.subarray(at, at + length));
      at += length;
    }
    sizes.set(name, gzip - gzipped(Buffer.concat(rest)));
  }
  const told = [...sizes.values()].reduce((sum, bytes) => sum + bytes);
  return sizes.set("what several of these have in common", gzip - told);
}

/** The part that a module is of. */
export function partOf(path: string): string | undefined {
  return PARTS.find(([, modules]) => modules.test(path))?.[0];
}

/** The sizes as a table in Markdown. */
export function sizeTable(sizes: readonly BundleSize[]): string {
  const kilobytes = (bytes: number) => (bytes / 1024).toFixed(1);
  const rows = sizes.map(({ name, raw, gzip, builtins }) => [
    name,
    kilobytes(raw),
    kilobytes(gzip),
    builtins.join(", ") || "none",
  ]);
  const head = ["bundle", "minified, KiB", "gzipped, KiB", "builtins of Node"];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(["---", "--:", "--:", "---"]), ...rows.map(line)].join("\n");
}

/** What is wrong with the sizes, in sentences; empty where nothing is. */
export function sizeFaults(sizes: readonly BundleSize[]): string[] {
  const faults: string[] = [];
  const edge = sizes.find(({ name }) => name === EDGE_BUNDLE);
  if (edge === undefined) faults.push(`There is no bundle "${EDGE_BUNDLE}"`);
  else if (edge.gzip > EDGE_BUDGET) {
    faults.push(`"${edge.name}" weighs ${edge.gzip} bytes gzipped; its budget is ${EDGE_BUDGET}`);
  }
  for (const { name, builtins } of sizes) {
    if (FOR_BROWSERS.includes(name) && builtins.length > 0) {
      faults.push(`"${name}" needs ${builtins.join(", ")}; a browser or a Worker has none`);
    }
  }
  return faults;
}

/** The bundles that must load where there is no Node. */
const FOR_BROWSERS = [EDGE_BUNDLE, ".", "./edge", "./r2", "./bucket", "./metrics", "./testing"];

if (import.meta.main) {
  const sizes = await bundleSizes();
  console.log(sizeTable(sizes));
  if (Deno.args.includes("--modules")) {
    const edge = sizes.find(({ name }) => name === EDGE_BUNDLE)!;
    const heaviest = [...edge.modules].sort(([, a], [, b]) => b - a);
    for (const [path, bytes] of heaviest) console.log(`${bytes}`.padStart(7), path);
    console.log("\n| part | gzipped, bytes |\n| --- | --: |");
    const parts = [...partSizes(edge)].sort(([, a], [, b]) => b - a);
    for (const [name, bytes] of parts) console.log(`| ${name} | ${bytes} |`);
  }
  const faults = sizeFaults(sizes);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) Deno.exit(1);
}

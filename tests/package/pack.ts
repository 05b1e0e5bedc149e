/**
 * Packs the package for npm.
 *
 * ```sh
 * deno run -A tests/package/pack.ts [folder]
 * ```
 *
 * `deno pack` does the work: it compiles the modules, writes their `.d.ts` and
 * a package.json with what they import. That package.json is then completed,
 * as data, by what `deno pack` has no words for:
 *
 * - `@aws-sdk/*` and `@langchain/*` become optional peer dependencies: who
 *   installs the package for a Worker gets aws4fetch and nothing else, who uses
 *   LangGraph keeps the one copy of it that the graph itself uses;
 * - `sideEffects`, `engines`, `description` and `keywords`.
 *
 * The modules are joined, since a hundred small files take several times as long
 * to load as the same code in a few.
 *
 * `npm pack` makes the tarball of it; the same sources give the same bytes.
 */

import { buildSync } from "esbuild";
import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { deno, manifest, ROOT } from "./manifest.ts";
import { runOrThrow } from "./npm.ts";
import { OLDEST_PEERS } from "./peers.ts";

/** The fields of package.json that are read or written here. */
export interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly type: string;
  readonly license: string;
  readonly description?: string;
  readonly keywords?: readonly string[];
  readonly engines?: Readonly<Record<string, string>>;
  readonly sideEffects?: boolean;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional: boolean }>>;
}

/** What every user installs. Anything else must be somebody's choice. */
const DEPENDENCIES = ["aws4fetch"];

/** The scopes whose packages serve one entry only, and belong to its users: from `OLDEST_PEERS` on. */
const OPTIONAL_PEERS = ["@aws-sdk/", "@smithy/", "@langchain/"];

const DESCRIPTION =
  "Keeps the state of agents and workflows in S3, R2 and anything that speaks S3: a LangGraph.js checkpointer with no database to run";

const KEYWORDS = [
  "langgraph",
  "langchain",
  "checkpoint",
  "checkpointer",
  "agents",
  "s3",
  "r2",
  "cloudflare-workers",
  "object-storage",
];

/**
 * Completes the package.json that `deno pack` wrote. `typePackages` are those
 * whose types the declarations name, with their ranges: `deno pack` counts only
 * what the modules load.
 *
 * @throws {Error} where it depends on a package that is neither one of
 * everybody's nor an optional one.
 */
export function completePackageJson(
  packed: PackageJson,
  typePackages: Readonly<Record<string, string>> = {},
): PackageJson {
  const all = Object.entries({ ...typePackages, ...packed.dependencies })
    .sort(([a], [b]) => a < b ? -1 : 1);
  const peers = all.filter(([name]) => OPTIONAL_PEERS.some((scope) => name.startsWith(scope)));
  const dependencies = all.filter(([name]) => DEPENDENCIES.includes(name));
  const stray = all.filter((entry) => !peers.includes(entry) && !dependencies.includes(entry));
  if (stray.length > 0) {
    throw new Error(
      `src imports ${stray.map(([name]) => name).join(", ")}: ` +
        `say in tests/package/pack.ts whether every user shall install it`,
    );
  }
  return {
    ...packed,
    description: DESCRIPTION,
    keywords: KEYWORDS,
    engines: { node: ">=20" },
    sideEffects: false,
    dependencies: Object.fromEntries(dependencies),
    peerDependencies: Object.fromEntries(
      peers.map(([name, range]) => [name, OLDEST_PEERS[name] ? `^${OLDEST_PEERS[name]}` : range]),
    ),
    peerDependenciesMeta: Object.fromEntries(peers.map(([name]) => [name, { optional: true }])),
  };
}

/** The packages of the import map that the declarations in a folder name, with their ranges. */
async function typePackagesOf(folder: string): Promise<Record<string, string>> {
  const packages: Record<string, string> = {};
  for (const file of await readdir(folder, { recursive: true })) {
    if (!file.endsWith(".d.ts")) continue;
    for (const specifier of specifiersIn(await Deno.readTextFile(`${folder}/${file}`))) {
      const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)![0];
      const target = manifest.imports[name];
      if (target?.startsWith(`npm:${name}@`)) packages[name] = target.slice(`npm:${name}@`.length);
    }
  }
  return packages;
}

/** Every `from "..."` and `import("...")` of a packed module, its comments aside. */
export function specifiersIn(source: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, "");
  const matches = code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"'\n]+)["']/g);
  return [...matches].map(([, specifier]) => specifier!);
}

/**
 * Joins the modules of a packed folder into one for each entry, and a single one
 * of what several entries share: a class is still the same one to all of them.
 * What its package.json says of side effects must come later.
 */
async function joinModules(folder: string, packed: PackageJson): Promise<void> {
  const entryPoints = Object.values(packed.exports).map(({ import: path }) => `${folder}/${path}`);
  const modules = (await readdir(folder, { recursive: true })).filter((file) =>
    file.endsWith(".js")
  );
  const options = {
    entryPoints,
    // The paths that it writes begin here: the folder's own name is in none of them.
    absWorkingDir: folder,
    outdir: folder,
    outbase: folder,
    bundle: true,
    splitting: true,
    packages: "external",
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "error",
  } as const;
  // By itself esbuild makes a chunk for each set of entries that share something. Here every
  // entry asks for all that any two share, which is then one set.
  const { outputs } = buildSync({ ...options, metafile: true }).metafile;
  const shared = Object.values(outputs).filter(({ entryPoint }) => entryPoint === undefined)
    .flatMap(({ inputs }) => Object.keys(inputs));
  const all = `${folder}/shared.js`;
  await Deno.writeTextFile(all, shared.map((path) => `import "./${path}";\n`).join(""));
  for (const entry of entryPoints) {
    const source = await Deno.readTextFile(entry);
    await Deno.writeTextFile(entry, `import ${JSON.stringify(all)};\n${source}`);
  }
  // What runs in a process of its own, and that at once, leaves none behind.
  const { outputFiles } = buildSync({ ...options, chunkNames: "shared" });
  for (const module of modules) await Deno.remove(`${folder}/${module}`);
  for (const { path, contents } of outputFiles) {
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(path, contents);
  }
}

/** Packs the checkout into a tarball in `folder`, and gives its path. */
export async function pack(folder: string): Promise<string> {
  const work = await Deno.makeTempDir();
  try {
    const raw = `${work}/raw.tgz`;
    // The source maps would name the folder they were made in.
    const args = [
      "pack",
      "--allow-dirty",
      "--no-source-maps",
      "--ignore=jsr.json",
      "--output",
      raw,
    ];
    const { code, stderr } = await deno(args);
    if (code !== 0) throw new Error(`deno pack failed:\n${stderr}`);
    await runOrThrow("tar", ["-xzf", raw], work);
    const path = `${work}/package/package.json`;
    const packed: PackageJson = JSON.parse(await Deno.readTextFile(path));
    const completed = completePackageJson(packed, await typePackagesOf(`${work}/package`));
    await joinModules(await Deno.realPath(`${work}/package`), completed);
    await Deno.writeTextFile(path, JSON.stringify(completed, null, 2) + "\n");
    await Deno.mkdir(folder, { recursive: true });
    const target = await Deno.realPath(folder);
    const npmArgs = ["pack", "--silent", "--ignore-scripts", "--pack-destination", target];
    const name = (await runOrThrow("npm", npmArgs, `${work}/package`)).trim();
    return `${target}/${name}`;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

if (import.meta.main) {
  const folder = Deno.args[0] ?? fileURLToPath(new URL(".cache/pack", ROOT));
  console.log(`${manifest.name} ${manifest.version}: ${await pack(folder)}`);
}

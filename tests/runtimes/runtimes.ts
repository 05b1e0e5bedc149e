/** The runtimes the package promises to run in, and how a program is run in each. */

import { npmProject, type Versions } from "../package/npm.ts";
import { OLDEST_PEERS } from "../package/peers.ts";
import { bun, nodeNewest, nodeOldest, type Program } from "./versions.ts";

/** A command that runs in the project's folder. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

/** One runtime. */
export interface Runtime {
  readonly name: string;
  /** The suites it must have run, each with its stores. */
  readonly suites: Readonly<Record<string, readonly string[]>>;
  /** What is installed in other versions than deno.lock's. @default none */
  readonly packages?: Versions;
  /** Fetches what it needs, and says how to start it. */
  readonly start: () => Promise<Command>;
}

/** What runs where there is a file system and Node's builtins. */
const SERVER_STORES = ["memory", "file", "edge", "sdk"];
const SERVER_SUITES = { conformance: SERVER_STORES, langgraph: SERVER_STORES };

const WORKER_STORES = ["memory", "r2", "edge"];

/** Every runtime, by the name that the command line takes. */
export const RUNTIMES: readonly Runtime[] = [
  {
    name: "node-oldest",
    suites: SERVER_SUITES,
    start: async () => ({ command: await fetchProgram(nodeOldest()), args: ["main.mjs"] }),
  },
  {
    name: "node-newest",
    suites: SERVER_SUITES,
    start: async () => ({ command: await fetchProgram(nodeNewest()), args: ["main.mjs"] }),
  },
  {
    name: "bun",
    suites: SERVER_SUITES,
    start: async () => ({ command: await fetchProgram(bun()), args: ["main.mjs"] }),
  },
  {
    name: "deno",
    suites: SERVER_SUITES,
    start: () =>
      Promise.resolve({ command: Deno.execPath(), args: ["run", "--allow-all", "main.mjs"] }),
  },
  {
    name: "workerd",
    suites: { conformance: WORKER_STORES, langgraph: WORKER_STORES, requests: WORKER_STORES },
    start: async () => ({ command: await fetchProgram(nodeNewest()), args: ["workerd.mjs"] }),
  },
];

/** The oldest Node with the oldest that the package takes beside it, on the one store that they matter to. */
export const OLDEST: Runtime = {
  name: "node-oldest, oldest peers",
  suites: { conformance: ["sdk"], langgraph: ["sdk"] },
  packages: { ...OLDEST_PEERS, "@aws-sdk/lib-storage": OLDEST_PEERS["@aws-sdk/client-s3"]! },
  start: async () => ({ command: await fetchProgram(nodeOldest()), args: ["main.mjs", "sdk"] }),
};

/** Fetches a runtime's program from npm, once, and gives its path. */
async function fetchProgram({ package: name, version, path }: Program): Promise<string> {
  const folder = await npmProject(name.replaceAll(/[@/]/g, "_"), { [name]: version });
  return `${folder}/node_modules/${name}/${path}`;
}

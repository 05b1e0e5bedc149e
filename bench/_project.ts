import { fileURLToPath } from "node:url";
import { exists, run } from "../tests/package/npm.ts";
import { userProject } from "../tests/package/user_project.ts";

/** What only the savers beside ours need, pinned: nothing of ours imports it. */
const SAVERS = {
  "@langchain/langgraph-checkpoint-postgres": "1.0.5",
  "@langchain/langgraph-checkpoint-sqlite": "1.0.4",
  "better-sqlite3": "12.11.1",
};

/** The Node that runs the programs. */
export const NODE = "node";

let made: Promise<string> | undefined;

/** The folder that the programs run in, made once. */
export function project(): Promise<string> {
  return made ??= userProject("bench", new URL("programs/", import.meta.url), SAVERS);
}

/** Compiles the addon of SQLite, which has no JavaScript alone: once, for about two minutes. */
export async function compileSqlite(folder: string): Promise<void> {
  if (await exists(`${folder}/node_modules/better-sqlite3/build/Release/better_sqlite3.node`)) {
    return;
  }
  console.error("better-sqlite3: compiling, about two minutes the first time ...");
  const { stdout } = await run(NODE, ["-p", "process.execPath"], folder);
  // The headers that came with this Node: they fit it, and nothing is fetched.
  const root = fileURLToPath(new URL("..", `file://${stdout.trim()}`));
  const { success, stderr } = await new Deno.Command("npm", {
    args: ["rebuild", "better-sqlite3"],
    cwd: folder,
    env: { npm_config_build_from_source: "true", npm_config_nodedir: root },
  }).output();
  if (!success) {
    throw new Error(
      `better-sqlite3 does not compile: it needs a C++ compiler, make, Python and the headers of ` +
        `Node in ${root}include/node\n${new TextDecoder().decode(stderr).slice(-2_000)}`,
    );
  }
}

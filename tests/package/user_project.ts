import { fileURLToPath } from "node:url";
import { ROOT } from "./manifest.ts";
import { installTarball, lockedVersions, npmProject, type Versions } from "./npm.ts";
import { pack } from "./pack.ts";

/** What a user of every entry installs beside the package, and what bundles and runs a Worker. */
const PACKAGES = [
  "@aws-sdk/client-s3",
  "@aws-sdk/lib-storage",
  "@aws-sdk/s3-request-presigner",
  "@langchain/core",
  "@langchain/langgraph",
  "@langchain/langgraph-checkpoint",
  "esbuild",
  "miniflare",
];

/**
 * A folder as a user has it: the package installed from its tarball, what it
 * needs beside it and `more`, and the programs of a folder.
 */
export async function userProject(
  name: string,
  programs: URL,
  more: Versions = {},
): Promise<string> {
  const project = await npmProject(name, { ...lockedVersions(PACKAGES), ...more });
  await installTarball(project, await pack(fileURLToPath(new URL(".cache/pack", ROOT))));
  for await (const { name } of Deno.readDir(programs)) {
    await Deno.copyFile(new URL(name, programs), `${project}/${name}`);
  }
  return project;
}

/** Projects as users have them: a folder, a package.json, and what `npm install` puts there. */

import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { type CommandResult, manifest, readJson, ROOT } from "./manifest.ts";

/** Exact versions by package name. */
export type Versions = Readonly<Record<string, string>>;

/** The exact versions that deno.lock holds for packages of the import map. */
export function lockedVersions(names: readonly string[]): Versions {
  const { specifiers } = readJson<{ specifiers: Record<string, string> }>("deno.lock");
  return Object.fromEntries(names.map((name) => {
    const locked = specifiers[manifest.imports[name] ?? ""];
    if (locked === undefined) throw new Error(`deno.lock holds no version of ${name}`);
    // After the version stand the peers it was resolved with.
    return [name, locked.split("_")[0]!];
  }));
}

/** Runs a command in a folder and waits for its end. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<CommandResult> {
  const output = await new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(300_000),
  }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/** Runs a command that must succeed, and gives what it printed. */
export async function runOrThrow(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, cwd);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout;
}

/** No script of a package runs, and no network where the cache has it. */
const INSTALL = ["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];

/**
 * A folder under `.cache` with these packages installed, at these versions. It
 * is made once and kept: the same name and versions give the same folder.
 */
export async function npmProject(name: string, versions: Versions): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(versions)).digest("hex").slice(0, 12);
  const folder = fileURLToPath(new URL(`.cache/npm/${name}-${hash}`, ROOT));
  if (await exists(`${folder}/node_modules`)) return folder;
  // Made aside and then moved, so that a folder that is there is whole.
  const aside = `${folder}.${crypto.randomUUID()}`;
  await Deno.mkdir(aside, { recursive: true });
  try {
    await Deno.writeTextFile(
      `${aside}/package.json`,
      JSON.stringify({ name, private: true, type: "module", dependencies: versions }),
    );
    await runOrThrow("npm", INSTALL, aside);
    await Deno.mkdir(`${aside}/node_modules`, { recursive: true });
    await Deno.rename(aside, folder);
  } catch (error) {
    await Deno.remove(aside, { recursive: true });
    // Another run was first, and its folder is as good.
    if (!await exists(`${folder}/node_modules`)) throw error;
  }
  return folder;
}

/** Installs a tarball beside what the folder has, as `npm install ./package.tgz` does. */
export async function installTarball(folder: string, tarball: string): Promise<void> {
  const bytes = await Deno.readFile(tarball);
  // Under the same name npm would keep what it has installed already.
  const name = `${createHash("sha256").update(bytes).digest("hex").slice(0, 12)}.tgz`;
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.endsWith(".tgz")) await Deno.remove(`${folder}/${entry.name}`);
  }
  await Deno.writeFile(`${folder}/${name}`, bytes);
  await runOrThrow("npm", [...INSTALL, `./${name}`], folder);
}

/** Whether there is such a file or folder. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** What deno.json says of the package: the one place its entries are named. */

import { readFileSync } from "node:fs";

/** The checkout's root, with a slash at its end. */
export const ROOT: URL = new URL("../../", import.meta.url);

/** The fields of deno.json that the package's checks read. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
}

/** One entry of the package, as `exports` names it. */
export interface Entry {
  /** Its subpath, such as `./edge`. */
  readonly subpath: string;
  /** What a user imports, such as `@cairn/checkpoint/edge`. */
  readonly specifier: string;
  /** Its module in the checkout. */
  readonly url: URL;
}

/** Reads a JSON file of the checkout. */
export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, ROOT), "utf8"));
}

/** deno.json, read once. */
export const manifest: Manifest = readJson("deno.json");

/** Every entry that deno.json exports. */
export const entries: readonly Entry[] = Object.entries(manifest.exports).map((
  [subpath, path],
) => ({
  subpath,
  specifier: manifest.name + subpath.slice(1),
  url: new URL(path, ROOT),
}));

/** What a command printed, and how it ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `deno` in the checkout and waits for its end. */
export async function deno(args: readonly string[]): Promise<CommandResult> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/** Runs `deno` in the checkout and parses the JSON it prints. */
export async function denoJson<T>(args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await deno(args);
  if (code !== 0) throw new Error(`deno ${args.join(" ")} failed:\n${stderr}`);
  return JSON.parse(stdout);
}

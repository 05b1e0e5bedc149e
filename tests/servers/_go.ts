import { mkdir, rename, stat } from "node:fs/promises";
import { basename } from "node:path";
import { run } from "./_server.ts";

/** A program to build from a Go module. */
export interface GoProgram {
  /** The path of its main package. */
  readonly path: string;
  /** The version of the module that it is in. */
  readonly version: string;
  /** How long the first build takes, for who waits for it. */
  readonly takes: string;
}

/** Where the program is, once built; a version has a file of its own. */
export function goBinary(home: string, { path, version }: GoProgram): string {
  return `${home}/${basename(path)}-${version}`;
}

/** Builds a program with `go`, where it is not there yet. */
export async function goInstall(home: string, program: GoProgram): Promise<void> {
  const binary = goBinary(home, program);
  const isThere = await stat(binary).then(() => true, () => false);
  if (isThere) return;
  const { path, version, takes } = program;
  const name = basename(path);
  await mkdir(`${home}/bin`, { recursive: true });
  await run(
    `${name}: building ${version} with go, about ${takes} the first time`,
    "go",
    ["install", "-trimpath", "-ldflags=-s -w", `${path}@${version}`],
    { GOBIN: `${home}/bin`, CGO_ENABLED: "0" },
  );
  await rename(`${home}/bin/${name}`, binary);
}

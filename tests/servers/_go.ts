import { mkdir, rename, stat } from "node:fs/promises";
import { run } from "./_server.ts";

/** A program to build from a Go module. */
export interface GoProgram {
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** Its main package, below the module. @default "." */
  readonly path?: string;
  /** How long the first build takes, for who waits for it. */
  readonly takes: string;
}

/** Where the program is, once built; a version has a file of its own. */
export function goBinary(home: string, { name, version }: GoProgram): string {
  return `${home}/${name}-${version}`;
}

/**
 * Builds a program with `go`, where it is not there yet: in its own module, by
 * the versions and the replacements that the module names. `go install` takes
 * no module that replaces another.
 */
export async function goInstall(home: string, program: GoProgram): Promise<void> {
  const binary = goBinary(home, program);
  const isThere = await stat(binary).then(() => true, () => false);
  if (isThere) return;
  const { name, module, version, path = ".", takes } = program;
  await mkdir(home, { recursive: true });
  const said = await run(`${name}: fetching ${version}`, "go", [
    ...["mod", "download", "-json"],
    `${module}@${version}`,
  ]);
  const { Dir } = JSON.parse(said);
  await run(
    `${name}: building ${version} with go, about ${takes} the first time`,
    "go",
    ["build", "-C", Dir, "-trimpath", "-ldflags=-s -w", "-o", `${binary}.new`, path],
    { CGO_ENABLED: "0" },
  );
  await rename(`${binary}.new`, binary);
}

/**
 * The examples in the docstrings of `src` and in the Markdown files, as
 * programs: each becomes a module of its own, at the lines it has in its file,
 * so that an error names the line to mend.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { ROOT } from "./manifest.ts";

/** One fenced block of code that a reader may paste and run. */
export interface Example {
  /** The file it stands in, relative to the checkout. */
  readonly path: string;
  /** The line of its first line of code, from 1. */
  readonly line: number;
  readonly code: string;
  /** Whether the fence says `ignore`. */
  readonly ignored: boolean;
  /** The paragraph just before the fence; empty where there is none. */
  readonly before: string;
}

const FENCE = /^ {0,3}```(?:ts|typescript|tsx|js|javascript|mjs)((?:[ ,]\S+)*)\s*$/;

/** Finds the examples in Markdown. */
export function examplesIn(path: string, markdown: readonly string[], offset = 0): Example[] {
  const examples: Example[] = [];
  for (let index = 0; index < markdown.length; index++) {
    const fence = FENCE.exec(markdown[index]!);
    if (fence === null) {
      // A block in another language may itself hold what looks like a fence.
      if (/^ {0,3}```/.test(markdown[index]!)) index = closing(markdown, index);
      continue;
    }
    const end = closing(markdown, index);
    examples.push({
      path,
      line: offset + index + 2,
      code: markdown.slice(index + 1, end).join("\n"),
      ignored: /\bignore\b/.test(fence[1]!),
      before: paragraphBefore(markdown, index),
    });
    index = end;
  }
  return examples;
}

function closing(lines: readonly string[], open: number): number {
  const end = lines.findIndex((line, index) => index > open && /^ {0,3}```\s*$/.test(line));
  return end === -1 ? lines.length : end;
}

function paragraphBefore(lines: readonly string[], fence: number): string {
  let end = fence;
  while (end > 0 && lines[end - 1]!.trim() === "") end--;
  let start = end;
  while (start > 0 && lines[start - 1]!.trim() !== "") start--;
  return lines.slice(start, end).join(" ").trim();
}

/** Finds the examples in the docstrings of a module. */
export function examplesInModule(path: string, source: string): Example[] {
  const examples: Example[] = [];
  for (const { 0: comment, index } of source.matchAll(/^[ \t]*\/\*\*[\s\S]*?\*\//gm)) {
    const lines = comment.split("\n").map((line) => line.replace(/^\s*(\/\*\*|\*(?!\/)) ?/, ""));
    examples.push(...examplesIn(path, lines, source.slice(0, index).split("\n").length - 1));
  }
  return examples;
}

/** Every example of the package: `mod.ts`, `src`, README.md and `docs`. */
export function allExamples(): Example[] {
  const modules = ["mod.ts", ...filesIn("src", ".ts")];
  const pages = ["README.md", ...filesIn("docs", ".md")];
  const read = (path: string) => readFileSync(new URL(path, ROOT), "utf8");
  return [
    ...modules.flatMap((path) => examplesInModule(path, read(path))),
    ...pages.flatMap((path) => examplesIn(path, read(path).split("\n"))),
  ];
}

function filesIn(folder: string, extension: string): string[] {
  const names = readdirSync(new URL(folder, ROOT), { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(extension)).map((name) => `${folder}/${name}`).sort();
}

/** How an example ended. */
export interface ExampleResult {
  readonly name: string;
  /** What it threw; undefined where it ran to its end. */
  readonly error?: string;
}

/**
 * Type-checks the examples and runs them, one after the other, in one process
 * whose working directory is an empty one that is removed afterwards.
 *
 * @throws {Error} where one does not type-check, or ends the process.
 */
export async function runExamples(examples: readonly Example[]): Promise<ExampleResult[]> {
  // Inside the checkout, so that its packages are found.
  const folder = new URL(`.cache/doc_examples/${crypto.randomUUID()}/`, ROOT);
  const workspace = await Deno.makeTempDir();
  mkdirSync(folder, { recursive: true });
  try {
    const main = writePrograms(folder, examples);
    const config = new URL("deno.json", ROOT).pathname;
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--check", "--allow-all", "--config", config, main],
      cwd: workspace,
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(300_000),
    }).output();
    const decoder = new TextDecoder();
    const results = decoder.decode(output.stdout).split("\n")
      .filter((line) => line.startsWith(MARK))
      .map((line): ExampleResult => JSON.parse(line.slice(MARK.length)));
    if (results.length < examples.length) {
      throw new Error(
        `${results.length} of ${examples.length} examples came to an end:\n` +
          decoder.decode(output.stderr),
      );
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await Deno.remove(workspace, { recursive: true });
  }
}

/** Stands before each result, so that what an example prints is not taken for one. */
const MARK = "@result ";

/** Writes a module for each example, and one that imports them in turn. */
function writePrograms(folder: URL, examples: readonly Example[]): string {
  const calls = examples.map(({ path, line, code }) => {
    const file = `${path.replaceAll("/", ".")}.${line}.ts`;
    // An example may end with what its reader goes on with, and is a module in any case.
    const names = [...code.matchAll(/^(?:const|let) (\w+)/gm)].map(([, name]) => name);
    const end = `void [${names.join(", ")}];\nexport {};`;
    writeFileSync(new URL(file, folder), `${"\n".repeat(line - 1)}${code}\n${end}\n`);
    // A literal specifier is what `--check` follows.
    return `await run(${JSON.stringify(`${path}:${line}`)}, () => import("./${file}"));`;
  });
  const main = new URL("main.ts", folder);
  writeFileSync(main, `${RUN}\n${calls.join("\n")}\nDeno.exit(0);\n`);
  return main.pathname;
}

const RUN = `
async function run(name: string, load: () => Promise<unknown>): Promise<void> {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("It did not end within 60 seconds")), 60_000);
  });
  const result: { name: string; error?: string } = { name };
  try {
    await Promise.race([load(), late]);
  } catch (error) {
    result.error = error instanceof Error ? error.stack ?? error.message : String(error);
  }
  clearTimeout(timer);
  console.log(\`\\n${MARK}\${JSON.stringify(result)}\`);
}
`;

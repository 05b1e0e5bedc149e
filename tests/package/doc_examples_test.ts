import assert from "node:assert/strict";
import {
  allExamples,
  type Example,
  examplesIn,
  examplesInModule,
  runExamples,
} from "./doc_examples.ts";

Deno.test("every example in the docstrings, README.md and docs runs", async (t) => {
  const examples = allExamples().filter(({ ignored }) => !ignored);
  assert(examples.length > 0);
  for (const { name, error } of await runExamples(examples)) {
    await t.step(name, () => {
      if (error !== undefined) throw new Error(error);
    });
  }
});

Deno.test("an example that is not run says why just before", () => {
  const silent = allExamples().filter(({ ignored, before }) => ignored && !/not run/i.test(before));
  assert.deepEqual(
    silent.map(({ path, line }) => `${path}:${line} needs a sentence such as "Not run here: ..."`),
    [],
  );
});

const PAGE = `# Title

\`\`\`ts
const a = 1;
\`\`\`

Not run here: it needs a bucket.

\`\`\`ts ignore
const b = 2;
\`\`\`

\`\`\`\`md
not code
\`\`\`\`

\`\`\`sh
echo
\`\`\`
\`\`\`js
const c = 3;
\`\`\`
`;

Deno.test("examples are found in Markdown with their lines and their reasons", () => {
  const found = examplesIn("page.md", PAGE.split("\n"));
  assert.deepEqual(found.map(({ line, code, ignored }) => ({ line, code, ignored })), [
    { line: 4, code: "const a = 1;", ignored: false },
    { line: 10, code: "const b = 2;", ignored: true },
    { line: 21, code: "const c = 3;", ignored: false },
  ]);
  assert.equal(found[1]!.before, "Not run here: it needs a bucket.");
});

const MODULE = `const a = 1;

/**
 * Adds.
 *
 * @example
 * \`\`\`ts
 * const b = {
 *   c: 2,
 * };
 * \`\`\`
 */
export const d = 3;
`;

Deno.test("examples are found in docstrings with their lines", () => {
  const [example, ...others] = examplesInModule("a.ts", MODULE);
  assert.deepEqual(others, []);
  assert.equal(example!.line, 8);
  assert.equal(example!.code, "const b = {\n  c: 2,\n};");
});

function exampleOf(code: string, line = 1): Example {
  return { path: "made_up.md", line, code, ignored: false, before: "" };
}

Deno.test("an example that throws is reported by file and line, and the others still run", async () => {
  const [first, second] = await runExamples([
    exampleOf(`import assert from "node:assert/strict";\nassert.equal(1 + 1, 3);`, 7),
    exampleOf(`await Promise.resolve();`),
  ]);
  assert.equal(first!.name, "made_up.md:7");
  assert.match(first!.error!, /made_up\.md\.7\.ts:8:/);
  assert.deepEqual(second, { name: "made_up.md:1" });
});

Deno.test("an example that does not type-check is refused", async () => {
  await assert.rejects(
    runExamples([exampleOf(`const a: number = "one";\nconsole.log(a);`)]),
    /made_up\.md\.1\.ts:1/,
  );
});

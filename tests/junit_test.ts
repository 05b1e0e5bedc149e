import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Count, countJunit } from "./_junit.ts";

/** Runs the files by `deno test`, and counts what it reports. */
async function countOf(files: Record<string, string>): Promise<Count> {
  const folder = await mkdtemp(join(tmpdir(), "cairn-junit-"));
  try {
    const names = Object.keys(files);
    for (const name of names) await writeFile(join(folder, name), files[name]!);
    await new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-config", "--quiet", "--junit-path=out.xml", ...names],
      cwd: folder,
      stdout: "null",
      stderr: "null",
    }).output();
    return countJunit(await readFile(join(folder, "out.xml"), "utf8"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const PASSING = 'Deno.test("a", async (t) => { await t.step("b", () => {}); });';

Deno.test("countJunit() counts tests and their steps", async () => {
  assert.deepEqual(await countOf({ "a_test.ts": PASSING }), { passed: 2, failed: 0 });
});

Deno.test("countJunit() counts a failed step, and the test it fails", async () => {
  const failing = 'Deno.test("<&>", (t) => t.step("b", () => { throw new Error("x"); }).then());';
  assert.deepEqual(await countOf({ "a_test.ts": PASSING, "b_test.ts": failing }), {
    passed: 2,
    failed: 2,
  });
});

Deno.test("countJunit() counts an ignored test as failed", async () => {
  const ignored = 'Deno.test({ name: "a", ignore: true, fn() {} });';
  assert.deepEqual(await countOf({ "a_test.ts": PASSING, "b_test.ts": ignored }), {
    passed: 2,
    failed: 1,
  });
});

Deno.test("countJunit() finds no test in a file that has none", async () => {
  assert.deepEqual(await countOf({ "a_test.ts": "export {};" }), { passed: 0, failed: 0 });
});

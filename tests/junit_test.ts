import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Count, countJunit, excuseJunit, type KnownFault } from "./_junit.ts";

/** Runs the files by `deno test`, and gives its report, and what it said. */
async function reportOf(files: Record<string, string>): Promise<{ xml: string; said: string }> {
  const folder = await mkdtemp(join(tmpdir(), "cairn-junit-"));
  try {
    const names = Object.keys(files);
    for (const name of names) await writeFile(join(folder, name), files[name]!);
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-config", "--quiet", "--junit-path=out.xml", ...names],
      cwd: folder,
      env: { NO_COLOR: "1" },
      stderr: "null",
    }).output();
    const xml = await readFile(join(folder, "out.xml"), "utf8");
    return { xml, said: new TextDecoder().decode(stdout) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function countOf(files: Record<string, string>): Promise<Count> {
  return countJunit((await reportOf(files)).xml);
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

const FAILING = `Deno.test('<a> & "b"', () => { throw new Error('it says "no" & <fails>'); });`;
const FAULT: KnownFault = { test: /^<a> & "b"$/, error: /it says "no" & <fails>/ };

Deno.test("excuseJunit() counts a test as passed that fails as it is known to", async () => {
  const { xml, said } = await reportOf({ "a_test.ts": PASSING, "b_test.ts": FAILING });
  const { surprises, ...count } = excuseJunit(xml, said, [FAULT]);
  assert.deepEqual([count, surprises], [{ passed: 3, failed: 0 }, []]);
});

Deno.test("excuseJunit() counts as failed what fails otherwise, and a fault that does not show", async () => {
  const { xml, said } = await reportOf({ "a_test.ts": PASSING, "b_test.ts": FAILING });
  const other = { ...FAULT, error: /^something else/ };
  for (
    const [faults, failed] of [
      [[other], 2],
      [[FAULT, other], 1],
      [[{ ...FAULT, test: /another/ }], 2],
      [[FAULT, { ...other, races: true }], 0],
    ] as const
  ) {
    const found = excuseJunit(xml, said, faults);
    assert.deepEqual([found.failed, found.surprises.length], [failed, failed]);
  }
});

Deno.test("excuseJunit() counts what fails outside of tests", async () => {
  const broken = 'throw new Error("no test of it is run");';
  const { xml, said } = await reportOf({ "b_test.ts": FAILING, "c_test.ts": broken });
  const { failed, surprises } = excuseJunit(xml, said, [FAULT]);
  assert.deepEqual([failed, surprises], [1, ["./c_test.ts (uncaught error)"]]);
});

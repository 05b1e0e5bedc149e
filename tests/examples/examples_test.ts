import { Miniflare } from "miniflare";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ROOT } from "../package/manifest.ts";
import { bundle } from "./_bundle.ts";

const path = (file: string) => fileURLToPath(new URL(file, ROOT));

/** Runs a program in a directory of its own, and gives what it prints. */
async function run(program: string, cwd: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `--config=${path("deno.json")}`, path(program), ...args],
    cwd,
    env: { NO_COLOR: "1", CAIRN_S3_BUCKET: "" },
  }).output();
  const [said, wrong] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.equal(code, 0, `${said}${wrong}`);
  return said!;
}

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("examples/loop goes on where it stood when it is started again", async () => {
  await inDirectory(async (directory) => {
    const program = "examples/loop/main.ts";
    assert.match(await run(program, directory), /^Going on at 2, with 0 primes\./);
    assert.match(await run(program, directory), /^Going on at 22, with 8 primes\./);
  });
});

Deno.test("examples/worker counts in workerd, with no builtin of Node, and each path alone", async () => {
  const contents = await bundle("worker/worker.ts", "browser");
  const miniflare = new Miniflare({
    modules: [{ type: "ESModule", path: "worker.mjs", contents }],
    compatibilityDate: "2026-01-01", // of its wrangler.toml
    r2Buckets: ["STATE"],
  });
  try {
    const visit = async (thread: string) =>
      await (await miniflare.dispatchFetch(`http://worker${thread}`)).json() as {
        count: number;
        last: string;
        before: string | null;
      };
    const first = await visit("/ada");
    const second = await visit("/ada");
    assert.deepEqual([first.count, first.before], [1, null]);
    assert.deepEqual([second.count, second.before], [2, first.last]);
    assert.equal((await visit("/grace")).count, 1);
  } finally {
    await miniflare.dispose();
  }
});

Deno.test("the quickstart is killed, resumes, is approved, forks and tells what is stored", async () => {
  await inDirectory(async (directory) => {
    const text = ["One", "Two", "Three", "Four"].map((title) =>
      `# ${title}\n\nThe stones of part ${title} mark the trail over the ridge. Nobody moves them.\n`
    ).join("\n");
    const file = `${directory}/trail.md`;
    await Deno.writeTextFile(file, text);
    const said = await run("examples/quickstart/main.ts", directory, file);
    const steps = said.split(/^(?=\d\. )/m);
    assert.equal(steps.length, 6, said);
    assert.match(steps[1]!, /section 3 of 4\n.*killed/);
    assert.doesNotMatch(steps[2]!, /section [12] of 4/, "what was done is not done again");
    assert.match(steps[2]!, /section 4 of 4\n.*asks/i);
    assert.match(steps[3]!, /One: The stones of part One mark the trail/);
    assert.match(steps[4]!, /- One\n {2}- Two\n {2}- Three\n {2}- Four\n/);
    assert.match(steps[5]!, /checkpoint records +\d+ +[\d,]+/);
  });
});

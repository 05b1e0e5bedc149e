import assert from "node:assert/strict";
import { deno } from "./manifest.ts";

Deno.test("deno publish --dry-run is clean, with no slow types", async () => {
  const { code, stdout, stderr } = await deno(["publish", "--dry-run", "--allow-dirty"]);
  const output = stdout + stderr;
  assert.equal(code, 0, output);
  assert.doesNotMatch(output, /warning/i, output);
});

Deno.test("deno doc --lint is clean", async () => {
  const { code, stderr } = await deno(["run", "--allow-all", "tests/package/doc_lint.ts"]);
  assert.equal(code, 0, stderr);
});

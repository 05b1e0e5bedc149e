import assert from "node:assert/strict";
import { deno, entries, manifest } from "./manifest.ts";

Deno.test("deno publish --dry-run is clean, with no slow types", async () => {
  const { code, stdout, stderr } = await deno(["publish", "--dry-run", "--allow-dirty"]);
  const output = stdout + stderr;
  assert.equal(code, 0, output);
  assert.doesNotMatch(output, /warning/i, output);
});

/**
 * Every npm package as an empty module. The lint holds that a public type
 * refers to public types only; it leaves those of other packages alone, but
 * takes a package in `node_modules` for a part of ours
 * (https://github.com/denoland/deno/pull/34339 looks at the URL's scheme).
 */
function importMapWithoutPackages(): string {
  const packages = Object.entries(manifest.imports).filter(([, to]) => to.startsWith("npm:"));
  const empty = "data:text/javascript,export {};";
  return JSON.stringify({ imports: Object.fromEntries(packages.map(([name]) => [name, empty])) });
}

Deno.test("deno doc --lint is clean", async () => {
  const map = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(map, importMapWithoutPackages());
    const modules = entries.map(({ url }) => url.href);
    const args = ["doc", "--lint", "--no-config", "--import-map", map, ...modules];
    const { code, stderr } = await deno(args);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Checked/);
  } finally {
    await Deno.remove(map);
  }
});

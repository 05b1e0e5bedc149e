import assert from "node:assert/strict";
import { type Manifest, manifest, readJson } from "./manifest.ts";

Deno.test("jsr.json says what deno.json says", () => {
  const { name, version, license, exports } = manifest;
  assert.deepEqual(readJson<Manifest>("jsr.json"), { name, version, license, exports });
});

Deno.test("deno.json maps each entry's specifier to the module it exports", () => {
  for (const [subpath, path] of Object.entries(manifest.exports)) {
    assert.equal(manifest.imports[manifest.name + subpath.slice(1)], path);
  }
});

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { entries, manifest, ROOT } from "./manifest.ts";
import { type Import, importsOf } from "./module_graph.ts";

/** The npm packages, or their scopes, that each entry may reach; one that is not here reaches none. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "./edge": ["aws4fetch"],
  "./sdk": ["@aws-sdk/", "@smithy/"],
  "./langgraph": ["@langchain/"],
};

/** The layers each layer may import beside itself: imports point one way. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  store: ["errors"],
  frame: ["errors", "store"],
  checkpoint: ["errors", "store", "frame"],
  core: ["errors", "store", "frame", "checkpoint"],
  langgraph: ["errors", "store", "frame", "checkpoint", "core"],
  s3: ["errors", "store"],
  // What its CloudWatch client sends is described by who gathers it.
  edge: ["errors", "store", "s3", "metrics"],
  sdk: ["errors", "store", "s3"],
  // What expires, is announced or comes back are checkpoints: their keys are known in one place.
  bucket: ["errors", "store", "checkpoint", "s3"],
  metrics: ["errors", "store"],
  r2: ["errors", "store"],
  testing: ["errors", "store", "frame", "checkpoint"],
};

/** The modules that may import a builtin of Node when they load: all serve `./file`. */
const NODE_BUILTINS = /^src\/store\/_?file_/;

const graphs = new Map<string, Promise<Import[]>>();
function graphOf(subpath: string): Promise<Import[]> {
  const entry = entries.find((entry) => entry.subpath === subpath)!;
  if (!graphs.has(subpath)) graphs.set(subpath, importsOf(entry.url));
  return graphs.get(subpath)!;
}

/** `src/edge/mod.ts` is of the layer `edge`, `src/errors.ts` of `errors`, `mod.ts` of `core`. */
function layerOf(module: string): string {
  if (module === "mod.ts") return "core";
  return /^src\/([a-z0-9]+)(?:\/|\.ts$)/.exec(module)?.[1] ?? module;
}

function show(imports: readonly Import[]): string[] {
  return imports.map(({ from, specifier }) => `${from} imports "${specifier}"`);
}

for (const { subpath, specifier } of entries) {
  const packages = PACKAGES[subpath] ?? [];
  const allowed = packages.length === 0 ? "no npm package" : `only ${packages.join(" and ")}`;

  Deno.test(`${specifier} reaches ${allowed}`, async () => {
    const imports = await graphOf(subpath);
    const fits = (npm: string) =>
      packages.some((name) => name.endsWith("/") ? npm.startsWith(name) : npm === name);
    const stray = imports.filter(({ npm }) => npm !== undefined && !fits(npm));
    assert.deepEqual(show(stray), []);
  });

  Deno.test(`${specifier} imports node: only in the file store`, async () => {
    const imports = await graphOf(subpath);
    const stray = imports.filter(({ from, node, dynamic }) =>
      node !== undefined && !dynamic && !NODE_BUILTINS.test(from)
    );
    assert.deepEqual(show(stray), []);
  });

  Deno.test(`${specifier} keeps the direction of the layers`, async () => {
    const imports = await graphOf(subpath);
    const stray = imports.filter(({ from, module, npm, node }) => {
      if (module === undefined) return npm === undefined && node === undefined;
      const [here, there] = [layerOf(from), layerOf(module)];
      return here !== there && !LAYERS[here]?.includes(there);
    });
    assert.deepEqual(show(stray), []);
  });
}

Deno.test("the import graph knows every entry", () => {
  const known = Object.keys(PACKAGES);
  assert.deepEqual(known.filter((subpath) => !(subpath in manifest.exports)), []);
});

Deno.test("@cairn/checkpoint does not load the file store", async () => {
  const imports = await graphOf(".");
  assert.deepEqual(show(imports.filter(({ module }) => /file_store/.test(module ?? ""))), []);
});

Deno.test("every module of src is reached by an entry", async () => {
  const reached = new Set(entries.map(({ url }) => url.href.slice(ROOT.href.length)));
  for (const { subpath } of entries) {
    for (const { module } of await graphOf(subpath)) if (module !== undefined) reached.add(module);
  }
  const modules = readdirSync(new URL("src", ROOT), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts")).map((name) => `src/${name}`);
  assert.deepEqual(modules.filter((module) => !reached.has(module)), []);
});

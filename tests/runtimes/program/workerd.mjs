/**
 * Runs the Workers in workerd, by miniflare: bundled as a Worker's own tools
 * would bundle them, with R2 as miniflare keeps it.
 */

import { build } from "esbuild";
import { Miniflare } from "miniflare";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import process from "node:process";
import { runCases } from "./report.mjs";
import { expectedOf } from "./visit.mjs";

const COMPATIBILITY_DATE = "2026-07-01";
const WORKERS = [
  { entry: "worker.mjs", flags: [] },
  { entry: "worker_langgraph.mjs", flags: ["nodejs_compat"] },
];
const STORES = ["memory", "r2", "edge"];

const print = (json) => console.log(`@cairn ${json}`);
const say = (message) => print(JSON.stringify(message));

const { version } = createRequire(import.meta.url)("workerd/package.json");
say({ version, resolved: import.meta.resolve("@cairn/checkpoint") });

/** Bundles a Worker; one with no flag that asks for a builtin of Node fails here. */
async function bundle(entry, flags) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    platform: "browser",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", ...(flags.includes("nodejs_compat") ? ["node:*"] : [])],
    target: "es2022",
    write: false,
    logLevel: "error",
  });
  return outputFiles[0].text;
}

/** Runs the Worker's suite on a store, and passes on what it says. */
async function runSuite(miniflare, store) {
  const response = await miniflare.dispatchFetch(`http://worker/${store}`);
  if (!response.ok) throw new Error(`The suite on ${store}: ${await response.text()}`);
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) print(line);
  }
}

/** Cases of many requests to the one store of the module. */
function requestCases(miniflare, store) {
  const visitors = Array.from({ length: 12 }, () => randomUUID());
  const visitAll = async (rest) =>
    await Promise.all(visitors.map(async (visitor) => {
      const response = await miniflare.dispatchFetch(`http://worker/${store}/${visitor}${rest}`);
      return await response.text();
    }));
  return [
    {
      name: "a store at the top of a module serves requests that run at once",
      run: async () => assert.deepEqual(await visitAll(""), visitors.map(expectedOf)),
    },
    {
      name: "a store outlives requests that end in the middle of a call",
      run: async () => {
        assert.deepEqual(await visitAll("/leave"), visitors.map(() => "left"));
        assert.deepEqual(await visitAll(""), visitors.map(expectedOf));
      },
    },
  ];
}

const bindings = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => name.startsWith("CAIRN_S3_")),
);

for (const { entry, flags } of WORKERS) {
  const miniflare = new Miniflare({
    modules: [{ type: "ESModule", path: "worker.mjs", contents: await bundle(entry, flags) }],
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags: flags,
    r2Buckets: ["BUCKET"],
    bindings,
  });
  try {
    for (const store of STORES) {
      await runSuite(miniflare, store);
      if (flags.length > 0) continue;
      await runCases(say, { suite: "requests", store }, requestCases(miniflare, store));
    }
  } finally {
    await miniflare.dispose();
  }
}
say({ done: true });
process.exit(0);

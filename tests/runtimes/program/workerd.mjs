/**
 * Runs the Workers in workerd, by miniflare: bundled as a Worker's own tools
 * would bundle them, with R2 as miniflare keeps it.
 */

import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { createRequire } from "node:module";
import process from "node:process";

const COMPATIBILITY_DATE = "2026-07-01";
const WORKERS = [
  { entry: "worker.mjs", flags: [] },
  { entry: "worker_langgraph.mjs", flags: ["nodejs_compat"] },
];
const STORES = ["memory", "r2", "edge"];

const say = (line) =>
  console.log(`@cairn ${typeof line === "string" ? line : JSON.stringify(line)}`);

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
    external: flags.includes("nodejs_compat") ? ["node:*"] : [],
    target: "es2022",
    write: false,
    logLevel: "error",
  });
  return outputFiles[0].text;
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
      const response = await miniflare.dispatchFetch(`http://worker/${store}`);
      if (!response.ok) throw new Error(`${entry} on ${store}: ${await response.text()}`);
      let rest = "";
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split("\n");
        rest = lines.pop();
        for (const line of lines) say(line);
      }
    }
  } finally {
    await miniflare.dispose();
  }
}
say({ done: true });
process.exit(0);

import { fileURLToPath } from "node:url";
import { build, stop } from "esbuild";
import { Miniflare } from "miniflare";

/** Starts workerd with a Worker that runs the conformance cases, and an empty R2 bucket. */
export async function startWorker(): Promise<Miniflare> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("./_worker.ts", import.meta.url))],
    bundle: true,
    format: "esm",
    // No builtin of Node is known here: one that is imported fails the build.
    platform: "browser",
    target: "es2022",
    write: false,
    logLevel: "error",
  });
  await stop();
  const miniflare = new Miniflare({
    modules: [{ type: "ESModule", path: "worker.mjs", contents: outputFiles[0]!.text }],
    compatibilityDate: "2026-07-01",
    r2Buckets: ["BUCKET"],
  });
  await miniflare.ready;
  return miniflare;
}

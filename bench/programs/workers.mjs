/** Bundles the modules of a cold start, for Node and for Workers, and starts Workers of them. */

import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { serve, timed } from "./serve.mjs";

const COMPATIBILITY_DATE = "2026-07-01";
const fileOf = (kind, platform) => `cold_${kind}.${platform}.mjs`;
const DUMMY = `{ endpoint: "http://127.0.0.1:9", region: "us-east-1", bucket: "bench",
  forcePathStyle: true, credentials: { accessKeyId: "bench", secretAccessKey: "bench" } }`;

const PLATFORMS = {
  node: { platform: "node", external: [], banner: requireBanner() },
  // As a Worker's own tools bundle it; what it makes is made as the module loads.
  worker: {
    platform: "browser",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
  },
};

/** What packages in CommonJS call in a module of ECMAScript. */
function requireBanner() {
  const js =
    'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
  return { js };
}

async function bundle(kind, name) {
  const source = name === "node"
    ? `export { make } from "./cold_${kind}.mjs";`
    : `import { make } from "./cold_${kind}.mjs";
       const made = make(${DUMMY});
       export default { fetch: () => new Response(typeof made) };`;
  const { outputFiles } = await build({
    ...PLATFORMS[name],
    stdin: { contents: source, resolveDir: process.cwd() },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    write: false,
    logLevel: "error",
  });
  const { contents } = outputFiles[0];
  writeFileSync(fileOf(kind, name), contents);
  return { bytes: contents.length, gzip: gzipSync(contents, { level: 9 }).length };
}

await serve({
  bundle: async ({ kind, platform }) => await bundle(kind, platform),
  versions: () => ({
    workerd: createRequire(import.meta.url)("workerd/package.json").version,
  }),
  /** Starts workerd with so many Workers of one script, and waits until the first has answered. */
  start: async ({ kind, copies }) => {
    const contents = readFileSync(fileOf(kind, "worker"), "utf8");
    const workers = Array.from({ length: copies }, (_, index) => ({
      name: `worker-${index}`,
      modules: [{ type: "ESModule", path: "worker.mjs", contents }],
      compatibilityDate: COMPATIBILITY_DATE,
      compatibilityFlags: ["nodejs_compat"],
    }));
    let miniflare;
    const milliseconds = await timed(async () => {
      miniflare = new Miniflare({ workers });
      const answer = await miniflare.dispatchFetch("http://worker/");
      if (await answer.text() !== "object") throw new Error(`The Worker of ${kind} answered wrong`);
    });
    await miniflare.dispose();
    return milliseconds;
  },
});

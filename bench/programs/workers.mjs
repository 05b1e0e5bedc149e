/** Bundles the modules of a cold start, for Node and for Workers, and starts Workers of them. */

import { build } from "esbuild";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";
import { serve } from "./serve.mjs";

/** It comes with miniflare, which is not asked: what it adds takes longer than what is measured. */
const { default: workerd, version } = createRequire(import.meta.url)("workerd");

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

/** What workerd reads: so many Workers of one script, and a port to ask the first of them. */
function configOf(kind, copies) {
  const services = Array.from(
    { length: copies },
    (_, index) => `(name = "${index}", worker = .cold)`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const cold :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "${fileOf(kind, "worker")}")],
  compatibilityDate = "${COMPATIBILITY_DATE}",
  compatibilityFlags = ["nodejs_compat"],
);
const config :Workerd.Config = (
  services = [${services.join(", ")}],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "0")],
);`;
}

/** The time that all threads of a process have had a processor, in milliseconds. */
function processorTime(pid) {
  const threads = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(threads).map((thread) =>
    Number(readFileSync(`${threads}/${thread}/schedstat`, "utf8").split(" ")[0])
  );
  return nanoseconds.reduce((sum, time) => sum + time, 0) / 1e6;
}

/** The port that workerd tells of once all Workers are there, their modules evaluated. */
async function portOf(child) {
  for await (const line of createInterface({ input: child.stdio[3] })) {
    const { event, port } = JSON.parse(line);
    if (event === "listen") return port;
  }
  throw new Error("workerd does not start: its own words are above");
}

await serve({
  bundle: async ({ kind, platform }) => await bundle(kind, platform),
  versions: () => ({ workerd: version }),
  /**
   * Starts workerd with so many Workers of one script, waits until one has answered, and gives
   * the processor's time that this took.
   */
  start: async ({ kind, copies }) => {
    const file = `cold_${kind}.capnp`;
    writeFileSync(file, configOf(kind, copies));
    const child = spawn(workerd, ["serve", file, "--control-fd=3"], {
      stdio: ["ignore", 2, 2, "pipe"],
    });
    const ended = once(child, "exit");
    try {
      const answer = await fetch(`http://127.0.0.1:${await portOf(child)}/`);
      if (await answer.text() !== "object") throw new Error(`The Worker of ${kind} answered wrong`);
      return processorTime(child.pid);
    } finally {
      child.kill();
      await ended;
    }
  },
});

/** The end of `_child.ts` that is written in JavaScript. */

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";

/** Answers calls with what the function of that name gives, until there are no more. */
export async function serve(commands) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { name, args } = JSON.parse(line);
    let answer;
    try {
      answer = { value: await commands[name](args) ?? null };
    } catch (error) {
      answer = { error: String(error?.stack ?? error) };
    }
    process.stdout.write(`@bench ${JSON.stringify(answer)}\n`);
  }
}

/** How long something takes, in milliseconds. */
export async function timed(run) {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** The runtime and its version. */
export function about() {
  const { bun, deno, node } = process.versions;
  return bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node ${node}`;
}

/** The most memory of this process above what it has now, once `run` is through. */
export async function peakOf(run) {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const idle = process.memoryUsage().rss;
  writeFileSync("/proc/self/clear_refs", "5");
  await run();
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)[1]) * 1024 - idle;
}

/**
 * The processor's time that something takes, in milliseconds: of all threads, and of
 * the one that runs JavaScript. Other processes do not add to it, however busy.
 */
export async function processorOf(run) {
  const ofMain = () =>
    Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  const before = process.cpuUsage(), mainBefore = ofMain();
  await run();
  const { user, system } = process.cpuUsage(before);
  return { all: (user + system) / 1e3, main: ofMain() - mainBefore };
}

/** The options of a store, from the variables that name the server. */
export function storeOptions() {
  const value = (name) => {
    const found = process.env[`CAIRN_S3_${name}`];
    if (!found) throw new Error(`CAIRN_S3_${name} is not set`);
    return found;
  };
  return {
    endpoint: value("ENDPOINT"),
    region: value("REGION"),
    bucket: value("BUCKET"),
    forcePathStyle: true,
    credentials: {
      accessKeyId: value("ACCESS_KEY_ID"),
      secretAccessKey: value("SECRET_ACCESS_KEY"),
    },
  };
}

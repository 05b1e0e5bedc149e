/**
 * One upload in a process of its own, so that its memory is nobody else's:
 * prints its time and its memory above the idle process as JSON.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import { streamOfNoise } from "./_data.ts";
import { requireServer } from "./_server.ts";
import { sdk, UPLOADS } from "./_target.ts";

/** What one upload took. */
export interface UploadResult {
  /** From the call to its answer, in milliseconds. */
  readonly milliseconds: number;
  /** The most memory of the process above what it had when idle, in bytes. */
  readonly memory: number;
}

if (import.meta.main) {
  const [name = "", size = ""] = Deno.args;
  const server = requireServer();
  const upload = UPLOADS[name]!(server);
  // Connects, and loads what is loaded on first use, before it is idle.
  await upload("bench/warm", streamOfNoise(1_000));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const peak = watchMemory();
  const stream = streamOfNoise(Number(size));
  const start = performance.now();
  await upload("bench/upload", stream);
  const milliseconds = performance.now() - start;
  const memory = peak();
  const store = sdk(server);
  const { size: stored } = await store.head("bench/upload");
  if (stored !== Number(size)) throw new Error(`${stored} bytes are stored, and ${size} were sent`);
  await store.delete(["bench/upload", "bench/warm"]);
  console.log(JSON.stringify({ milliseconds, memory } satisfies UploadResult));
  Deno.exit();
}

/** Notes the process's memory; the function it gives tells by how much it grew at most. */
function watchMemory(): () => number {
  const idle = Deno.memoryUsage().rss;
  let most = idle;
  const timer = setInterval(() => most = Math.max(most, Deno.memoryUsage().rss), 2);
  const kernelCounts = forgetPeak();
  return () => {
    clearInterval(timer);
    return Math.max(most, kernelCounts ? peakByKernel() : 0) - idle;
  };
}

/** Asks Linux to count the peak from now on: a timer can miss one. */
function forgetPeak(): boolean {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
    return true;
  } catch {
    return false;
  }
}

function peakByKernel(): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
  return Number(line?.[1] ?? 0) * 1024;
}

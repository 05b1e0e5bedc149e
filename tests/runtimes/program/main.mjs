/** What Node, Bun and Deno run: every suite on every store, over the installed package. */

import { memoryStore } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { fileStore } from "@cairn/checkpoint/file";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { compression } from "./compression.mjs";
import { conformance } from "./conformance.mjs";
import { runCases, s3Options } from "./report.mjs";
import { roundTrip } from "./round_trip.mjs";

const directory = await mkdtemp(join(tmpdir(), "cairn-"));
const stores = {
  memory: () => memoryStore(),
  file: () => fileStore(directory),
  edge: () => edgeStore(s3Options(process.env)),
  sdk: () => sdkStore(s3Options(process.env)),
};

const { bun, deno, node } = process.versions;
const say = (line) => console.log(`@cairn ${JSON.stringify(line)}`);
say({ version: bun ?? deno ?? node, resolved: import.meta.resolve("@cairn/checkpoint") });
try {
  const asked = process.argv[2] ?? "";
  for (const [store, open] of Object.entries(stores).filter(([name]) => name.includes(asked))) {
    await runCases(say, { suite: "conformance", store }, [
      ...conformance(open()),
      ...compression(open()),
    ]);
    await runCases(say, { suite: "langgraph", store }, roundTrip(open()));
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
say({ done: true });
// A connection that is kept alive is no reason to stay.
process.exit(0);

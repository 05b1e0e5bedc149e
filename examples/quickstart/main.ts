/**
 * The quickstart: a graph whose process is killed in the middle and goes on in
 * another, waits for an approval, and is taken back in time and forked.
 *
 * ```sh
 * deno task quickstart [FILE]
 * ```
 *
 * It keeps its state in a directory, or in the bucket that CAIRN_S3_BUCKET,
 * CAIRN_S3_ENDPOINT, CAIRN_S3_REGION, CAIRN_S3_ACCESS_KEY_ID and
 * CAIRN_S3_SECRET_ACCESS_KEY name.
 *
 * @module
 */
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { Command } from "@langchain/langgraph";
import { editor } from "./graph.ts";
import { storeFromEnv } from "./store.ts";

const PREFIX = "quickstart/";
const file = Deno.args[0] ?? new URL("../../README.md", import.meta.url).pathname;
const { store, where } = storeFromEnv();
const saver = new S3Saver({ store, prefix: PREFIX });
const graph = editor(saver);
const thread = `quickstart-${crypto.randomUUID().slice(0, 8)}`;
const config = { configurable: { thread_id: thread } };

step(1, `A process reads ${file.split("/").at(-1)} and keeps each step in ${where}.`);
const killed = await run({ killAfter: 3 });
if (killed.success) throw new Error("The text has fewer than three sections: nothing to kill");
const { values: { notes, sections }, next } = await graph.getState(config);
console.log(`  killed, by ${killed.signal}`);
console.log(
  `  The thread has the notes on ${notes.length} of ${sections.length} sections, ` +
    `and goes on at "${next.join(", ")}".`,
);

step(2, "Another process resumes the thread where it stood.");
const resumed = await run();
if (!resumed.success) throw new Error("The second process failed");
const asking = await graph.getState(config);
const question = asking.tasks[0]?.interrupts[0]?.value;
if (question === undefined) throw new Error("The graph does not ask for an approval");
console.log(
  `  It asks: ${question.question} (${question.sections} sections, ${
    number(question.words)
  } words)`,
);

step(3, "We approve.");
const published = await graph.invoke(new Command({ resume: "yes" }), config);
console.log(indent(published.digest));

step(4, "Back in time: from the moment before the approval, a fork with another answer.");
const history = [];
for await (const snapshot of graph.getStateHistory(config)) history.push(snapshot);
const before = history.find(({ next }) => next.includes("approve"))!;
const forked = await graph.updateState(before.config, {}, "digest section");
await graph.invoke(null, forked);
const fork = await graph.invoke(new Command({ resume: "shorter" }), config);
console.log(indent(fork.digest));

step(5, "What is stored of the thread:");
const stored = await printStored();
const { count, bytes } = await whole();
console.log(
  `  These are ${count} checkpoints, the subgraph's and the fork's included. Each kept whole, as\n` +
    `  JSON, they would take ${number(bytes)} bytes: ${(bytes / stored).toFixed(1)} times as many.`,
);

console.log(`
It is all in ${where}, and each run is a thread of its own.
A text of yours: deno task quickstart FILE. A bucket of yours: examples/quickstart/store.ts.`);

/** Runs the worker; `killAfter` kills it, as a crash would, after so many lines. */
async function run({ killAfter = Infinity } = {}): Promise<Deno.CommandStatus> {
  const worker = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("worker.ts", import.meta.url).href, thread, file],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let lines = 0;
  for await (const chunk of worker.stdout.pipeThrough(new TextDecoderStream())) {
    for (const line of chunk.split("\n").filter(Boolean)) {
      console.log(`  ${line}`);
      if (++lines === killAfter) worker.kill("SIGKILL");
    }
  }
  return await worker.status;
}

/** How many checkpoints there are, and how many bytes they would take if each were kept whole. */
async function whole(): Promise<{ count: number; bytes: number }> {
  let count = 0, bytes = 0;
  for await (const { checkpoint, pendingWrites } of saver.list(config)) {
    count++;
    bytes += new TextEncoder().encode(JSON.stringify([checkpoint, pendingWrites])).length;
  }
  return { count, bytes };
}

/** Prints what the store has of the thread, and gives its bytes. */
async function printStored(): Promise<number> {
  const kinds = [
    { kind: "checkpoint records", pattern: /\/c$/, objects: 0, bytes: 0 },
    { kind: "pending writes", pattern: /\/w\.[^/]+$/, objects: 0, bytes: 0 },
    { kind: "chunks of large values", pattern: /\/v\/[^/]+$/, objects: 0, bytes: 0 },
  ];
  const total = { kind: "total", objects: 0, bytes: 0 };
  for await (const { objects } of store.list({ prefix: `${PREFIX}${thread}/` })) {
    for (const { key, size } of objects) {
      for (const row of [kinds.find(({ pattern }) => pattern.test(key))!, total]) {
        row.objects++;
        row.bytes += size;
      }
    }
  }
  const print = (kind: string, objects: string, bytes: string) =>
    console.log(`  ${kind.padEnd(24)}${objects.padStart(8)}${bytes.padStart(12)}`);
  print("", "objects", "bytes");
  for (const { kind, objects, bytes } of [...kinds, total]) {
    print(kind, number(objects), number(bytes));
  }
  return total.bytes;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

function step(number: number, text: string): void {
  console.log(`\n${number}. ${text}`);
}

function indent(text: string): string {
  return text.split("\n").map((line) => `  ${line}`).join("\n");
}

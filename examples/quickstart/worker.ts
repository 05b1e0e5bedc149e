/**
 * One process of the quickstart: starts the thread, or resumes it where it
 * stood, and runs until it ends or asks. `worker.ts THREAD [FILE]`
 *
 * @module
 */
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { editor } from "./graph.ts";
import { storeFromEnv } from "./store.ts";

const [thread, file] = Deno.args as [string, string?];
const saver = new S3Saver({ store: storeFromEnv().store, prefix: "quickstart/" });
const graph = editor(saver, async (note) => {
  console.log(note);
  await new Promise((resolve) => setTimeout(resolve, 150)); // as long as a fast model takes
});

const config = { configurable: { thread_id: thread } };
const { next } = await graph.getState(config);
const input = next.length > 0 ? null : { text: await Deno.readTextFile(file!) };
// Each step is stored before the next begins: what was done is never done again.
await graph.invoke(input, { ...config, durability: "sync" });

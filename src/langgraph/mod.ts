/**
 * A checkpoint saver for LangGraph.js over any object store.
 *
 * @example Replace `MemorySaver`
 * ```ts
 * import { memoryStore } from "@cairn/checkpoint";
 * import { S3Saver } from "@cairn/checkpoint/langgraph";
 * import { Annotation, StateGraph } from "@langchain/langgraph";
 * import assert from "node:assert/strict";
 *
 * const State = Annotation.Root({ count: Annotation<number> });
 * const graph = new StateGraph(State)
 *   .addNode("add", ({ count }) => ({ count: count + 1 }))
 *   .addEdge("__start__", "add")
 *   .compile({ checkpointer: new S3Saver({ store: memoryStore() }) });
 *
 * const config = { configurable: { thread_id: "1" } };
 * await graph.invoke({ count: 1 }, config);
 * assert.equal((await graph.getState(config)).values.count, 2);
 * ```
 *
 * @module
 */
export { S3Saver } from "./s3_saver.ts";
export type { PruneOptions, S3SaverOptions } from "./s3_saver.ts";

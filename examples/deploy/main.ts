/**
 * A service for Deno Deploy that takes orders, and asks before it places one.
 * The question may stand for seconds or for weeks, and any isolate in any
 * region may take the answer: the thread is in the bucket, and nowhere else.
 *
 * ```sh
 * export S3_BUCKET=… AWS_REGION=… AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…
 * deno serve -A examples/deploy/main.ts   # S3_ENDPOINT, too, for R2, MinIO and others
 *
 * curl -d "two boots" localhost:8000/ada  # {"messages":["two boots"],"question":"Place the order …"}
 * curl -d "yes" localhost:8000/ada        # also after a restart
 * ```
 *
 * In a project of its own: `deno add jsr:@cairn/checkpoint npm:@langchain/langgraph`,
 * this file, the variables, and `deno deploy`.
 *
 * @module
 */
import { edgeStore } from "@cairn/checkpoint/edge";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { Annotation, Command, interrupt, StateGraph } from "@langchain/langgraph";

const State = Annotation.Root({
  messages: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
});

// Made once for each isolate; nothing is sent yet.
const graph = new StateGraph(State)
  .addNode("order", ({ messages }) => {
    const answer: string = interrupt(`Place the order for ${messages.at(-1)}? yes or no`);
    return { messages: [answer, answer === "yes" ? "It is placed." : "It is not placed."] };
  })
  .addEdge("__start__", "order")
  .compile({
    checkpointer: new S3Saver({
      store: edgeStore({
        bucket: required("S3_BUCKET"),
        endpoint: Deno.env.get("S3_ENDPOINT"), // AWS's own where there is none
        region: Deno.env.get("AWS_REGION"),
        credentials: {
          accessKeyId: required("AWS_ACCESS_KEY_ID"),
          secretAccessKey: required("AWS_SECRET_ACCESS_KEY"),
          sessionToken: Deno.env.get("AWS_SESSION_TOKEN"),
        },
      }),
    }),
  });

export default {
  /** POST a text to a thread's path, an order or the answer to a question; GET tells how it stands. */
  async fetch(request) {
    // Whoever knows the path may speak: put your own authentication before it.
    const config = { configurable: { thread_id: new URL(request.url).pathname } };
    if (request.method === "POST") {
      const text = await request.text();
      const { next } = await graph.getState(config);
      const waits = next.length > 0;
      await graph.invoke(waits ? new Command({ resume: text }) : { messages: [text] }, config);
    }
    const { values, tasks } = await graph.getState(config);
    const question: string | undefined = tasks[0]?.interrupts[0]?.value;
    return Response.json({ messages: values.messages ?? [], question: question ?? null });
  },
} satisfies Deno.ServeDefaultExport;

function required(name: string): string {
  const value = Deno.env.get(name);
  if (!value) throw new Error(`Set ${name}`);
  return value;
}

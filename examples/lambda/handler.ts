/**
 * An AWS Lambda function that takes one step of a LangGraph.js thread for each
 * event, and keeps the thread in the bucket of STATE_BUCKET. The role needs
 * s3:ListBucket on the bucket, and s3:GetObject and s3:PutObject on its objects
 * (`iamPolicy({ bucket, uses: ["writer"] })`). In a project of its own:
 *
 * ```sh
 * npm install @cairn/checkpoint @langchain/langgraph @langchain/core \
 *   @aws-sdk/client-s3 @aws-sdk/s3-request-presigner esbuild
 * # As CommonJS: parts of the AWS SDK call require, which a bundled module does not have.
 * npx esbuild handler.ts --bundle --platform=node --format=cjs --minify --outfile=dist/handler.cjs
 * (cd dist && zip function.zip handler.cjs)
 * aws lambda create-function --function-name agent --runtime nodejs24.x \
 *   --handler handler.handler --zip-file fileb://dist/function.zip --role "$ROLE_ARN" \
 *   --timeout 30 --environment "Variables={STATE_BUCKET=my-agents}"
 * ```
 *
 * @module
 */
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { Annotation, StateGraph } from "@langchain/langgraph";
import process from "node:process";

const State = Annotation.Root({
  messages: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
});

// Made once for each container; the credentials are the role's own.
const checkpointer = new S3Saver({
  store: sdkStore({
    bucket: process.env.STATE_BUCKET ?? "",
    region: process.env.AWS_REGION ?? "us-east-1",
  }),
});

const graph = new StateGraph(State)
  .addNode("reply", ({ messages }) => ({ messages: [`That was message ${messages.length}.`] }))
  .addEdge("__start__", "reply")
  .compile({ checkpointer });

/** Takes `{ thread, message }`, gives the thread's messages. */
export async function handler(
  { thread, message }: { thread: string; message: string },
): Promise<{ messages: string[] }> {
  const { messages } = await graph.invoke(
    { messages: [message] },
    { configurable: { thread_id: thread } },
  );
  return { messages };
}

import { edgeStore } from "@cairn/checkpoint/edge";
import assert from "node:assert/strict";
import { withBucket } from "../bucket/_buckets.ts";
import { serverOptions } from "../conformance/_server.ts";
import { bundle } from "./_bundle.ts";

/** Runs the handler in a process of its own, as a cold container does, and gives its answer. */
async function invoke(file: string, event: object, env: Record<string, string>): Promise<unknown> {
  const program = `require(${JSON.stringify(file)}).handler(${JSON.stringify(event)})
    .then((answer) => console.log(JSON.stringify(answer)))`;
  const { code, stdout, stderr } = await new Deno.Command("node", {
    args: ["--eval", program],
    env,
  }).output();
  const [said, wrong] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.equal(code, 0, wrong);
  return JSON.parse(said!);
}

Deno.test("examples/lambda, bundled, goes on with a thread in another container", async () => {
  const { endpoint, region, credentials } = serverOptions();
  // A dot keeps the bucket in the path: no name server knows bucket.127.0.0.1.
  const bucket = `cairn.lambda.${crypto.randomUUID().slice(0, 13)}`;
  const directory = await Deno.makeTempDir();
  try {
    const file = `${directory}/handler.cjs`;
    await Deno.writeTextFile(file, await bundle("lambda/handler.ts", "node"));
    const env = {
      STATE_BUCKET: bucket,
      AWS_REGION: region,
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    };
    await withBucket(edgeStore, async () => {
      await invoke(file, { thread: "ada", message: "Hello" }, env);
      const answer = await invoke(file, { thread: "ada", message: "Again" }, env);
      assert.deepEqual(answer, {
        messages: ["Hello", "That was message 1.", "Again", "That was message 3."],
      });
    }, bucket);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

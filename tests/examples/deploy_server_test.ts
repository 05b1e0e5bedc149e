import assert from "node:assert/strict";
import { requireServer } from "../servers/env.ts";

interface Answer {
  readonly messages: readonly string[];
  readonly question: string | null;
}

/** An isolate of the service: its module, loaded anew. */
async function isolate(): Promise<(thread: string, text?: string) => Promise<Answer>> {
  const { default: service } = await import(
    `../../examples/deploy/main.ts?${crypto.randomUUID()}`
  );
  return async (thread, text) => {
    const init = text === undefined ? {} : { method: "POST", body: text };
    const response = await service.fetch(new Request(`http://deploy/${thread}`, init));
    assert.equal(response.status, 200);
    return await response.json();
  };
}

Deno.test("examples/deploy asks in one isolate, and takes the answer in another", async () => {
  const server = requireServer();
  const variables = {
    S3_BUCKET: server.bucket,
    S3_ENDPOINT: server.endpoint,
    AWS_REGION: server.region,
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
  };
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  const thread = `deploy-${crypto.randomUUID()}`;
  const [first, second] = [await isolate(), await isolate()];
  assert.deepEqual(await first(thread), { messages: [], question: null });
  assert.deepEqual(await first(thread, "two boots"), {
    messages: ["two boots"],
    question: "Place the order for two boots? yes or no",
  });
  assert.deepEqual(await second(thread, "yes"), {
    messages: ["two boots", "yes", "It is placed."],
    question: null,
  });
  assert.deepEqual(await first(thread), await second(thread));
});

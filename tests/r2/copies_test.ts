import assert from "node:assert/strict";
import { startWorker } from "./_miniflare.ts";

// Started outside of the test, which looks for what it leaves running.
const miniflare = await startWorker();
Deno.test.afterAll(() => miniflare.dispose());

Deno.test("r2Store.copy() in workerd takes along what R2 keeps beside the bytes", async () => {
  const answer = await miniflare.dispatchFetch("http://worker/copies");
  assert.equal(answer.status, 200, await answer.clone().text());
  const whole = {
    size: 9,
    httpMetadata: {
      contentType: "text/plain",
      contentLanguage: "fr",
      cacheControl: "no-store",
      cacheExpiry: new Date(0).toISOString(),
    },
    customMetadata: { owner: "é" },
  };
  const plain = { size: 1, httpMetadata: {}, customMetadata: {} };
  assert.deepEqual(await answer.json(), [whole, whole, plain]);
});

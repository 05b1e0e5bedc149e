import assert from "node:assert/strict";
import { startWorker } from "./_miniflare.ts";

// Started outside of the test, which looks for what it leaves running.
const miniflare = await startWorker();
Deno.test.afterAll(() => miniflare.dispose());

Deno.test("workerd tells that it is one, so that no more than 6 requests are open", async () => {
  const answer = await miniflare.dispatchFetch("http://worker/open");
  assert.equal(await answer.json(), 6);
});

Deno.test("workersCache() in workerd keeps chunks in caches.default, and believes nothing that it finds there", async () => {
  const answer = await miniflare.dispatchFetch("http://worker/cache");
  assert.equal(answer.status, 200, await answer.clone().text());
  const [first, second, third] = await answer.json() as string[][];
  assert(first!.length > 2);
  assert.deepEqual(new Set(first), new Set(["miss"]));
  assert.deepEqual(second, first!.map(() => "hit"));
  assert.deepEqual(third, first!.map(() => "wrong"));
});

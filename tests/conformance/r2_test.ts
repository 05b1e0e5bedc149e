import assert from "node:assert/strict";
import { conformanceCases } from "@cairn/checkpoint/testing";
import { startWorker } from "../r2/_miniflare.ts";

// Started outside of the tests, which each look for what they leave running.
const miniflare = await startWorker();
Deno.test.afterAll(() => miniflare.dispose());

for (const layer of ["plain", "prefixed", "workersCache"]) {
  const store = layer === "plain" ? "r2Store" : `${layer}(r2Store)`;
  conformanceCases.forEach(({ name }, index) => {
    Deno.test(`${store} in workerd ${name}`, async () => {
      const answer = await miniflare.dispatchFetch(`http://worker/${layer}/${index}`);
      assert.equal(await answer.text(), "passed");
    });
  });
}

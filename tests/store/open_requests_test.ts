import { createPolicy, memoryStore, type ObjectStore, S3Checkpointer } from "@cairn/checkpoint";
import { countingStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { openRequests } from "../../src/store/open_requests.ts";
import { inWorker } from "./_in_worker.ts";

/** How many requests a policy as it comes has open at once, of many. */
async function opened(): Promise<number> {
  const policy = createPolicy();
  let open = 0, most = 0;
  await Promise.all(Array.from({ length: 120 }, () =>
    policy.run(async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve));
      open--;
    })));
  return most;
}

/** How many chunks a checkpointer as it comes has under way at once, of many. */
async function underWay(inner: ObjectStore): Promise<number> {
  const store = countingStore(inner, { quiet: 50 });
  const checkpointer = new S3Checkpointer(store, { inlineLimit: 16 });
  const fields = Array.from({ length: 70 }, (_, at) => [`f${at}`, `${at}`.padEnd(50)]);
  await checkpointer.save("t", Object.fromEntries(fields));
  return store.counts.maxOpen;
}

Deno.test("A store and a checkpointer as they come have 50 requests open, in a Worker 6", async () => {
  assert.equal(openRequests(), 50);
  assert.deepEqual([await opened(), await underWay(memoryStore())], [50, 50]);
  await inWorker(async () => {
    assert.equal(openRequests(), 6);
    assert.deepEqual([await opened(), await underWay(memoryStore())], [6, 6]);
  });
});

Deno.test("Where there is no navigator, as in Node 20, it is no Worker", async () => {
  const told = await inWorker(() => {
    Object.defineProperty(globalThis, "navigator", { value: undefined, configurable: true });
    return openRequests();
  });
  assert.equal(told, 50);
});

import assert from "node:assert/strict";
import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import fc from "fast-check";
import { memoryStore } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { faultyStore } from "@cairn/checkpoint/testing";
import { copyOf, keysOf, unordered } from "../checkpoint/_stores.ts";
import { CANCELLED, OUTAGE, processOn } from "../checkpoint/_trouble.ts";
import { checkpoint, metadata } from "./_case.ts";
import { Contest, everything } from "./_contest.ts";
import { troubledHistories } from "./_histories.ts";
import { newTally, type Tally, TroubledContest } from "./_troubled_contest.ts";

Deno.test("S3Saver loses nothing whichever request fails, and what failed is done by doing it again", async () => {
  const tally = newTally();
  await fc.assert(
    fc.asyncProperty(troubledHistories, (history) => new TroubledContest(history, tally).play()),
    { numRuns: 120, seed: 20_260_104 },
  );
  const least = { alive: 80, dead: 40, retried: 30, cancelled: 40, between: 1, adopted: 1 };
  for (const [what, count] of Object.entries(least)) {
    assert(tally[what as keyof Tally] >= count, `${what}: ${JSON.stringify(tally)}`);
  }
});

/** What is done to whole threads, again and again where it fails. */
const CARE: Record<string, (saver: S3Saver) => Promise<unknown>> = {
  copyThread: (saver) => saver.copyThread("1", "copy"),
  moveThread: (saver) => saver.moveThread("1", "moved"),
  prune: (saver) => saver.prune(["1", "10"], { grace: 0 }),
  deleteForRuns: (saver) => saver.deleteForRuns(["run 1"]),
  deleteThread: (saver) => saver.deleteThread("1"),
};

for (const [name, care] of Object.entries(CARE)) {
  Deno.test(`S3Saver.${name}() that fails at any request leaves what can be read, and is done by doing it again`, async () => {
    let failed = 0;
    const property = fc.asyncProperty(troubledHistories, async (history) => {
      const original = memoryStore();
      await new Contest(original, { ...history, operations: history.operations.slice(0, 12) })
        .play();
      const { inlineLimit, cacheBytes, troubles } = history;
      const options = { inlineLimit, cacheBytes, compression: "none", maxOpenRequests: 2 } as const;
      const trouble = troubles.find((trouble) => trouble !== null);
      if (trouble == null || (await keysOf(original, "cairn/1/")).length === 0) return;
      const there = await everything(new S3Saver({ store: original, ...options }));

      const { store: smooth } = await copyOf(original);
      await care(new S3Saver({ store: smooth, ...options }));
      const wanted = await everything(new S3Saver({ store: smooth, ...options }));

      const { store } = await copyOf(original);
      const process = processOn(store);
      const saver = new S3Saver({ store: process.store, ...options });
      const before = await everything(saver); // it holds what it can
      assert.deepEqual(before, there);
      process.arm(trouble, () => {});
      const error = await care(saver).then(() => undefined, (error) => error);
      if (process.disarm()) failed++;
      if (error !== undefined) {
        assert(error === OUTAGE || error === CANCELLED, `${error.stack}`);
        assert.notEqual(trouble.end, "retried", "what is asked again is done");
        const seen = (await everything(new S3Saver({ store, ...options }))).map(idOf);
        const [old, next] = [there.map(idOf), wanted.map(idOf)];
        for (const id of seen) assert(old.includes(id) || next.includes(id), `${id} is new`);
        for (const id of old) assert(seen.includes(id) || !next.includes(id), `${id} is gone`);
        const goesOn = trouble.end === "dead" || trouble.again === "another";
        await care(goesOn ? new S3Saver({ store, ...options }) : saver);
      }
      assert.deepEqual(await everything(new S3Saver({ store, ...options })), wanted);
      assert.deepEqual(await keysOf(store), await keysOf(smooth), "nothing more is left");
    });
    await fc.assert(property, { numRuns: 45, seed: 20_260_108 });
    assert(failed > 12, `no more than ${failed} failed`);
  });
}

Deno.test("A thread whose deletion fails on a store that lists in no order shows no checkpoint without its writes", async () => {
  const original = memoryStore();
  const saver = new S3Saver({ store: original, inlineLimit: 48 });
  const config = (id?: string) => ({ configurable: { thread_id: "1", checkpoint_id: id } });
  const values = { log: "y".repeat(100) };
  for (const id of ["1", "2"]) {
    const versions = { log: 1 };
    await saver.put(config(), checkpoint(id, values, versions), metadata({ step: 1 }), versions);
    for (const task of ["t1", "t2"]) await saver.putWrites(config(id), [["log", task]], task);
  }
  const there = await everything(saver);
  let left = 0;
  for (let at = 1;; at++) {
    const { store } = await copyOf(original);
    const failing = faultyStore(
      unordered(store, 1),
      ({ operation, number }) =>
        operation === "delete" && number === at ? { kind: "fail", error: OUTAGE } : undefined,
    );
    const error = await new S3Saver({ store: failing }).deleteThread("1").then(
      () => undefined,
      (error) => error,
    );
    if (error === undefined) {
      assert.deepEqual(await keysOf(store), []);
      break;
    }
    assert.equal(error, OUTAGE);
    const seen = await everything(new S3Saver({ store }));
    left += seen.length;
    assert.deepEqual(seen, there.filter((tuple) => seen.map(idOf).includes(idOf(tuple))));
  }
  assert.equal(left, 3, "two, one, and none from then on");
});

function idOf({ config }: CheckpointTuple): string {
  return JSON.stringify(config.configurable);
}

import assert from "node:assert/strict";
import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import fc from "fast-check";
import { memoryStore } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { copyOf, keysOf } from "../checkpoint/_stores.ts";
import { CANCELLED, OUTAGE, processOn } from "../checkpoint/_trouble.ts";
import { Contest, everything } from "./_contest.ts";
import { troubledHistories } from "./_histories.ts";
import { type Tally, TroubledContest } from "./_troubled_contest.ts";

Deno.test("S3Saver loses nothing whichever request fails, and what failed is done by doing it again", async () => {
  const tally: Tally = { alive: 0, dead: 0, retried: 0, cancelled: 0, between: 0, adopted: 0 };
  await fc.assert(
    fc.asyncProperty(troubledHistories, (history) => new TroubledContest(history, tally).play()),
    { numRuns: 150, seed: 20_260_104 },
  );
  const least = { alive: 100, dead: 50, retried: 40, cancelled: 50, between: 1, adopted: 1 };
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
    await fc.assert(property, { numRuns: 60, seed: 20_260_108 });
    assert(failed > 15, `no more than ${failed} failed`);
  });
}

function idOf({ config }: CheckpointTuple): string {
  return JSON.stringify(config.configurable);
}

import assert from "node:assert/strict";
import fc from "fast-check";
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

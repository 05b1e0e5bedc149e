import fc from "fast-check";
import { memoryStore } from "@cairn/checkpoint";
import { Contest } from "./_contest.ts";
import { histories } from "./_histories.ts";

Deno.test("S3Saver answers as MemorySaver does, through any history, in two processes and a third", async () => {
  await fc.assert(
    fc.asyncProperty(histories, (history) => new Contest(memoryStore(), history).play()),
    { numRuns: 3_000, seed: 20_260_101, endOnFailure: false },
  );
});

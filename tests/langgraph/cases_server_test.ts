import type { ObjectStore } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import fc from "fast-check";
import { serverOptions } from "../conformance/_server.ts";
import { siteOn, testCases } from "./_case.ts";
import { cases } from "./_cases.ts";
import { Contest } from "./_contest.ts";
import { histories } from "./_histories.ts";
import { comparePlays } from "./_play.ts";

const stores: Record<string, () => ObjectStore> = {
  edgeStore: () => edgeStore(serverOptions()),
  sdkStore: () => sdkStore(serverOptions()),
};

for (const [name, open] of Object.entries(stores)) {
  testCases(name, cases, () => Promise.resolve({ store: open() }));

  Deno.test(`A graph runs, resumes, forks and copies on ${name} as on MemorySaver`, async () => {
    const { start, keys, store, prefix } = siteOn(open());
    await comparePlays(() => start(), "async");
    await store.delete((await keys()).map((key) => prefix + key));
  });

  Deno.test(`S3Saver on ${name} answers as MemorySaver does, through random histories`, async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const { keys, store, prefix } = siteOn(open());
        await new Contest(store, history, prefix).play();
        await store.delete((await keys()).map((key) => prefix + key));
      }),
      { numRuns: 15, seed: 20_260_104, endOnFailure: true },
    );
  });
}

import {
  breaker,
  cached,
  cdn,
  keyClass,
  memoryStore,
  observed,
  prefixed,
  withReplica,
  workersCache,
} from "@cairn/checkpoint";
import { countingStore, faultyStore } from "@cairn/checkpoint/testing";
import { testConformance } from "./_run.ts";

testConformance("memoryStore", () => ({ store: memoryStore() }));

testConformance("prefixed(memoryStore)", () => ({
  store: prefixed(memoryStore(), "staging/é+"),
  taken: 11,
}));

testConformance("countingStore(memoryStore)", () => ({ store: countingStore(memoryStore()) }));

testConformance("faultyStore(memoryStore)", () => ({
  store: faultyStore(memoryStore(), () => undefined),
}));

testConformance("withReplica(memoryStore)", () => ({
  store: withReplica(memoryStore(), memoryStore()),
}));

testConformance("observed(memoryStore)", () => ({
  store: observed(memoryStore(), () => {}, { classify: keyClass }),
}));

testConformance("breaker(memoryStore)", () => ({ store: breaker(memoryStore()) }));

testConformance("cached(memoryStore)", () => ({ store: cached(memoryStore()) }));

testConformance("workersCache(memoryStore)", () => ({
  store: workersCache(memoryStore(), {
    cache: { match: () => Promise.resolve(undefined), put: () => Promise.resolve() },
    baseUrl: "https://worker.example.com/chunks",
  }),
}));

testConformance("cdn(memoryStore)", () => ({
  store: cdn(memoryStore(), {
    baseUrl: "https://cdn.example.com",
    fetch: () => Promise.resolve(new Response(null, { status: 404 })),
  }),
}));

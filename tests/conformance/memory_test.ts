import { breaker, keyClass, memoryStore, observed, prefixed, withReplica } from "@cairn/checkpoint";
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

import { breaker, keyClass, observed, prefixed } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { testConformance } from "./_run.ts";
import { serverOptions } from "./_server.ts";

testConformance("edgeStore", () => ({ store: edgeStore(serverOptions()) }));

testConformance("prefixed(edgeStore)", () => ({
  store: prefixed(edgeStore(serverOptions()), "staging/é"),
  taken: 10,
}));

testConformance("observed(breaker(edgeStore))", () => ({
  store: observed(breaker(edgeStore(serverOptions())), () => {}, { classify: keyClass }),
}));

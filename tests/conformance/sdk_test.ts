import { breaker, keyClass, observed, prefixed } from "@cairn/checkpoint";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { testConformance } from "./_run.ts";
import { serverOptions } from "./_server.ts";

testConformance("sdkStore", () => ({ store: sdkStore(serverOptions()) }));

testConformance("prefixed(sdkStore)", () => ({
  store: prefixed(sdkStore(serverOptions()), "staging/é"),
  taken: 10,
}));

testConformance("observed(breaker(sdkStore))", () => ({
  store: observed(breaker(sdkStore(serverOptions())), () => {}, { classify: keyClass }),
}));

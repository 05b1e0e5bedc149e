import { probe } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { lacking, serverOptions } from "../conformance/_server.ts";

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  Deno.test(`${name}: a server honours what its dialect says, and what is taken for granted, but for what it is known to lack`, async () => {
    const store = open({ ...serverOptions(), capabilities: undefined });
    const { saw, readAfterWrite, ...found } = await probe(store);
    assert.equal(readAfterWrite, true, saw.readAfterWrite);
    const { attributes: _, versions: __, ...said } = { ...store.capabilities, ...lacking() };
    assert.deepEqual(found, said, JSON.stringify(saw));
  });
}

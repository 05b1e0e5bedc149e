import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { serverOptions } from "../conformance/_server.ts";
import { surviveHostileIds, tryLongIds } from "./_hostile.ts";

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  Deno.test(`S3Checkpointer keeps hostile ids in their place through ${name}`, async () => {
    await surviveHostileIds(open(serverOptions()), `hostile/${crypto.randomUUID()}`);
  });

  Deno.test(`S3Checkpointer takes long ids through ${name}, or they are refused as input`, async () => {
    const root = `hostile/${crypto.randomUUID()}`;
    const { taken, refused, refusedByServer } = await tryLongIds(open(serverOptions()), root);
    assert.equal(refused, 3);
    // A server on a file system may take no segment of more than 255 bytes.
    assert.equal(taken + refusedByServer, 9);
  });
}

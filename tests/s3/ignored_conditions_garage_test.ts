import { getBytes, probe, S3Checkpointer, UnsupportedError } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { serverOptions } from "../conformance/_server.ts";
import { at, checkpoint, metadata, writesOf } from "../langgraph/_case.ts";

const text = (value: string) => new TextEncoder().encode(value);

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  const unaware = () => open({ ...serverOptions(), capabilities: undefined });

  Deno.test(`${name}: Garage takes a second create for the first where nobody has asked probe(), and what it found refuses`, async () => {
    const store = unaware();
    const key = `ignored/${crypto.randomUUID()}`;
    await store.put(key, text("first"), { precondition: "create" });
    await store.put(key, text("second"), { precondition: "create" });
    assert.deepEqual((await getBytes(store, key)).bytes, text("second"));

    const found = await probe(store);
    assert.match(found.saw.conditionalCreate, /If-None-Match is ignored/);
    assert.match(found.saw.conditionalUpdate, /If-Match is ignored/);
    const aware = open({ ...serverOptions(), capabilities: found });
    for (const precondition of ["create", { ifMatch: "0".repeat(32) }] as const) {
      await assert.rejects(aware.put(key, text("third"), { precondition }), UnsupportedError);
    }
    assert.deepEqual((await getBytes(aware, key)).bytes, text("second"));
    await store.delete([key]);
  });

  Deno.test(`${name}: on Garage the first of a task's writes stand, where its store knows what probe() found`, async () => {
    const lost: Record<string, unknown> = {};
    for (
      const [what, store] of Object.entries({ aware: open(serverOptions()), unaware: unaware() })
    ) {
      const prefix = `ignored-${crypto.randomUUID()}/`;
      const start = () => new S3Saver({ store, prefix });
      await start().put(at("t"), checkpoint("c1", {}, {}), metadata(), {});
      for (const value of ["first", "second"]) {
        await start().putWrites(at("t", "c1"), [["note", value]], "task");
      }
      lost[what] = await writesOf(start(), at("t"));
      await new S3Checkpointer(store, { prefix }).delete("t");
    }
    assert.deepEqual(lost, { aware: [["note", "first"]], unaware: [["note", "second"]] });
  });
}

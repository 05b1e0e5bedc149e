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

  Deno.test(`${name}: a store that knows nothing of Garage finds out, says so, and sends no other create`, async () => {
    const store = unaware();
    const key = `ignored/${crypto.randomUUID()}`;
    for (const value of ["first", "second"]) {
      const create = store.put(key, text(value), { precondition: "create" });
      await assert.rejects(create, { name: "UnsupportedError", message: /probe\(\)/ });
    }
    assert.deepEqual((await getBytes(store, key)).bytes, text("first"));

    const found = await probe(unaware());
    assert.match(found.saw.conditionalCreate, /honours none and takes them all the same/);
    assert.equal(found.conditionalCreate, false);
    assert.equal(found.conditionalUpdate, false);
    const aware = open({ ...serverOptions(), capabilities: found });
    for (const precondition of ["create", { ifMatch: "0".repeat(32) }] as const) {
      await assert.rejects(aware.put(key, text("third"), { precondition }), UnsupportedError);
    }
    assert.deepEqual((await getBytes(aware, key)).bytes, text("first"));
    await store.delete([key]);
  });

  Deno.test(`${name}: on Garage the first of a task's writes stand, where its store knows what probe() found, and else the first one says so`, async () => {
    const aware = open(serverOptions());
    const prefix = `ignored-${crypto.randomUUID()}/`;
    const start = (store = aware) => new S3Saver({ store, prefix });
    await start().put(at("t"), checkpoint("c1", {}, {}), metadata(), {});
    for (const value of ["first", "second"]) {
      await start().putWrites(at("t", "c1"), [["note", value]], "task");
    }
    assert.deepEqual(await writesOf(start(), at("t")), [["note", "first"]]);
    const unheard = start(unaware()).putWrites(at("u", "c1"), [["note", "first"]], "task");
    await assert.rejects(unheard, UnsupportedError);
    for (const thread of ["t", "u"]) await new S3Checkpointer(aware, { prefix }).delete(thread);
  });
}

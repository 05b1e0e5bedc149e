import { S3Checkpointer } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { serverOptions } from "../conformance/_server.ts";
import { keysOf } from "./_stores.ts";

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  Deno.test(`${name}: a deleted thread is gone from SeaweedFS, and only its name stays for a while`, async () => {
    const store = open(serverOptions());
    const prefix = `late-${crypto.randomUUID()}/`;
    const checkpointer = new S3Checkpointer(store, { prefix });
    for (const thread of ["kept", "deleted"]) await checkpointer.save(thread, { thread });
    await checkpointer.delete("deleted");
    const reader = new S3Checkpointer(store, { prefix });
    assert.equal(await reader.load("deleted"), undefined);
    assert.deepEqual(await Array.fromAsync(reader.list({ thread: "deleted" })), []);
    const listed = await Array.fromAsync(reader.list());
    assert.deepEqual(listed.map(({ thread }) => thread), ["kept"]);
    assert.equal((await keysOf(store, prefix)).length, 1);
    assert.deepEqual(await Array.fromAsync(reader.threads()), ["deleted", "kept"]);
    await checkpointer.save("deleted", { thread: "again" });
    assert.deepEqual((await reader.load("deleted"))?.state, { thread: "again" });
    for (const thread of ["kept", "deleted"]) await checkpointer.delete(thread);
  });
}

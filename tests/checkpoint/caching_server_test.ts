import { S3Checkpointer } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { listKeys } from "../../src/store/body.ts";
import { serverOptions } from "../conformance/_server.ts";

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  Deno.test(`${name}: a server says of chunks and records what caches may do with them`, async () => {
    const store = open(serverOptions());
    const prefix = `caching/${crypto.randomUUID()}/`;
    const checkpointer = new S3Checkpointer(store, { prefix });
    await checkpointer.save("t", { log: "stone upon stone ".repeat(10_000) });
    const found: Record<string, string | null> = {};
    for await (const key of listKeys(store, prefix)) {
      const { headers } = await store.api.request({ method: "HEAD", key, operation: "HeadObject" });
      found[/\/v\//.test(key) ? "chunk" : "record"] = headers.get("cache-control");
    }
    assert.deepEqual(found, { chunk: "max-age=31536000, immutable", record: "private, no-cache" });
    await checkpointer.delete("t");
  });
}

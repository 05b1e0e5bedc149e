import {
  aesGcm,
  copyThread,
  InvalidInputError,
  localKeys,
  rewrap,
  S3Checkpointer,
  spread,
} from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { countingStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { serverOptions } from "../conformance/_server.ts";
import { keysOf } from "./_stores.ts";

const secret = (byte: number) => new Uint8Array(32).fill(byte);
const text = "stone upon stone ".repeat(3_000);
const threads = ["", "a", "a/b +é ~%", "~~a3", "n", "v", "user 42"];

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  Deno.test(`encrypted threads of a spread are kept, found, copied and rewrapped through ${name}`, async () => {
    const store = countingStore(open(serverOptions()));
    const prefix = `spread-${crypto.randomUUID()}/`;
    try {
      const before = localKeys({ current: "1", keys: { "1": secret(1) } });
      const options = { prefix, spread: spread(256) };
      const start = (keys: typeof before) =>
        new S3Checkpointer<{ text: string }>(store, { ...options, encryption: aesGcm({ keys }) });
      const writer = start(before);
      for (const thread of threads) await writer.save(thread, { text: text + thread });
      await copyThread(writer, "a", "copy");

      const both = localKeys({ current: "2", keys: { "1": secret(1), "2": secret(2) } });
      // It is told the prefix, and not the spread.
      const { done, rewrapped } = await rewrap(store, { prefix, keys: both });
      const keys = await keysOf(store, prefix);
      assert.equal(done, keys.length);
      assert.equal(rewrapped, keys.length);
      assert(keys.every((key) => /^~~[0-9a-f]{2}\/[^/]+\/[nv]\//.test(key.slice(prefix.length))));

      const reader = start(localKeys({ current: "2", keys: { "2": secret(2) } }));
      for (const thread of threads) {
        assert.equal((await reader.load(thread))?.state.text, text + thread);
      }
      assert.equal((await reader.load("copy"))?.state.text, text + "a");
      store.reset();
      const found = await Array.fromAsync(reader.threads());
      assert.deepEqual(found.toSorted(), [...threads, "copy"].toSorted());
      const folders = new Set(keys.map((key) => key.slice(prefix.length).split("/")[0]));
      assert.equal(store.counts.list, 1 + folders.size);
      assert.deepEqual((await Array.fromAsync(reader.list())).map(({ thread }) => thread), found);

      const unaware = new S3Checkpointer(store, { prefix });
      assert.equal(await unaware.load("a"), undefined);
      await assert.rejects(Array.fromAsync(unaware.threads()), InvalidInputError);
      for (const thread of found) await reader.delete(thread);
      assert.deepEqual(await keysOf(store, prefix), []);
    } finally {
      await store.delete(await keysOf(store, prefix));
    }
  });

  Deno.test(`list() over all threads passes over the chunks of one that has thousands through ${name}`, async () => {
    const store = countingStore(open(serverOptions()));
    const prefix = `many-${crypto.randomUUID()}/`;
    try {
      const writer = new S3Checkpointer(store, { prefix });
      for (const thread of ["1", "2", "3"]) await writer.save(thread, { text: text + thread });
      const chunks = Array.from({ length: 1_100 }, (_, at) => at.toString(16).padStart(64, "0"));
      for (let at = 0; at < chunks.length; at += 50) {
        await Promise.all(
          chunks.slice(at, at + 50).map((hash) =>
            store.put(`${prefix}2/v/${hash}`, new Uint8Array(1))
          ),
        );
      }
      store.reset();
      const found = await Array.fromAsync(new S3Checkpointer(store, { prefix }).list());
      assert.deepEqual(found.map(({ thread }) => thread), ["1", "2", "3"]);
      assert(store.counts.list <= 3);
    } finally {
      await store.delete(await keysOf(store, prefix));
    }
  });
}

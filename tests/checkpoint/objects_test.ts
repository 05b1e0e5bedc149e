import { CorruptError, encodeFrame, memoryStore } from "@cairn/checkpoint";
import assert from "node:assert/strict";
import { Keys } from "../../src/checkpoint/keys.ts";
import { type Codec, Objects } from "../../src/checkpoint/objects.ts";

const KEY = "t/n/~/00~/c";

/** A codec that notes what it decodes, and refuses `bad`. */
function codec(): Codec<{ text: string }> & { readonly decoded: string[] } {
  const decoded: string[] = [];
  return {
    kind: "checkpoint",
    decoded,
    encode: ({ text }) => new TextEncoder().encode(text),
    decode: (payload) => {
      const text = new TextDecoder().decode(payload);
      decoded.push(text);
      if (text === "bad") throw new CorruptError("A record is malformed");
      return { text };
    },
  };
}

function objectsOf(store = memoryStore()): Objects {
  const options = { compression: "none", cacheBytes: 1024, now: Date.now } as const;
  return new Objects(store, new Keys(""), options);
}

Deno.test("What was put is decoded from its own bytes, once, and only where it is asked for", async () => {
  const objects = objectsOf();
  const { decoded, ...own } = codec();
  const record = { text: "given" };
  await objects.put(KEY, own, record, {});
  record.text = "changed";
  assert.deepEqual(decoded, []);
  assert.deepEqual(objects.held(KEY), { text: "given" });
  assert.deepEqual(objects.held(KEY), { text: "given" });
  assert.deepEqual(decoded, ["given"]);
});

Deno.test("What was read is decoded at once, and not held where it cannot be", async () => {
  const store = memoryStore();
  const objects = objectsOf(store);
  const { decoded, ...own } = codec();
  for (const [text, holds] of [["good", true], ["bad", false]] as const) {
    const payload = new TextEncoder().encode(text);
    await store.put(KEY, await encodeFrame(payload, { kind: "checkpoint" }));
    const read = objects.get(KEY, own, undefined, undefined);
    if (holds) await read;
    else await assert.rejects(read, { name: "CorruptError", key: KEY });
    assert.deepEqual(decoded, [text]);
    decoded.length = 0;
  }
  assert.deepEqual(objects.held(KEY), { text: "good" }, "as it was before, under its own ETag");
});

import assert from "node:assert/strict";
import { memoryStore, type ObjectStore, S3Checkpointer } from "@cairn/checkpoint";

const MIB = 2 ** 20;

/**
 * A store whose writes take a while, and the most objects that were written at
 * once, and the most plaintext, in bytes, while there were several.
 */
function watched(): { store: ObjectStore; most: { bytes: number; objects: number } } {
  const inner = memoryStore();
  const now = { bytes: 0, objects: 0 }, most = { bytes: 0, objects: 0 };
  const put: ObjectStore["put"] = async (key, body, options) => {
    const frame = body as Uint8Array<ArrayBuffer>;
    const length = Number(new DataView(frame.buffer, frame.byteOffset).getBigUint64(8));
    now.bytes += length;
    now.objects++;
    if (now.objects > 1) most.bytes = Math.max(most.bytes, now.bytes);
    most.objects = Math.max(most.objects, now.objects);
    await new Promise((resolve) => setTimeout(resolve, 20));
    now.bytes -= length;
    now.objects--;
    return await inner.put(key, body, options);
  };
  return { store: { ...inner, put }, most };
}

/** Bytes that repeat nowhere and shrink to little. */
function state(size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(size / 4);
  for (let at = 0; at < words.length; at += 1_024) words[at] = at;
  return new Uint8Array(words.buffer);
}

Deno.test("save() sends the chunks of a value side by side, up to maxOpenRequests of them", async () => {
  for (const maxOpenRequests of [1, 4]) {
    const { store, most } = watched();
    await new S3Checkpointer(store, { maxOpenRequests }).save("t", { value: state(4 * MIB) });
    assert.equal(most.objects, maxOpenRequests);
  }
});

Deno.test("save() has at most 12 MiB of large chunks under way, and never less than one", async () => {
  for (const size of [96 * MIB, 288 * MIB]) {
    const { store, most } = watched();
    await new S3Checkpointer(store, { cacheBytes: 0 }).save("t", { value: state(size) });
    assert(most.bytes <= 12 * MIB, `${most.bytes} bytes in ${most.objects} chunks`);
    assert(most.objects >= 1);
  }
});

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { getBytes, InvalidInputError, memoryStore, type ObjectStore } from "@cairn/checkpoint";
import { streamOf } from "../../src/store/body.ts";
import { compareKeys } from "../../src/store/key.ts";

async function keysOf(store: ObjectStore): Promise<string[]> {
  const pages = await Array.fromAsync(store.list());
  return pages.flatMap((page) => page.objects.map(({ key }) => key));
}

Deno.test("memoryStore copies the bytes of a Buffer, whose slice() does not", async () => {
  const store = memoryStore();
  const buffer = Buffer.from("original");
  await store.put("bytes", buffer);
  await store.put("stream", streamOf(buffer));
  buffer.fill(0);
  for (const key of ["bytes", "stream"]) {
    assert.equal(new TextDecoder().decode((await getBytes(store, key)).bytes), "original");
  }
});

Deno.test("memoryStore lists in order after any writes and deletions", async () => {
  const step = fc.record({
    keys: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 40 }),
    remove: fc.boolean(),
  });
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
    const store = memoryStore();
    const expected = new Set<string>();
    for (const { keys, remove } of steps) {
      const named = keys.map((key) => `k${key}`);
      if (remove) await store.delete(named);
      for (const key of named) {
        if (!remove) await store.put(key, new Uint8Array(1));
        if (remove) expected.delete(key);
        else expected.add(key);
      }
      assert.deepEqual(await keysOf(store), [...expected].sort(compareKeys));
    }
  }));
});

Deno.test("memoryStore goes on with a listing where others write and delete", async () => {
  const store = memoryStore();
  for (let i = 0; i < 2_500; i++) {
    await store.put(`k${String(i).padStart(4, "0")}`, new Uint8Array(1));
  }
  const pages: number[] = [];
  for await (const page of store.list()) {
    pages.push(page.objects.length);
    await store.delete(page.objects.map(({ key }) => key));
    await store.put("a-new-one-before", new Uint8Array(1));
  }
  assert.deepEqual(pages, [1_000, 1_000, 500]);
  assert.deepEqual(await keysOf(store), ["a-new-one-before"]);
});

Deno.test("memoryStore refuses a body that it cannot read", async () => {
  const store = memoryStore();
  const locked = streamOf(new Uint8Array(1));
  locked.getReader();
  const text = streamOf("text" as unknown as Uint8Array);
  for (const body of ["text", undefined, 7, {}, locked, text]) {
    await assert.rejects(store.put("key", body as Uint8Array), InvalidInputError);
  }
  assert.deepEqual(await keysOf(store), []);
});

Deno.test("memoryStore refuses a limit that cannot be", async () => {
  for (const limit of [-1, 1.5, NaN]) {
    await assert.rejects(Array.fromAsync(memoryStore().list({ limit })), InvalidInputError);
  }
  assert.deepEqual(await Array.fromAsync(memoryStore().list({ limit: 0 })), []);
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidInputError, memoryStore, type ObjectStore, prefixed } from "@cairn/checkpoint";

const bytes = new Uint8Array(1);

async function keysOf(store: ObjectStore): Promise<string[]> {
  const pages = await Array.fromAsync(store.list());
  return pages.flatMap((page) => page.objects.map(({ key }) => key));
}

Deno.test("prefixed() sees and touches nothing outside", async () => {
  const bucket = memoryStore();
  for (const key of ["a/1", "ab/1", "a", "b"]) await bucket.put(key, bytes);
  const part = prefixed(bucket, "a/");
  assert.deepEqual(await keysOf(part), ["1"]);
  await part.delete(["1", "b"]);
  assert.deepEqual(await keysOf(bucket), ["a", "ab/1", "b"]);
});

Deno.test("prefixed() lets no key lead outside", async () => {
  const key = fc.oneof(
    fc.string({ unit: fc.constantFrom(..."./\\a%\0"), maxLength: 12 }),
    fc.string({ unit: "binary", maxLength: 12 }),
  );
  await fc.assert(fc.asyncProperty(key, async (hostile) => {
    const bucket = memoryStore();
    await prefixed(bucket, "in/side-").put(hostile, bytes).catch((error) => {
      assert(error instanceof InvalidInputError);
    });
    for (const written of await keysOf(bucket)) assert.equal(written, `in/side-${hostile}`);
  }));
});

Deno.test("prefixed() forwards all that a store has", async () => {
  const asked: string[] = [];
  const store = new Proxy(memoryStore(), {
    get: (target, name: keyof ObjectStore) => {
      asked.push(name);
      return target[name];
    },
  });
  const part = prefixed(store, "p/");
  assert.equal(part.capabilities, store.capabilities);
  assert.match(part.name, /memory under "p\/"/);
  await part.put("k", bytes);
  await (await part.get("k")).body.cancel();
  await part.head("k");
  await keysOf(part);
  await part.copy("k", "l");
  await part.delete(["k"]);
  await assert.rejects(part.presign("k", { method: "GET", expiresIn: 1 }));
  for (const name of Object.keys(memoryStore())) assert(asked.includes(name), name);
});

Deno.test("prefixed() refuses a prefix that no key can start with", () => {
  for (const prefix of ["/", "/a", "a//", "../", "a/./", "a\\", "k".repeat(1024)]) {
    assert.throws(() => prefixed(memoryStore(), prefix), InvalidInputError, prefix);
  }
  for (const none of [undefined, null, 7] as unknown as string[]) {
    assert.throws(() => prefixed(memoryStore(), none), InvalidInputError, String(none));
  }
  const store = memoryStore();
  assert.equal(prefixed(store, ""), store);
});

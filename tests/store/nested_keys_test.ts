import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getBytes, memoryStore, type ObjectStore } from "@cairn/checkpoint";
import { fileStore } from "@cairn/checkpoint/file";

// Beyond what every store must do: MinIO, for one, does not list "a/b" below an object "a".
async function keepsApart(store: ObjectStore): Promise<void> {
  const keys = ["a", "a!", "a/b", "a/b/c", "a0", "ab"];
  for (const key of [...keys].reverse()) await store.put(key, new TextEncoder().encode(key));
  for (const key of keys) {
    assert.equal(new TextDecoder().decode((await getBytes(store, key)).bytes), key);
  }
  const pages = await Array.fromAsync(store.list());
  assert.deepEqual(pages.flatMap((page) => page.objects.map(({ key }) => key)), keys);
  const [page] = await Array.fromAsync(store.list({ prefix: "a", delimiter: "/" }));
  assert.deepEqual(page?.objects.map(({ key }) => key), ["a", "a!", "a0", "ab"]);
  assert.deepEqual(page?.prefixes, ["a/"]);
  await store.delete(["a/b"]);
  assert.equal((await store.head("a/b/c")).size, 5);
  assert.equal((await store.head("a")).size, 1);
}

Deno.test("memoryStore keeps a key beside those that go on from it", async () => {
  await keepsApart(memoryStore());
});

Deno.test("fileStore keeps a key beside those that go on from it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "cairn-"));
  await keepsApart(fileStore(directory));
  await rm(directory, { recursive: true });
});

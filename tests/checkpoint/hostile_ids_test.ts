import { memoryStore, S3Checkpointer } from "@cairn/checkpoint";
import { fileStore } from "@cairn/checkpoint/file";
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { surviveHostileIds, tryLongIds } from "./_hostile.ts";

const ALL_THAT_FIT = { taken: 9, refused: 3, refusedByServer: 0 };

Deno.test("S3Checkpointer keeps hostile ids in their place in memory", async () => {
  await surviveHostileIds(memoryStore(), "root");
});

Deno.test("S3Checkpointer takes ids that fit a key, and refuses others by the limit, in memory", async () => {
  assert.deepEqual(await tryLongIds(memoryStore(), "root"), ALL_THAT_FIT);
});

Deno.test("S3Checkpointer keeps hostile ids in their place in files, and writes none outside", async () => {
  await inFolder(async (folder) => {
    await mkdir(join(folder, "other"));
    for (const name of ["canary", "x", "other/x"]) await writeFile(join(folder, name), "unchanged");
    const before = await filesBeside(folder);
    await surviveHostileIds(fileStore(join(folder, "store"), { createDirectory: true }), "root");
    assert.deepEqual(await filesBeside(folder), before);
  });
});

Deno.test("S3Checkpointer takes ids that fit a key, and refuses others by the limit, in files", async () => {
  await inFolder(async (folder) => {
    const store = fileStore(join(folder, "store"), { createDirectory: true });
    assert.deepEqual(await tryLongIds(store, "root"), ALL_THAT_FIT);
  });
});

Deno.test("S3Checkpointer with no thread name and no namespace is apart from all others", async () => {
  const checkpointer = new S3Checkpointer(memoryStore());
  await checkpointer.save("", { of: "nobody" });
  await checkpointer.save("~", { of: "tilde" });
  assert.deepEqual((await checkpointer.load(""))?.state, { of: "nobody" });
  assert.deepEqual(await Array.fromAsync(checkpointer.threads()), ["", "~"]);
  await checkpointer.delete("");
  assert.equal(await checkpointer.load(""), undefined);
  assert.deepEqual((await checkpointer.load("~"))?.state, { of: "tilde" });
});

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "cairn-hostile-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The files and folders beside the store's own, with what is in them. */
async function filesBeside(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (path === join(folder, "store") || path.startsWith(join(folder, "store/"))) continue;
    found.push(entry.isFile() ? `${path}: ${await readFile(path, "utf8")}` : path);
  }
  return found.sort();
}

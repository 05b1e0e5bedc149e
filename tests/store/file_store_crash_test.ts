import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { getBytes, type ObjectStore } from "@cairn/checkpoint";
import { fileStore } from "@cairn/checkpoint/file";

const KILLS = 8;
const WRITER = fileURLToPath(new URL("./_crash_writer.ts", import.meta.url));

Deno.test("fileStore keeps whole objects, wherever its process is killed", async () => {
  const directory = await mkdtemp(join(tmpdir(), "cairn-"));
  const store = fileStore(directory);
  let objects = 0, leftovers = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    await writeUntilKilled(directory, 40 * Math.random() + 30 * kill);
    objects += await checkAll(store);
    leftovers = await countIn(join(directory, ".tmp"));
    // What is left stands in nobody's way.
    await store.put("dir-0/0/key-0", new Uint8Array([0, 0, 0, 4]));
    assert.equal((await store.head("dir-0/0/key-0")).size, 4);
  }
  assert(objects > 0, "the writer has written nothing");
  assert(leftovers > 0, "no kill has met a write");
  await rm(directory, { recursive: true });
});

Deno.test("fileStore removes after a day what a killed process has left", async () => {
  const directory = await mkdtemp(join(tmpdir(), "cairn-"));
  await fileStore(directory).put("key", new Uint8Array(1));
  await rm(join(directory, ".tmp"), { recursive: true });
  await Deno.mkdir(join(directory, ".tmp"));
  for (const name of ["old", "young"]) await Deno.writeTextFile(join(directory, ".tmp", name), "");
  const yesterday = Date.now() / 1000 - 25 * 60 * 60;
  await utimes(join(directory, ".tmp", "old"), yesterday, yesterday);

  // A process looks once: another one does.
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `import { fileStore } from "@cairn/checkpoint/file";
      await fileStore(${JSON.stringify(directory)}).put("key", new Uint8Array(2));`,
    ],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  }).output();
  assert(success);
  assert.deepEqual(await readdir(join(directory, ".tmp")), ["young"]);
  await rm(directory, { recursive: true });
});

/** How many files a directory has; none where an early kill came before it was made. */
async function countIn(directory: string): Promise<number> {
  try {
    return (await readdir(directory)).length;
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    return 0;
  }
}

async function writeUntilKilled(directory: string, milliseconds: number): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", WRITER, directory],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = child.stdout.getReader();
  await output.read();
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  child.kill("SIGKILL");
  const { signal } = await child.status;
  await output.cancel();
  assert.equal(signal, "SIGKILL", "the writer has ended by itself");
}

/** Reads all that is listed, and gives how many objects that were. */
async function checkAll(store: ObjectStore): Promise<number> {
  let count = 0;
  for await (const page of store.list()) {
    for (const { key, size, etag } of page.objects) {
      const { bytes, info } = await getBytes(store, key);
      assert.match(key, /^dir-\d\/\d\/key-\d$/);
      assert.equal(new DataView(bytes.buffer).getUint32(0), bytes.length, key);
      assert(bytes.subarray(4).every((byte) => byte === bytes[4]), `${key} is torn`);
      assert.deepEqual({ size: info.size, etag: info.etag }, { size, etag });
      count++;
    }
  }
  return count;
}

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { getBytes, type ObjectStore } from "@cairn/checkpoint";
import { fileStore } from "@cairn/checkpoint/file";

const KILLS = 8;
const CONTENDER = fileURLToPath(new URL("./_contending_writer.ts", import.meta.url));
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

/** What a contender has told: what it was about to do, or what came of it. */
type Line = readonly [number: number, what: string, ...rest: string[]];

Deno.test("fileStore has room for two processes in the same folders, either of which may be killed", async () => {
  const directory = await mkdtemp(join(tmpdir(), "cairn-"));
  const store = fileStore(directory);
  await store.put("f1/g/stays", new TextEncoder().encode("stays"));
  let [read, refused, written] = [0, 0, 0];
  for (const [round, kills] of [[true, false], [false, true], [true, true]].entries()) {
    const before = await contentsOf(store);
    const told = await Promise.all(
      kills.map((isFirst, at) =>
        tellUntilKilled([directory, `${round}`, `${"ab"[at]}${round}-`], isFirst ? 250 : 500)
      ),
    );
    /** What was to be written, by its text; whoever was killed has told of it, and may have done it. */
    const writes = new Map<string, { key: string; etag?: string }>();
    const [deleted, etags, created] = [new Set<string>(), new Set<string>(), new Set<string>()];
    for (const [at, lines] of told.entries()) {
      for (const [number, what, ...rest] of lines) {
        const own = `${"ab"[at]}${round}-${number}`;
        if (what === "put" || what === "create") writes.set(own, { key: rest[0]! });
        else if (what === "delete") { for (const key of rest) deleted.add(key); }
        else if (what === "refused") refused++;
        else if (what === "error") assert.fail(rest[0]);
        else if (what === "done" && writes.has(own)) {
          const { key } = writes.get(own)!;
          const etag = rest[0]!;
          writes.set(own, { key, etag });
          written++;
          assert(!etags.has(`${key} ${etag}`), `two objects of ${key} have the ETag ${etag}`);
          etags.add(`${key} ${etag}`);
          if (!key.startsWith("race/")) continue;
          assert(!created.has(key), `${key} was created twice`);
          created.add(key);
        }
      }
    }
    const isOf = (key: string, text: string, etag: string) => {
      const write = writes.get(text.split(" ")[0]!);
      if (write === undefined) return before.get(key)?.text === text;
      return write.key === key && (write.etag ?? etag) === etag;
    };
    for (const [, what, key, text, etag] of told.flat()) {
      if (what !== "read") continue;
      read++;
      assert(isOf(key!, text!, etag!), `${key} was never ${text} ${etag}`);
    }
    const after = await contentsOf(store);
    for (const [key, { text, etag }] of after) assert(isOf(key, text, etag), `${key}: ${text}`);
    const wanted = [...writes.values()].flatMap(({ key, etag }) => etag === undefined ? [] : [key]);
    for (const key of [...before.keys(), ...wanted]) {
      assert(after.has(key) || deleted.has(key), `${key} is gone, and nobody has deleted it`);
    }
  }
  assert(written > 20 && read > 0 && refused > 5, `${[written, read, refused]}`);
  await store.delete([...(await contentsOf(store)).keys()]);
  // Whoever was killed may have left a folder with nothing in it, and a file that was not whole: neither is listed.
  const pages = await Array.fromAsync(store.list({ delimiter: "/" }));
  assert.deepEqual(pages.flatMap(({ objects, prefixes }) => [...objects, ...prefixes]), []);
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

/** What a contender tells until it is killed, so many milliseconds after it began. */
async function tellUntilKilled(
  options: readonly string[],
  milliseconds: number,
): Promise<Line[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", CONTENDER, ...options],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  let isReady = () => {};
  const ready = new Promise<void>((resolve) => isReady = resolve);
  const reading = (async () => {
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      isReady();
    }
    isReady();
  })();
  await ready;
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself, and has said why.
  }
  await child.status;
  await reading;
  return text.slice(0, text.lastIndexOf("\n")).split("\n").map((line) => JSON.parse(line));
}

/** All that is listed, with what it holds. */
async function contentsOf(
  store: ObjectStore,
): Promise<Map<string, { text: string; etag: string }>> {
  const contents = new Map<string, { text: string; etag: string }>();
  for await (const { objects } of store.list()) {
    for (const { key, etag } of objects) {
      const { bytes } = await getBytes(store, key);
      contents.set(key, { text: new TextDecoder().decode(bytes), etag });
    }
  }
  return contents;
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

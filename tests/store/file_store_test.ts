import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  AccessError,
  getBytes,
  InvalidInputError,
  NotFoundError,
  type ObjectStore,
  PreconditionFailedError,
  UnavailableError,
} from "@cairn/checkpoint";
import { fileStore } from "@cairn/checkpoint/file";
import { claimAndRename } from "../../src/store/_file_claim.ts";
import { fileError } from "../../src/store/_file_errors.ts";
import { createFile } from "../../src/store/_file_writes.ts";

const bytes = new TextEncoder().encode("content");

async function inDirectory(run: (directory: string, store: ObjectStore) => Promise<void>) {
  const directory = await mkdtemp(join(tmpdir(), "cairn-"));
  try {
    await run(directory, fileStore(directory));
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function keysOf(store: ObjectStore, prefix = ""): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of store.list({ prefix })) keys.push(...page.objects.map(({ key }) => key));
  return keys;
}

/** Every call, on a key below the prefix given. */
function callsOn(store: ObjectStore, key: string): Record<string, () => Promise<unknown>> {
  return {
    put: () => store.put(key, bytes),
    create: () => store.put(key, bytes, { precondition: "create" }),
    get: () => store.get(key),
    head: () => store.head(key),
    delete: () => store.delete([key]),
    copy: () => store.copy(key, "copy"),
    list: () => keysOf(store, key),
  };
}

Deno.test("fileStore keeps the bytes of an object as they are, in one file", async () => {
  await inDirectory(async (directory, store) => {
    await store.put("threads/t1/state.json", bytes);
    const path = join(directory, "threads", "t1", "state.json=");
    assert.deepEqual(new Uint8Array(await readFile(path)), bytes);
    await store.delete(["threads/t1/state.json"]);
    assert.deepEqual(await readdir(directory), [".tmp"]);
  });
});

Deno.test("fileStore takes the directory as a URL, and sees what another one wrote", async () => {
  await inDirectory(async (directory, store) => {
    await store.put("key", bytes);
    const other = fileStore(pathToFileURL(directory));
    const { info } = await getBytes(other, "key");
    assert.equal(info.etag, (await store.head("key")).etag);
  });
});

Deno.test("fileStore says that its directory is missing, and not its object", async () => {
  await inDirectory(async (directory) => {
    const store = fileStore(join(directory, "absent"));
    for (const [name, call] of Object.entries(callsOn(store, "a/b"))) {
      await assert.rejects(call, (error) => {
        assert(error instanceof NotFoundError, name);
        assert.equal(error.what, "bucket", name);
        assert.match(error.message, /absent.*createDirectory/, name);
        return true;
      });
    }
    const made = fileStore(join(directory, "absent", "deep"), { createDirectory: true });
    await made.put("key", bytes);
    assert.deepEqual(await keysOf(made), ["key"]);
  });
});

Deno.test("fileStore refuses a directory that is none", async () => {
  await inDirectory(async (directory) => {
    const file = join(directory, "file");
    await writeFile(file, "");
    for (const path of [file, join(file, "below")]) {
      for (const [name, call] of Object.entries(callsOn(fileStore(path), "key"))) {
        await assert.rejects(call, InvalidInputError, name);
      }
    }
  });
  assert.throws(() => fileStore(""), InvalidInputError);
  assert.throws(() => fileStore(undefined as unknown as string), InvalidInputError);
});

Deno.test("fileStore says that the process may not write", async () => {
  await inDirectory(async (directory, store) => {
    await store.put("key", bytes);
    const program = `
      import { fileStore } from "@cairn/checkpoint/file";
      const store = fileStore(${JSON.stringify(directory)});
      for (const call of [
        () => store.put("other", new Uint8Array(1)),
        () => store.delete(["key"]),
      ]) console.log(await call().then(() => "done", (error) => error.name));`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", `--allow-read=${directory}`, "--ext=ts", "-"],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(program));
    await writer.close();
    const { stdout } = await child.output();
    assert.equal(new TextDecoder().decode(stdout), "AccessError\nAccessError\n");
    assert.deepEqual(await keysOf(store), ["key"]);
  });
});

Deno.test("fileStore follows no link out of its directory", async () => {
  await inDirectory(async (directory, store) => {
    const outside = await mkdtemp(join(tmpdir(), "cairn-"));
    await writeFile(join(outside, "secret="), "secret");
    await symlink(outside, join(directory, "folder"));
    await symlink(join(outside, "secret="), join(directory, "object="));
    await symlink(join(outside, "new="), join(directory, "dangling="));

    for (const [name, call] of Object.entries(callsOn(store, "folder/secret"))) {
      await assert.rejects(call, AccessError, name);
    }
    for (const key of ["folder/deep/er/key", "folder/key"]) {
      await assert.rejects(store.put(key, bytes), AccessError);
    }
    await assert.rejects(store.get("object"), NotFoundError);
    await assert.rejects(store.head("object"), NotFoundError);
    await assert.rejects(store.copy("object", "copy"), NotFoundError);
    assert.deepEqual(await keysOf(store), []);

    // A put takes the link's place and leaves what it leads to.
    await store.put("object", bytes);
    await store.put("dangling", bytes);
    assert.deepEqual(await keysOf(store), ["dangling", "object"]);
    assert.deepEqual(await readdir(outside), ["secret="]);
    assert.equal(await readFile(join(outside, "secret="), "utf8"), "secret");
    await rm(outside, { recursive: true });
  });
});

Deno.test("fileStore lists keys in order where long segments are cut", async () => {
  await inDirectory(async (_directory, store) => {
    const long = "x".repeat(128);
    const ends = ["", "!", "!a", "/a", "/b/c", "0", "0/a", "a", "É", "y".repeat(300), "😀/z"];
    const keys = ends.map((end) => long + end).concat(["x", "x/a", "w", "y", "É".repeat(400)]);
    for (const key of keys) await store.put(key, bytes);
    const expected = keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(await keysOf(store), expected);
    for (const prefix of ["x", "x/", long, `${long}/`, `${long}0`, `${long}y`, "É"]) {
      const under = expected.filter((key) => key.startsWith(prefix));
      assert.deepEqual(await keysOf(store, prefix), under, prefix);
    }
    for (const startAfter of [long, `${long}!`, `${long}/a`, `${long}0`, `${long}yy`, "x/"]) {
      const after: string[] = [];
      for await (const page of store.list({ startAfter })) {
        after.push(...page.objects.map(({ key }) => key));
      }
      const rest = expected.filter((key) =>
        Buffer.compare(Buffer.from(key), Buffer.from(startAfter)) > 0
      );
      assert.deepEqual(after, rest, startAfter);
    }
    await store.delete(keys);
    assert.deepEqual(await keysOf(store), []);
  });
});

Deno.test("fileStore lists nothing under a prefix that no key has", async () => {
  await inDirectory(async (_directory, store) => {
    await store.put("a/b", bytes);
    for (const prefix of ["/", "//", "a//", "../", "./a", "a/../a/", "\ud800/", "\0", "a\\b/"]) {
      assert.deepEqual(await keysOf(store, prefix), [], prefix);
    }
    assert.deepEqual(await keysOf(store, "k".repeat(2000) + "/"), []);
  });
});

Deno.test("fileStore skips what others have put into its directory", async () => {
  await inDirectory(async (directory, store) => {
    await store.put("key", bytes);
    await mkdir(join(directory, "empty"));
    await mkdir(join(directory, "Upper"));
    for (const name of [".DS_Store", "README", "Thumbs.db="]) {
      await writeFile(join(directory, name), "foreign");
    }
    assert.deepEqual(await keysOf(store), ["key"]);
    for await (const page of store.list({ delimiter: "/" })) assert.deepEqual(page.prefixes, []);
  });
});

Deno.test("fileStore keeps writing where others remove the directories", async () => {
  await inDirectory(async (directory, store) => {
    const other = fileStore(directory);
    await Promise.all(Array.from({ length: 200 }, async (_, index) => {
      const key = `deep/er/still/${index % 4}/key-${index}`;
      await (index % 2 === 0 ? store : other).put(key, bytes);
      await (index % 3 === 0 ? store : other).delete([key]);
    }));
    assert.deepEqual(await keysOf(store), []);
    assert.deepEqual(await readdir(directory), [".tmp"]);
    assert.deepEqual(await readdir(join(directory, ".tmp")), []);
  });
});

Deno.test("fileStore gives each version an ETag of its own, however fast they follow", async () => {
  await inDirectory(async (_directory, store) => {
    const etags = new Set<string>();
    for (let i = 0; i < 300; i++) etags.add((await store.put("key", bytes)).etag);
    assert.equal(etags.size, 300);
  });
});

Deno.test("fileStore reads the version that it opened, though another is written", async () => {
  await inDirectory(async (_directory, store) => {
    const first = new Uint8Array(1_000_000).fill(1);
    await store.put("key", first);
    const { body } = await store.get("key");
    await store.put("key", new Uint8Array(2_000_000).fill(2));
    await store.delete(["key"]);
    const read = new Uint8Array(await new Response(body).arrayBuffer());
    assert.deepEqual(read, first);
  });
});

Deno.test("createFile() works where the file system has no links", async () => {
  const link = () => Promise.reject(Object.assign(new Error("no links"), { code: "ENOTSUP" }));
  await inDirectory(async (directory) => {
    const target = join(directory, "target");
    const writers = Array.from({ length: 20 }, async (_, index) => {
      const temporary = join(directory, `temporary-${index}`);
      await writeFile(temporary, `writer ${index}`);
      await createFile(temporary, target, link);
      return `writer ${index}`;
    });
    const outcomes = await Promise.allSettled(writers);
    const winners = outcomes.filter((outcome) => outcome.status === "fulfilled");
    assert.equal(winners.length, 1);
    assert.equal(await readFile(target, "utf8"), winners[0]!.value);
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") continue;
      assert(outcome.reason instanceof PreconditionFailedError);
    }
    assert(!(await readdir(directory)).some((name) => name.startsWith("claim")));
  });
});

Deno.test("claimAndRename() takes over a claim that a killed process has left", async () => {
  await inDirectory(async (directory) => {
    const target = join(directory, "target");
    await writeFile(join(directory, "one"), "one");
    await writeFile(join(directory, "two"), "two");
    await claimAndRename(join(directory, "one"), target);
    await rm(target);
    // The name of the claim is that of a first run that was stopped while it held it.
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(target));
    await writeFile(join(directory, `claim-${Buffer.from(hash).toString("hex")}`), "");
    await claimAndRename(join(directory, "two"), target, 20);
    assert.equal(await readFile(target, "utf8"), "two");
    assert.deepEqual((await readdir(directory)).sort(), ["target"]);
  });
});

Deno.test("claimAndRename() lets one of many be first where a killed process has left its claim", async () => {
  await inDirectory(async (directory) => {
    const race = async (_: unknown, at: number) => {
      const target = join(directory, `target ${at}`);
      const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(target));
      const claim = join(directory, `claim-${Buffer.from(hash).toString("hex")}`);
      await writeFile(claim, "");
      await utimes(claim, 1, 1);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 6 }, async (_, each) => {
          const temporary = join(directory, `${at} ${each}`);
          await writeFile(temporary, `${each}`);
          await claimAndRename(temporary, target);
          return `${each}`;
        }),
      );
      const first = outcomes.filter((outcome) => outcome.status === "fulfilled");
      for (const outcome of outcomes) {
        if (outcome.status === "fulfilled") continue;
        assert(outcome.reason instanceof PreconditionFailedError, `${outcome.reason}`);
      }
      assert.deepEqual(first.map(({ value }) => value), [await readFile(target, "utf8")]);
    };
    await Promise.all(Array.from({ length: 60 }, race));
    assert(!(await readdir(directory)).some((name) => name.startsWith("claim")));
  });
});

Deno.test("fileError() makes the system's words ours, and leaves other errors alone", () => {
  const system = (code: string) => Object.assign(new Error(code), { code });
  for (const code of ["EACCES", "EPERM", "EROFS"]) {
    assert(fileError(system(code), "write") instanceof AccessError);
  }
  for (const code of ["ENOSPC", "EMFILE", "EIO", "EBUSY"]) {
    const error = fileError(system(code), "write", "key");
    assert(error instanceof UnavailableError && error.code === code && error.key === "key");
  }
  assert(fileError(system("ENAMETOOLONG"), "write") instanceof InvalidInputError);
  const own = new Error("somebody's own");
  assert.equal(fileError(own, "write"), own);
});

import {
  checkpointLinks,
  copyThread,
  deleteMany,
  InvalidInputError,
  keyClass,
  linkStore,
  memoryStore,
  moveThread,
  type ObjectStore,
  S3Checkpointer,
  type Spread,
  spread,
  uploadLinks,
} from "@cairn/checkpoint";
import { parseCheckpointEvent, planChanges } from "@cairn/checkpoint/bucket";
import { countingStore } from "@cairn/checkpoint/testing";
import fc from "fast-check";
import assert from "node:assert/strict";
import { waveStore } from "../langgraph/_waves.ts";
import { inWorker } from "../store/_in_worker.ts";
import { escapeSegment, Keys, type ParsedKey, writesKey } from "../../src/checkpoint/keys.ts";

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom("", "~", "~~", "~~a3", "a3", "n", "v", "/", "..", "%7e"),
);
const anyId = anyText.filter((id) => id !== "");

/** The folder of a thread by the words of `docs/format.md`, in whole numbers: not the code under test. */
function folderByTheBook(thread: string, digits: number): string {
  const whole = 2n ** 32n;
  let hash = 0x811c9dc5n;
  for (const byte of new TextEncoder().encode(escapeSegment(thread))) {
    hash = ((hash ^ BigInt(byte)) * 0x01000193n) % whole;
  }
  hash = ((hash ^ (hash / 2n ** 16n)) * 0x85ebca6bn) % whole;
  hash = ((hash ^ (hash / 2n ** 13n)) * 0xc2b2ae35n) % whole;
  hash ^= hash / 2n ** 16n;
  return `~~${hash.toString(16).padStart(8, "0").slice(0, digits)}/`;
}

for (const folders of [16, 256] as const) {
  const digits = folders === 16 ? 1 : 2;
  const keys = new Keys("a/prefix", spread(folders));

  Deno.test(`spread(${folders}) puts a thread where the format page says`, () => {
    fc.assert(fc.property(anyText, (thread) => {
      const folder = folderByTheBook(thread, digits);
      assert.equal(keys.thread(thread), `a/prefix/${folder}${escapeSegment(thread)}/`);
    }));
  });

  Deno.test(`spread(${folders}) keeps every key parseable, by whoever knows the prefix alone`, () => {
    const anyKind = fc.constantFrom("checkpoint" as const, "writes" as const, "chunk" as const);
    fc.assert(
      fc.property(anyKind, anyText, anyText, anyId, anyText, (kind, thread, ns, id, task) => {
        const place = { thread, namespace: ns, id };
        const hash = "0a".repeat(32);
        const [key, expected]: [string, ParsedKey] = kind === "checkpoint"
          ? [keys.record(place), { kind, place }]
          : kind === "chunk"
          ? [keys.chunk(thread, hash), { kind, thread, hash }]
          : [writesKey(keys, place, task, "r0"), { kind, place, task, slot: "r0" }];
        for (const reader of [keys, new Keys("a/prefix"), new Keys("a/prefix", spread(16))]) {
          assert.deepEqual(reader.parse(key), expected);
          assert.equal(reader.threadOf(key), thread);
        }
        assert.equal(keyClass(key), kind);
        assert(key.startsWith(keys.thread(thread)));
      }),
    );
  });

  Deno.test(`spread(${folders}) gives two threads two folders, none in the other's, nor where one without it stands`, () => {
    const plain = new Keys("a/prefix");
    fc.assert(fc.property(anyText, anyText, (a, b) => {
      if (a !== b) assert(!keys.thread(a).startsWith(keys.thread(b)));
      assert(!keys.thread(a).startsWith(plain.thread(b)));
      assert(!plain.thread(b).startsWith(keys.thread(a)));
      // A lifecycle rule about threads that begin so, made without the spread, is about none of it.
      if (b !== "") assert(!keys.thread(a).startsWith(`a/prefix/${escapeSegment(b)}`));
    }));
  });

  for (
    const [what, idOf] of Object.entries({
      "that count": (at: number) => `user-${at}`,
      "of UUIDs that begin alike": (at: number) =>
        `0199f1b2-${(at * 7919).toString(16).padStart(12, "0")}`,
      "that count in their first digits": (at: number) => `${at}/tenant/thread`,
      "of one letter, longer and longer": (at: number) => "x".repeat(1 + at % 900) + at,
    })
  ) {
    Deno.test(`spread(${folders}) fills its folders evenly with ids ${what}`, () => {
      const threads = folders * 40;
      const counts = new Map<string, number>();
      for (let at = 0; at < threads; at++) {
        const folder = folderOf(keys, idOf(at));
        counts.set(folder, (counts.get(folder) ?? 0) + 1);
      }
      assert.equal(counts.size, folders);
      // Chi-squared of 15 or 255 degrees of freedom: beyond five deviations is no chance.
      const squares = [...counts.values()].reduce((sum, n) => sum + (n - 40) ** 2 / 40, 0);
      const free = folders - 1;
      assert(squares < free + 5 * Math.sqrt(2 * free), `${squares} of ${free}`);
    });
  }

  Deno.test(`S3Checkpointer with spread(${folders}) does with a thread all that it does without`, async () => {
    const store = memoryStore();
    const checkpointer = new S3Checkpointer<{ text: string }>(store, { spread: spread(folders) });
    const text = "stone upon stone ".repeat(3_000);
    const threads = ["", "a", "a/b", "~~a3", "n", "v", "user 42"];
    for (const thread of threads) {
      await checkpointer.save(thread, { text: thread }, { namespace: "sub" });
      await checkpointer.save(thread, { text: text + thread });
    }
    const fresh = new S3Checkpointer<{ text: string }>(store, { spread: spread(folders) });
    for (const thread of threads) {
      assert.equal((await fresh.load(thread))?.state.text, text + thread);
      assert.equal((await fresh.load(thread, { namespace: "sub" }))?.state.text, thread);
    }
    const found = await Array.fromAsync(fresh.threads());
    assert.deepEqual(found.toSorted(), threads.toSorted());
    // In the order of their keys, as the listing of all checkpoints is.
    const listed = await Array.fromAsync(fresh.list());
    assert.deepEqual([...new Set(listed.map(({ thread }) => thread))], found);
    assert.equal(listed.length, threads.length * 2);

    await copyThread(fresh, "a", "copy");
    await moveThread(fresh, "a/b", "moved");
    assert.equal((await fresh.load("copy"))?.state.text, text + "a");
    assert.equal((await fresh.load("moved"))?.state.text, text + "a/b");
    await deleteMany(fresh, ["", "copy", "moved", "~~a3"]);
    await fresh.delete("n");
    assert.deepEqual((await Array.fromAsync(fresh.threads())).toSorted(), ["a", "user 42", "v"]);
    for (const thread of ["a", "user 42", "v"]) await fresh.delete(thread);
    for await (const { objects } of store.list()) assert.deepEqual(objects, []);
  });
}

function folderOf(keys: Keys, thread: string): string {
  return keys.thread(thread).split("/")[2]!;
}

Deno.test("spread() puts threads where the vectors of the format page say", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/format.md", import.meta.url));
  const rows = page.matchAll(
    /^\| (\(empty\)|`[^`]+`) +\| `([^`]+)` +\| `(~~.\/)` +\| `(~~..\/)` +\| [0-9a-f]{8} \|$/gm,
  );
  let count = 0;
  for (const [, thread, segment, of16, of256] of rows) {
    assert.equal(escapeSegment(thread === "(empty)" ? "" : thread!.slice(1, -1)), segment);
    assert.equal(spread(16).folderOf(segment!), of16);
    assert.equal(spread(256).folderOf(segment!), of256);
    count++;
  }
  assert.equal(count, 7);
});

Deno.test("spread() takes 16 and 256, and nothing else", () => {
  for (const wrong of [0, 1, 15, 17, 255, 4096, "16", true, undefined, null]) {
    assert.throws(() => spread(wrong as 16), InvalidInputError);
  }
});

Deno.test("the folders of spread(16) are those of spread(256) by their first digit", () => {
  fc.assert(fc.property(anyText, (thread) => {
    const segment = escapeSegment(thread);
    assert.equal(
      spread(256).folderOf(segment).slice(0, 3),
      spread(16).folderOf(segment).slice(0, 3),
    );
  }));
});

Deno.test("threads() and list() under another spread than the writer's fail, and say why", async () => {
  const spreads: (Spread | undefined)[] = [undefined, spread(16), spread(256)];
  for (const writer of spreads) {
    const store = memoryStore();
    await new S3Checkpointer(store, { spread: writer }).save("t", {});
    for (const reader of spreads) {
      const checkpointer = new S3Checkpointer(store, { spread: reader });
      const isSame = reader?.folders === writer?.folders;
      assert.equal(await checkpointer.load("t") !== undefined, isSame);
      const threads = Array.fromAsync(checkpointer.threads());
      if (isSame) assert.deepEqual(await threads, ["t"]);
      else await assert.rejects(threads, mentionsSpread);
      if (reader === undefined !== (writer === undefined)) {
        await assert.rejects(Array.fromAsync(checkpointer.list()), mentionsSpread);
      }
    }
  }
});

function mentionsSpread(error: unknown): boolean {
  assert(error instanceof InvalidInputError);
  assert.match(error.message, /spread/);
  return true;
}

Deno.test("threads() with a spread leaves out what no checkpointer could have made", async () => {
  const store = memoryStore();
  const checkpointer = new S3Checkpointer(store, { spread: spread(16) });
  await checkpointer.save("t", {});
  await store.put("cairn/read.me", new Uint8Array());
  await store.put("cairn/a.b/c", new Uint8Array());
  assert.deepEqual(await Array.fromAsync(checkpointer.threads()), ["t"]);
});

Deno.test("threads() with a spread lists the folders that there are, each once, few at first, and no key", async () => {
  const memory = memoryStore();
  const writer = new S3Checkpointer(memory, { spread: spread(16) });
  const threads = Array.from({ length: 200 }, (_, at) => `t${at}`);
  for (const thread of threads) await writer.save(thread, {});
  const folders: ObjectStore = {
    ...memory,
    async *list(options) {
      for await (const page of memory.list(options)) {
        assert.deepEqual(page.objects, [], "no key is listed, folders alone");
        yield page;
      }
    },
  };
  const store = countingStore(folders);
  const found = await Array.fromAsync(
    new S3Checkpointer(store, { spread: spread(16) }).threads(),
  );
  assert.deepEqual(found.toSorted(), threads.toSorted());
  assert.equal(store.counts.list, 1 + 16);
  assert.equal(store.requests, 17);

  store.reset();
  for await (const _ of new S3Checkpointer(store, { spread: spread(16) }).threads()) break;
  assert(store.counts.list <= 1 + 7, "who stops early asks for no more");
});

Deno.test("threads() with a spread goes through 256 folders in waves that grow to what may be open", async () => {
  const memory = memoryStore();
  const options = { spread: spread(256) };
  const writer = new S3Checkpointer(memory, options);
  for (let at = 0; at < 2_500; at++) await writer.save(`t${at}`, {});
  const { store, measure } = waveStore(memory);
  const all = () => Array.fromAsync(new S3Checkpointer(store, options).threads());
  const { requests, trips } = await measure(all);
  assert.deepEqual(requests, { LIST: 1 + 256 });
  assert(trips <= 10, `${trips} trips`);
  assert.deepEqual(await inWorker(() => measure(all)), {
    requests: { LIST: 1 + 256 },
    trips: 1 + Math.ceil(256 / 6),
  });
});

Deno.test("threads() with a spread is in order, and whole, on a store that lists in none", async () => {
  const memory = memoryStore();
  const shuffled: ObjectStore = {
    ...memory,
    capabilities: { ...memory.capabilities, orderedList: false },
    async *list(options) {
      for await (const page of memory.list(options)) {
        yield { objects: page.objects.toReversed(), prefixes: page.prefixes.toReversed() };
      }
    },
  };
  const options = { spread: spread(16) };
  const writer = new S3Checkpointer(memory, options);
  for (let at = 0; at < 60; at++) await writer.save(`t${at}`, {});
  const ordered = await Array.fromAsync(writer.threads());
  const reader = new S3Checkpointer(shuffled, options);
  assert.deepEqual(await Array.fromAsync(reader.threads()), ordered);
  assert.equal((await Array.fromAsync(reader.list())).length, 60);
});

Deno.test("links to a spread thread serve who knows nothing of the spread", async () => {
  const memory = memoryStore();
  const presign = (key: string) => Promise.resolve(`https://state.example.com/${key}`);
  const checkpointer = new S3Checkpointer({ ...memory, presign }, { spread: spread(256) });
  await checkpointer.save("a/b", { step: 1 });
  const given = await checkpointLinks(checkpointer, "a/b", { expiresIn: 60 });
  const fetch = async (url: string | URL | Request) => {
    const { info, body } = await memory.get(new URL(url as string).pathname.slice(1));
    return new Response(body, {
      headers: {
        etag: `"${info.etag}"`,
        "content-length": String(info.size),
        "last-modified": info.lastModified.toUTCString(),
      },
    });
  };
  const there = linkStore(given!, { fetch: fetch as typeof globalThis.fetch });
  const reader = new S3Checkpointer<{ step: number }>(there, { prefix: given!.prefix });
  assert.equal((await reader.load(given!.thread))?.state.step, 1);
  const upload = await uploadLinks(checkpointer, "a/b", { id: "1", expiresIn: 60 });
  const key = new Keys(upload.prefix).record({ thread: "a/b", namespace: "", id: "1" });
  assert.equal(upload.links[0]?.key, key);
});

Deno.test("parseCheckpointEvent() knows the checkpoints of a spread by the prefix alone", () => {
  const place = { thread: "user 42", namespace: "ns", id: "1" };
  const key = new Keys("cairn/", spread(256)).record(place);
  const [event] = parseCheckpointEvent({
    Records: [{
      eventName: "ObjectCreated:Put",
      eventTime: "2026-01-31T12:00:00.000Z",
      s3: { bucket: { name: "b" }, object: { key: encodeURIComponent(key), size: 1 } },
    }],
  });
  assert(event?.kind === "checkpoint");
  assert.deepEqual([event.thread, event.namespace, event.checkpointId], ["user 42", "ns", "1"]);
});

Deno.test("planChanges() refuses a rule about some threads of a spread, which begin in no one place", () => {
  const state = { bucket: "b", region: "us-east-1", dialect: "aws", sections: {} } as const;
  const lifecycle = (threads?: string) => ({
    lifecycle: { expire: [{ ttl: { days: 30 }, ...(threads === undefined ? {} : { threads }) }] },
  });
  const options = { spread: spread(16) };
  assert.equal(planChanges(state, lifecycle(), options).changes.length, 1);
  assert.equal(planChanges(state, lifecycle("temp-")).changes.length, 1);
  assert.throws(() => planChanges(state, lifecycle("temp-"), options), (error) => {
    assert(error instanceof InvalidInputError);
    assert.match(error.message, /temp-.*prefix of their own/s);
    return true;
  });
});

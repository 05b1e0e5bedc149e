import {
  AccessError,
  aesGcm,
  CairnError,
  CorruptError,
  type Encryption,
  getBytes,
  InvalidInputError,
  type KeyProvider,
  localKeys,
  memoryStore,
  type ObjectStore,
  rewrap,
  S3Checkpointer,
  threadKeys,
  UnsupportedError,
} from "@cairn/checkpoint";
import { countingStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { CheckpointLog } from "../../src/checkpoint/log.ts";
import { copyObjects } from "../../src/checkpoint/copies.ts";
import { sweep } from "../../src/checkpoint/maintenance.ts";
import { counted, encryptionOf, keyOf, keysUpTo } from "../frame/_keys.ts";
import { keysOf, noise } from "./_stores.ts";

const KIB = 1024;
const SECRET = "the cairn stands on the north ridge";

/** A state whose large field is three chunks of 64 KiB that no compression shrinks. */
const stateOf = (step: number) => ({
  step,
  secret: SECRET,
  large: noise(150 * KIB),
  text: `${SECRET} `.repeat(1_000),
});

/** Every object's bytes, as Latin-1 text. */
async function stored(store: ObjectStore): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const key of await keysOf(store)) {
    found.set(key, new TextDecoder("latin1").decode((await getBytes(store, key)).bytes));
  }
  return found;
}

async function fill(store: ObjectStore, encryption: Encryption, thread = "t") {
  const checkpointer = new S3Checkpointer(store, { encryption, compression: "none" });
  const metadata = { note: SECRET };
  await checkpointer.save(thread, stateOf(1), { id: "one", metadata });
  await checkpointer.save(thread, stateOf(2), { id: "the-second", metadata, parent: "one" });
  return checkpointer;
}

Deno.test("An encrypted thread is read by whoever has the keys, and shows nothing of its state or ids in any object", async () => {
  const store = memoryStore();
  await fill(store, encryptionOf());
  const reader = new S3Checkpointer(store, { encryption: encryptionOf() });
  assert.deepEqual((await reader.load("t", { id: "one" }))?.state, stateOf(1));
  const latest = await reader.load("t");
  assert.deepEqual(latest?.state, stateOf(2));
  assert.deepEqual([latest?.id, latest?.parent, latest?.metadata], ["the-second", "one", {
    note: SECRET,
  }]);
  const pieces = [SECRET, "savedAt", "metadata", "messages", "the-second", '"one"', "large"];
  const raw = new TextDecoder("latin1").decode(noise(150 * KIB).subarray(1_000, 1_016));
  for (const [key, text] of await stored(store)) {
    for (const piece of [...pieces, raw]) assert(!text.includes(piece), `${piece} in ${key}`);
  }
});

Deno.test("The names of an encrypted thread's chunks are no hashes of what they hold", async () => {
  const plain = memoryStore(), sealed = memoryStore();
  const state = stateOf(1);
  await new S3Checkpointer(plain).save("t", state, { id: "1" });
  await new S3Checkpointer(sealed, { encryption: encryptionOf() }).save("t", state, { id: "1" });
  const names = async (store: ObjectStore) => await keysOf(store, "cairn/t/v/");
  const [a, b] = [await names(plain), await names(sealed)];
  assert(a.length > 2);
  assert.equal(b.length, a.length);
  assert(b.every((name) => /\/v\/[0-9a-f]{64}$/.test(name) && !a.includes(name)));
});

Deno.test("Encryption changes no count of requests, and asks the provider once for a thread in each process", async () => {
  const counts: unknown[] = [];
  for (const encrypted of [false, true]) {
    const store = countingStore(memoryStore());
    const first = counted(keysUpTo(1)), second = counted(keysUpTo(1));
    const start = ({ keys }: typeof first) =>
      new S3Checkpointer(store, { encryption: encrypted ? aesGcm({ keys }) : undefined });
    const writer = start(first);
    for (const step of [1, 2, 3]) await writer.save("t", stateOf(step), { id: `${step}` });
    const reader = start(second);
    await reader.load("t");
    await reader.save("t", { ...stateOf(4), more: noise(70 * KIB, 2) }, { id: "4" });
    await Array.fromAsync(reader.list({ thread: "t" }));
    await reader.delete("t", { id: "1" });
    counts.push({ ...store.counts, bytesRead: 0, bytesWritten: 0 });
    const none = { generate: 0, wrap: 0, unwrap: 0 };
    assert.deepEqual(first.asked, encrypted ? { ...none, generate: 1 } : none);
    assert.deepEqual(second.asked, encrypted ? { ...none, unwrap: 1 } : none);
  }
  assert.deepEqual(counts[1], counts[0]);
});

Deno.test("Another process that goes on with an encrypted thread sends no chunk that is there", async () => {
  const store = countingStore(memoryStore());
  await fill(store, encryptionOf());
  const chunks = await keysOf(store, "cairn/t/v/");
  const next = new S3Checkpointer(store, { encryption: encryptionOf() });
  await next.load("t");
  store.reset();
  await next.save("t", stateOf(3), { id: "zz" });
  assert.equal(store.counts.put, 1, "only the record");
  assert.deepEqual(await keysOf(store, "cairn/t/v/"), chunks);
});

Deno.test("Any two objects of an encrypted bucket swapped, each is refused by its key", async () => {
  const store = memoryStore();
  const encryption = encryptionOf();
  await fill(store, encryption);
  await fill(store, encryption, "u");
  const keys = await keysOf(store);
  for (const key of keys) {
    for (const other of keys) {
      if (key === other) continue;
      const kept = (await getBytes(store, key)).bytes;
      await store.put(key, (await getBytes(store, other)).bytes);
      const thread = key.split("/")[1]!;
      const readers = ["one", "the-second"].map((id) =>
        new S3Checkpointer(store, { encryption: encryptionOf() }).load(thread, { id })
          .then(() => undefined, (error) => error)
      );
      const errors = (await Promise.all(readers)).filter((error) => error !== undefined);
      assert(errors.length > 0, `${other} was read as ${key}`);
      for (const error of errors) {
        assert(error instanceof CorruptError, error);
        assert.equal(error.key, key);
      }
      await store.put(key, kept);
    }
  }
});

Deno.test("A bucket's plaintext is refused with a key set, and its ciphertext without one, by their keys", async () => {
  const plain = memoryStore();
  await new S3Checkpointer(plain).save("t", stateOf(1), { id: "1" });
  const strict = new S3Checkpointer(plain, { encryption: encryptionOf() });
  for (const read of [() => strict.load("t"), () => Array.fromAsync(strict.list())]) {
    await assert.rejects(read(), (error) => {
      assert(error instanceof CorruptError);
      assert.equal(error.key, "cairn/t/n/~/ce~/c");
      assert.match(error.message, /not encrypted.*rewrap/);
      return true;
    });
  }
  const sealed = memoryStore();
  await fill(sealed, encryptionOf());
  await assert.rejects(new S3Checkpointer(sealed).load("t"), (error) => {
    assert(error instanceof UnsupportedError);
    assert.match(error.message, /^cairn\/t\/.*encryption option/);
    return true;
  });
});

Deno.test("With acceptPlaintext a thread goes on encrypted, and a chunk that was altered is still refused", async () => {
  const store = memoryStore();
  await new S3Checkpointer(store).save("t", stateOf(1), { id: "1" });
  const plain = await keysOf(store, "cairn/t/v/");
  const options = { encryption: encryptionOf({ acceptPlaintext: true }) };
  const checkpointer = new S3Checkpointer(store, options);
  assert.deepEqual((await checkpointer.load("t"))?.state, stateOf(1));
  await checkpointer.save("t", stateOf(2), { id: "2" });
  const reader = new S3Checkpointer(store, { encryption: encryptionOf() });
  assert.deepEqual((await reader.load("t"))?.state, stateOf(2), "all that it needs is encrypted");
  const donor = memoryStore();
  await new S3Checkpointer(donor).save("t", { large: noise(64 * KIB, 9) });
  const [other] = await keysOf(donor, "cairn/t/v/");
  await store.put(plain[0]!, (await getBytes(donor, other!)).bytes);
  await assert.rejects(new S3Checkpointer(store, options).load("t", { id: "1" }), CorruptError);
});

Deno.test("A wrong key, a missing key and an altered object each say which object, and no byte of any key", async () => {
  const store = memoryStore();
  await fill(store, encryptionOf());
  const key = keyOf(77);
  const wrong = localKeys({ current: "1", keys: { "1": key } });
  const other = localKeys({ current: "2", keys: { "2": key } });
  const hex = Array.from(key, (byte) => byte.toString(16).padStart(2, "0")).join("");
  for (const [keys, Class] of [[wrong, CorruptError], [other, AccessError]] as const) {
    await assert.rejects(
      new S3Checkpointer(store, { encryption: aesGcm({ keys }) }).load("t"),
      (error) => {
        assert(error instanceof CairnError && error instanceof Class, String(error));
        assert.match(error.key!, /^cairn\/t\/n\//);
        const said = Deno.inspect(error, { depth: 9 });
        for (const part of [SECRET, hex.slice(0, 16), key.subarray(0, 4).join(", ")]) {
          assert(!said.includes(part));
        }
        return true;
      },
    );
  }
});

Deno.test("copyThread() of an encrypted thread seals each object for its new key, and needs no other request than GET and PUT", async () => {
  const store = countingStore(memoryStore());
  const encryption = encryptionOf();
  await fill(store, encryption, "a/b");
  const log = new CheckpointLog(store, { encryption });
  const keys = await keysOf(store);
  store.reset();
  await copyObjects(log, "a/b", "copy");
  const { get, put, copy } = store.counts;
  assert.deepEqual([get, put, copy], [keys.length, keys.length, 0]);
  await log.deleteThread("a/b");
  const reader = new S3Checkpointer(store, { encryption: encryptionOf() });
  for (const [id, step] of [["one", 1], ["the-second", 2]] as const) {
    assert.deepEqual((await reader.load("copy", { id }))?.state, stateOf(step));
  }
  await sweep(log, "copy", { grace: 0 });
  assert.equal((await keysOf(store)).length, keys.length, "its chunks are referred to");
});

Deno.test("copyThread() refuses to make what was altered look whole", async () => {
  const store = memoryStore();
  const encryption = encryptionOf();
  await fill(store, encryption);
  const [key] = await keysOf(store, "cairn/t/v/");
  const { bytes } = await getBytes(store, key!);
  bytes[bytes.length - 1]! ^= 1;
  await store.put(key!, bytes);
  const copied = copyObjects(new CheckpointLog(store, { encryption }), "t", "copy");
  await assert.rejects(copied, (error) => error instanceof CorruptError && error.key === key);
});

Deno.test("The encryption option takes what aesGcm() makes, and nothing that would leave a state in the open", () => {
  const store = memoryStore();
  for (const wrong of [null, true, keyOf(1), keysUpTo(1)]) {
    const options = { encryption: wrong as unknown as Encryption };
    assert.throws(() => new S3Checkpointer(store, options), {
      name: "InvalidInputError",
      message: "Cannot use encryption: give what aesGcm() makes",
    });
  }
  new S3Checkpointer(store, { encryption: undefined });
});

Deno.test("A key or a passphrase given in the place of a key provider stands in no message", async () => {
  const store = memoryStore();
  const passphrase = "correct horse battery staple";
  for (const secret of [passphrase, keyOf(1), { key: passphrase }] as unknown as KeyProvider[]) {
    const attempts = [
      () => new S3Checkpointer(store, { encryption: secret as unknown as Encryption }),
      () => aesGcm({ keys: secret }),
      () => threadKeys({ provider: secret, store }),
      () => rewrap(store, { keys: secret }),
    ];
    for (const attempt of attempts) {
      await assert.rejects(async () => await attempt(), (error) => {
        assert(error instanceof InvalidInputError);
        assert.match(error.message, /^Cannot use \w+: give what (aesGcm|localKeys)\(\)/);
        assert(!error.message.includes("horse") && !error.message.includes(String(keyOf(1))));
        return true;
      });
    }
  }
});

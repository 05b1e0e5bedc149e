import {
  CorruptError,
  decodeFrame,
  encodeFrame,
  getBytes,
  memoryStore,
  S3Checkpointer,
  UnsupportedError,
} from "@cairn/checkpoint";
import assert from "node:assert/strict";
import { Keys } from "../../src/checkpoint/keys.ts";
import { toHex } from "../../src/store/hex.ts";
import { sha256 } from "../../src/store/sha256.ts";
import {
  type ChunkRef,
  decodeCheckpoint,
  encodeCheckpoint,
  type StoredValue,
} from "../../src/checkpoint/record.ts";

const key = new Keys("cairn/").record({ thread: "t", namespace: "", id: "1" });

/** A checkpoint, its record's object, and the ways to read it. */
async function saved() {
  const store = memoryStore();
  await new S3Checkpointer(store).save("t", { list: [1, 2], bytes: new Uint8Array(9) }, {
    id: "1",
  });
  const { bytes } = await getBytes(store, key);
  const reads = [
    () => new S3Checkpointer(store).load("t"),
    () => new S3Checkpointer(store).load("t", { id: "1" }),
    () => Array.fromAsync(new S3Checkpointer(store).list()),
  ];
  return { store, bytes, reads };
}

function isCorruptAtKey(error: unknown): true {
  assert(error instanceof CorruptError, `${error}`);
  assert.equal(error.key, key);
  assert(error.message.includes(key), error.message);
  return true;
}

Deno.test("S3Checkpointer tells a record's object that was cut short anywhere by its key", async () => {
  const { store, bytes, reads } = await saved();
  for (let length = 0; length < bytes.length; length += 1 + (bytes.length >> 6)) {
    await store.put(key, bytes.slice(0, length));
    for (const read of reads) await assert.rejects(read(), isCorruptAtKey);
  }
});

Deno.test("S3Checkpointer tells a record's object with any bit turned, or with more after it", async () => {
  const { store, bytes } = await saved();
  for (let at = 0; at < bytes.length; at++) {
    const altered = bytes.slice();
    altered[at]! ^= 1 << at % 8;
    await store.put(key, altered);
    await assert.rejects(new S3Checkpointer(store).load("t"), (error) => {
      assert(error instanceof CorruptError || error instanceof UnsupportedError, `${at}: ${error}`);
      assert.equal(error.key, key);
      return true;
    });
  }
  await store.put(key, new Uint8Array([...bytes, 0]));
  await assert.rejects(new S3Checkpointer(store).load("t"), isCorruptAtKey);
});

Deno.test("S3Checkpointer tells an object in a record's place that is none", async () => {
  const { store, reads } = await saved();
  const foreign = [
    new TextEncoder().encode('{"step": 1}'),
    await encodeFrame(new Uint8Array(40), { kind: "checkpoint" }),
    await encodeFrame(new Uint8Array(40), { kind: "chunk" }),
    await encodeFrame(new Uint8Array(40), { kind: "writes" }),
  ];
  for (const object of foreign) {
    await store.put(key, object);
    for (const read of reads) await assert.rejects(read(), isCorruptAtKey);
  }
});

Deno.test("S3Checkpointer believes no record that claims 5 GiB", async () => {
  const { store, bytes, reads } = await saved();
  const { payload } = await decodeFrame(bytes, { kind: "checkpoint" });
  const record = decodeCheckpoint(payload);
  const hash = "0".repeat(64);
  const claim: ChunkRef = { hash, length: 5 * 2 ** 30 };
  const large: StoredValue = { type: "bytes", body: [claim], attachments: [] };
  const forged = encodeCheckpoint({ ...record, head: large, metadata: large });
  await store.put(key, await encodeFrame(forged, { kind: "checkpoint" }));
  // The chunk that is there is small; then there is none.
  const chunk = new Keys("cairn/").chunk("t", hash);
  await store.put(chunk, await encodeFrame(new Uint8Array(100), { kind: "chunk" }));
  for (const read of reads) await assert.rejects(read(), CorruptError);
  await store.delete([chunk]);
  for (const read of reads) await assert.rejects(read(), CorruptError);
});

Deno.test("S3Checkpointer believes no record that lists a chunk so often that no memory holds the value", async () => {
  const { store, bytes, reads } = await saved();
  const { payload } = await decodeFrame(bytes, { kind: "checkpoint" });
  const record = decodeCheckpoint(payload);
  const chunk = new Uint8Array(8 * 2 ** 20);
  const hash = toHex(await sha256(chunk));
  const place = new Keys("cairn/").chunk("t", hash);
  await store.put(place, await encodeFrame(chunk, { kind: "chunk" }));
  // A hundred thousand times 8 MiB, in a record of a few megabytes.
  const body = new Array<ChunkRef>(100_000).fill({ hash, length: chunk.length });
  const large: StoredValue = { type: "bytes", body, attachments: [] };
  const forged = encodeCheckpoint({ ...record, head: large, metadata: large });
  await store.put(key, await encodeFrame(forged, { kind: "checkpoint" }));
  for (const read of reads) await assert.rejects(read(), CorruptError);
});

Deno.test("S3Checkpointer believes no chunk that says it is larger than the record says", async () => {
  const store = memoryStore();
  const state = { bytes: new Uint8Array(50_000) };
  await new S3Checkpointer(store).save("t", state);
  const pages = await Array.fromAsync(store.list({ prefix: new Keys("cairn/").chunks("t") }));
  const chunk = pages[0]!.objects[0]!.key;
  // A megabyte of zeros in a small frame, where the record expects 50,000 bytes.
  await store.put(chunk, await encodeFrame(new Uint8Array(2 ** 20), { kind: "chunk" }));
  await assert.rejects(new S3Checkpointer(store).load("t"), (error) => {
    assert(error instanceof CorruptError, `${error}`);
    assert.equal(error.key, chunk);
    return true;
  });
});

Deno.test("S3Checkpointer says to upgrade where a newer version wrote the record", async () => {
  const { store, bytes, reads } = await saved();
  const { payload } = await decodeFrame(bytes, { kind: "checkpoint" });
  const newer = payload.slice();
  const at = new TextDecoder("latin1").decode(newer).indexOf('"v":1') + 4;
  newer[at] = "9".charCodeAt(0);
  await store.put(key, await encodeFrame(newer, { kind: "checkpoint" }));
  for (const read of reads) {
    await assert.rejects(read(), (error) => {
      assert(error instanceof UnsupportedError, `${error}`);
      assert.match(error.message, /version 9.*upgrade/);
      assert.equal(error.key, key);
      return true;
    });
  }
});

Deno.test("S3Checkpointer lets one corrupt checkpoint stand in the way of no other", async () => {
  const { store } = await saved();
  const checkpointer = new S3Checkpointer(store);
  await checkpointer.save("t", { step: 2 }, { id: "2" });
  await store.put(key, new Uint8Array(7));
  const reader = new S3Checkpointer(store);
  assert.deepEqual((await reader.load("t"))?.state, { step: 2 });
  assert.deepEqual((await reader.load("t", { id: "2" }))?.state, { step: 2 });
  await reader.delete("t", { id: "1" });
  assert.equal((await Array.fromAsync(reader.list())).length, 1);
});

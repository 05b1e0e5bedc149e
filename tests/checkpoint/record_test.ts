import assert from "node:assert/strict";
import fc from "fast-check";
import { CorruptError, UnsupportedError } from "@cairn/checkpoint";
import {
  type CheckpointRecord,
  type ChunkRef,
  decodeCheckpoint,
  decodeWrites,
  encodeCheckpoint,
  encodeWrites,
  type Segment,
  type StoredValue,
  type WritesRecord,
} from "../../src/checkpoint/record.ts";

const anyName = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "", "v", "\ud800"),
  fc.string({ unit: "binary", maxLength: 8 }),
);
const anyRef: fc.Arbitrary<ChunkRef> = fc.record({
  hash: fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 64, maxLength: 64 }),
  length: fc.nat(),
}, { noNullPrototype: true });
const anyBody: fc.Arbitrary<Segment[]> = fc.array(
  fc.oneof(fc.uint8Array({ maxLength: 20 }), anyRef),
  { maxLength: 4 },
);
const anyValue: fc.Arbitrary<StoredValue> = fc.record({
  type: anyName,
  body: anyBody,
  attachments: fc.array(
    fc.record({
      path: fc.array(fc.oneof(anyName, fc.maxSafeInteger()), { maxLength: 4 }),
      body: anyBody,
    }, { noNullPrototype: true }),
    { maxLength: 2 },
  ),
}, { noNullPrototype: true });
const anyCheckpoint: fc.Arbitrary<CheckpointRecord> = fc.record({
  id: anyName,
  parent: fc.option(anyName, { nil: undefined }),
  metadata: anyValue,
  head: anyValue,
  channels: fc.array(
    fc.record({
      name: anyName,
      version: fc.oneof(anyName, fc.integer(), fc.constant(undefined)),
      value: anyValue,
    }, { noNullPrototype: true }),
    { maxLength: 3 },
  ),
  life: fc.tuple(fc.maxSafeNat(), fc.maxSafeNat(), fc.maxSafeNat()),
}, {
  noNullPrototype: true,
  requiredKeys: ["id", "parent", "metadata", "head", "channels"],
});
const anyWrites: fc.Arbitrary<WritesRecord> = fc.record({
  task: anyName,
  path: anyName,
  writes: fc.array(
    fc.record({ index: fc.integer(), channel: anyName, value: anyValue }, {
      noNullPrototype: true,
    }),
    { maxLength: 3 },
  ),
}, { noNullPrototype: true });

const EMPTY: StoredValue = { type: "json", body: [], attachments: [] };
const CHECKPOINT: CheckpointRecord = {
  id: "a",
  parent: undefined,
  metadata: EMPTY,
  head: EMPTY,
  channels: [],
};

/** A record's bytes of an index and the bytes after it. */
function bytesOf(index: unknown, blob: Uint8Array = new Uint8Array(0)): Uint8Array {
  const json = typeof index === "string" ? index : JSON.stringify(index);
  const encoded = new TextEncoder().encode(json);
  const bytes = new Uint8Array(4 + encoded.length + blob.length);
  new DataView(bytes.buffer).setUint32(0, encoded.length);
  bytes.set(encoded, 4);
  bytes.set(blob, 4 + encoded.length);
  return bytes;
}

/** The index of a record's bytes. */
function indexOf(bytes: Uint8Array): { index: Record<string, unknown>; blob: Uint8Array } {
  const end = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const index = JSON.parse(new TextDecoder().decode(bytes.subarray(4, end)));
  return { index, blob: bytes.subarray(end) };
}

/** Checks the types of all that a decoder gave, as whoever uses it relies on them. */
function requireValue(value: StoredValue): void {
  assert.equal(typeof value.type, "string");
  for (const body of [value.body, ...value.attachments.map(({ body }) => body)]) {
    for (const segment of body) {
      if (segment instanceof Uint8Array) continue;
      assert.match(segment.hash, /^[0-9a-f]{64}$/);
      assert(Number.isSafeInteger(segment.length) && segment.length >= 0);
    }
  }
  for (const { path } of value.attachments) {
    for (const step of path) assert(typeof step === "string" || Number.isSafeInteger(step));
  }
}

function requireCheckpoint(record: CheckpointRecord): void {
  assert.equal(typeof record.id, "string");
  assert(record.parent === undefined || typeof record.parent === "string");
  for (const { name, version } of record.channels) {
    assert.equal(typeof name, "string");
    assert(["undefined", "string", "number"].includes(typeof version));
  }
  for (const value of [record.metadata, record.head, ...record.channels.map((c) => c.value)]) {
    requireValue(value);
  }
}

function requireWrites(record: WritesRecord): void {
  assert.equal(typeof record.task, "string");
  assert.equal(typeof record.path, "string");
  for (const { index, channel, value } of record.writes) {
    assert(Number.isSafeInteger(index));
    assert.equal(typeof channel, "string");
    requireValue(value);
  }
}

/** Decodes hostile bytes as both kinds: right types, or an error of the two that there are. */
function decodeHostile(bytes: Uint8Array): void {
  for (
    const read of [
      () => requireCheckpoint(decodeCheckpoint(bytes)),
      () => requireWrites(decodeWrites(bytes)),
    ]
  ) {
    try {
      read();
    } catch (error) {
      assert(error instanceof CorruptError || error instanceof UnsupportedError, `${error}`);
    }
  }
  assert.deepEqual(Object.keys(Object.prototype), []);
}

Deno.test("decodeCheckpoint() reads what encodeCheckpoint() wrote", () => {
  fc.assert(fc.property(anyCheckpoint, (record) => {
    assert.deepEqual(decodeCheckpoint(encodeCheckpoint(record)), record);
  }));
});

Deno.test("decodeWrites() reads what encodeWrites() wrote", () => {
  fc.assert(fc.property(anyWrites, (record) => {
    assert.deepEqual(decodeWrites(encodeWrites(record)), record);
  }));
});

Deno.test("A record reads from the midst of a larger buffer", () => {
  const bytes = encodeCheckpoint({
    ...CHECKPOINT,
    head: { ...EMPTY, body: [new Uint8Array([7])] },
  });
  const larger = new Uint8Array(bytes.length + 20).fill(0xff);
  larger.set(bytes, 10);
  const record = decodeCheckpoint(larger.subarray(10, 10 + bytes.length));
  assert.deepEqual(record.head.body, [new Uint8Array([7])]);
});

Deno.test("A record cut short anywhere, or with bytes after it, is corrupt", () => {
  const value: StoredValue = { ...EMPTY, body: [new Uint8Array(8)] };
  const bytes = encodeCheckpoint({ ...CHECKPOINT, metadata: value });
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => decodeCheckpoint(bytes.subarray(0, length)), CorruptError);
  }
  assert.throws(() => decodeCheckpoint(new Uint8Array([...bytes, 0])), CorruptError);
});

Deno.test("A record with any bytes changed gives right types or a typed error", () => {
  const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  const encoded = fc.oneof(
    anyCheckpoint.map(encodeCheckpoint),
    anyWrites.map(encodeWrites),
    fc.uint8Array({ maxLength: 40 }),
  );
  fc.assert(
    fc.property(encoded, flips, (bytes, flips) => {
      const altered = Uint8Array.from(bytes);
      for (const [at, mask] of flips) if (altered.length > 0) altered[at % altered.length]! ^= mask;
      decodeHostile(altered);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("A record with any part of its index replaced gives right types or a typed error", () => {
  const hostile = fc.oneof(
    fc.constantFrom(
      null,
      true,
      -1,
      0.5,
      2 ** 53,
      1e400,
      "",
      "x",
      [],
      {},
      [[]],
      [null],
      "__proto__",
    ),
    fc.constant(JSON.parse('{"__proto__": {"v": 1, "length": 1}}')),
    fc.jsonValue(),
  );
  const encoded = fc.oneof(anyCheckpoint.map(encodeCheckpoint), anyWrites.map(encodeWrites));
  fc.assert(
    fc.property(
      encoded,
      fc.array(fc.nat({ max: 7 }), { maxLength: 6 }),
      hostile,
      (bytes, way, part) => {
        const { index, blob } = indexOf(bytes);
        let node: Record<string, unknown> = index;
        let key = "id";
        for (const step of way) {
          const keys = Object.keys(node);
          key = keys[step % keys.length] ?? "v";
          const next = node[key];
          if (typeof next !== "object" || next === null) break;
          if (step !== way.at(-1)) node = next as Record<string, unknown>;
        }
        node[key] = part;
        decodeHostile(bytesOf(index, blob));
      },
    ),
    { numRuns: 1_000 },
  );
});

Deno.test("A record that is malformed is corrupt, wherever it is", () => {
  const good = indexOf(encodeCheckpoint(CHECKPOINT)).index;
  const hash = "0".repeat(64);
  const table: unknown[] = [
    "",
    "{",
    "null",
    "5",
    "[]",
    { ...good, v: undefined },
    { ...good, v: 0 },
    { ...good, v: "1" },
    { ...good, v: 1.5 },
    { ...good, id: 5 },
    { ...good, parent: null },
    { ...good, life: null },
    { ...good, life: 5 },
    { ...good, life: [1, 2] },
    { ...good, life: [1, 2, "3"] },
    { ...good, life: [-1, 2, 3] },
    { ...good, life: [1, 2, 2 ** 53] },
    { ...good, head: "json" },
    { ...good, head: [5, []] },
    { ...good, head: ["json"] },
    { ...good, head: ["json", [-1]] },
    { ...good, head: ["json", [0.5]] },
    { ...good, head: ["json", [1]] },
    { ...good, head: ["json", [2 ** 60]] },
    { ...good, head: ["json", [["../../x", 1]]] },
    { ...good, head: ["json", [[hash.toUpperCase().replaceAll("0", "A"), 1]]] },
    { ...good, head: ["json", [[hash, -1]]] },
    { ...good, head: ["json", [{ length: 2, 0: hash, 1: 1 }]] },
    { ...good, head: ["json", [], {}] },
    { ...good, head: ["json", [], [[["a", 0.5], []]]] },
    { ...good, head: ["json", [], [[[null], []]]] },
    { ...good, channels: {} },
    { ...good, channels: [["a", true, ["json", []]]] },
    { ...good, channels: [[5, 1, ["json", []]]] },
    { ...good, channels: ["abc"] },
  ];
  for (const index of table) {
    assert.throws(() => decodeCheckpoint(bytesOf(index)), (error) => {
      assert(error instanceof CorruptError, `${JSON.stringify(index)}: ${error}`);
      assert.equal(error.message, "A record is malformed");
      return true;
    });
  }
  const writes = { v: 1, task: "t", path: "" };
  for (const write of [[0.5, "c", ["json", []]], [0, 5, ["json", []]], ["0", "c", ["json", []]]]) {
    assert.throws(() => decodeWrites(bytesOf({ ...writes, writes: [write] })), CorruptError);
  }
  assert.throws(
    () => decodeWrites(bytesOf({ ...writes, path: undefined, writes: [] })),
    CorruptError,
  );
});

Deno.test("A record of a version to come is unsupported, and says to upgrade", () => {
  for (const decode of [decodeCheckpoint, decodeWrites]) {
    assert.throws(() => decode(bytesOf({ v: 2, other: "shape" })), {
      name: "UnsupportedError",
      message: /record version 2: a newer release wrote it; upgrade @cairn\/checkpoint/,
    });
  }
});

Deno.test("A record takes __proto__ as a channel, a path and a type like any other", () => {
  const value: StoredValue = {
    type: "__proto__",
    body: [new Uint8Array([1])],
    attachments: [{ path: ["__proto__", "constructor"], body: [new Uint8Array([2])] }],
  };
  const channels = [{ name: "__proto__", version: "__proto__", value }];
  const record = { ...CHECKPOINT, id: "__proto__", parent: "constructor", channels };
  assert.deepEqual(decodeCheckpoint(encodeCheckpoint(record)), record);
  const hostile = JSON.stringify(indexOf(encodeCheckpoint(CHECKPOINT)).index)
    .replace('"v":1', '"__proto__":{"v":1}');
  assert.throws(() => decodeCheckpoint(bytesOf(hostile)), CorruptError);
});

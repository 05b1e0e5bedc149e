import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  AccessError,
  aesGcm,
  CairnError,
  CorruptError,
  decodeFrame,
  encodeFrame,
  type FramePlace,
  InvalidInputError,
  type KeyProvider,
  localKeys,
  NotFoundError,
  UnsupportedError,
} from "@cairn/checkpoint";
import { counted, encryptionOf, keyOf, keysUpTo } from "./_keys.ts";
import { reseal } from "./_seal.ts";

const TEXT = new TextEncoder().encode("stone upon stone ".repeat(4));
const PLACE: FramePlace = { thread: "t", key: "cairn/t/n/~/9e~/c" };
const HOUR = 3_600_000;

/** Where the parts of a frame begin: docs/format.md. */
const BODY_AT = 48, BOUND_AT = 50, SALT_AT = 59, KEY_ID_LENGTH_AT = 87, KEY_ID_AT = 90;

const kinds = fc.constantFrom("checkpoint", "writes", "chunk");
const compressions = fc.constantFrom("none", "gzip", "deflate-raw", "zstd", "brotli", "auto");
const places = fc.record({ thread: fc.string({ unit: "grapheme" }), key: fc.string() });

Deno.test("A sealed frame gives back what it took, of any kind, compression, size and place", async () => {
  const encryption = encryptionOf();
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 600 }),
        fc.uint8Array({ minLength: 30_000, maxLength: 33_000, size: "max" }),
      ),
      kinds,
      compressions,
      places,
      async (payload, kind, compression, place) => {
        const sealing = { encryption, place };
        const bytes = await encodeFrame(payload, { kind, compression, sealing });
        assert.equal(bytes[7], 1);
        const frame = await decodeFrame(bytes, { kind, sealing });
        assert.deepEqual(frame.payload, payload);
        assert.equal(frame.kind, kind);
        assert.equal(frame.encrypted, true);
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("A sealed frame is opened by another process that has the keys, also from a Buffer", async () => {
  const bytes = await encodeFrame(TEXT, {
    kind: "writes",
    sealing: { encryption: encryptionOf(), place: PLACE },
  });
  const sealing = { encryption: encryptionOf(), place: PLACE };
  assert.deepEqual((await decodeFrame(bytes, { sealing })).payload, TEXT);
  assert.deepEqual((await decodeFrame(Buffer.from(bytes), { sealing })).payload, TEXT);
});

Deno.test("Every flipped bit of a sealed frame is refused, also where its checksum is made to fit", async () => {
  const encryption = encryptionOf();
  const sealing = { encryption, place: PLACE };
  const frame = await encodeFrame(TEXT, { kind: "checkpoint", compression: "none", sealing });
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const altered = new Uint8Array(frame);
    altered[bit >>> 3]! ^= 1 << (bit & 7);
    await assert.rejects(decodeFrame(altered, { sealing }), isRefusal, `bit ${bit}`);
    const inChecksum = bit >= 32 * 8 && bit < 48 * 8;
    if (inChecksum) continue;
    await assert.rejects(decodeFrame(reseal(altered), { sealing }), (error) => {
      const at = bit >>> 3;
      const others = at === KEY_ID_AT
        ? error instanceof AccessError // another key's id
        : (at < 8 || at === BOUND_AT) && error instanceof UnsupportedError; // another version
      assert(error instanceof CorruptError || others, `bit ${bit}: ${error}`);
      return true;
    });
  }
});

Deno.test("A sealed frame cut short anywhere, or with more at its end, is refused with a checksum that fits", async () => {
  const sealing = { encryption: encryptionOf(), place: PLACE };
  const frame = await encodeFrame(TEXT, { kind: "chunk", compression: "none", sealing });
  for (let length = 48; length < frame.length; length++) {
    const cut = reseal(frame.subarray(0, length));
    await assert.rejects(decodeFrame(cut, { sealing }), CorruptError, `${length} bytes`);
  }
  const longer = new Uint8Array(frame.length + 1);
  longer.set(frame);
  await assert.rejects(decodeFrame(reseal(longer), { sealing }), CorruptError);
});

Deno.test("Of any two objects neither opens in the other's place, nor in any other place", async () => {
  const encryption = encryptionOf();
  await fc.assert(
    fc.asyncProperty(places, places, kinds, async (a, b, kind) => {
      fc.pre(a.key !== b.key);
      const sealed = await encodeFrame(TEXT, { kind, sealing: { encryption, place: a } });
      for (const place of [b, { ...a, key: b.key }, { ...a, key: `${a.key} ` }]) {
        await assert.rejects(decodeFrame(sealed, { sealing: { encryption, place } }), CorruptError);
      }
      const elsewhere = { encryption, place: { ...a, thread: `${a.thread}2` } };
      await assert.rejects(decodeFrame(sealed, { sealing: elsewhere }), CorruptError);
    }),
    { numRuns: 50 },
  );
});

Deno.test("Parts of two objects of one place cannot be put together", async () => {
  const sealing = { encryption: encryptionOf(), place: PLACE };
  const make = () => encodeFrame(TEXT, { kind: "checkpoint", compression: "none", sealing });
  const [a, b] = [await make(), await make()];
  for (const [from, to] of [[0, 32], [BOUND_AT, KEY_ID_LENGTH_AT], [SALT_AT, SALT_AT + 16]]) {
    const mixed = new Uint8Array(a!);
    mixed.set(b!.subarray(from, to), from);
    await assert.rejects(decodeFrame(reseal(mixed), { sealing }), CorruptError, `${from} to ${to}`);
  }
  const other = { encryption: sealing.encryption, place: { ...PLACE, thread: "t2" } };
  const c = await encodeFrame(TEXT, { kind: "checkpoint", compression: "none", sealing: other });
  const mixed = new Uint8Array(a!);
  mixed.set(c.subarray(KEY_ID_LENGTH_AT, c.length - TEXT.length - 16), KEY_ID_LENGTH_AT);
  await assert.rejects(decodeFrame(reseal(mixed), { sealing }), CorruptError, "another's data key");
});

Deno.test("The same payload is never the same bytes, and shows through none of them", async () => {
  const sealing = { encryption: encryptionOf(), place: PLACE };
  const payload = new Uint8Array(4_096);
  const seen = new Set<string>();
  for (let count = 0; count < 20; count++) {
    const bytes = await encodeFrame(payload, { kind: "chunk", compression: "none", sealing });
    const text = Buffer.from(bytes.subarray(BODY_AT)).toString("latin1");
    assert(!text.includes("\0\0\0\0\0\0\0\0"));
    seen.add(Buffer.from(bytes.subarray(SALT_AT, SALT_AT + 28)).toString("hex"));
  }
  assert.equal(seen.size, 20, "salts and nonces are random");
});

Deno.test("With a key set plaintext is refused, with the way out; without one an encrypted frame is", async () => {
  const plain = await encodeFrame(TEXT, { kind: "writes" });
  const sealing = { encryption: encryptionOf(), place: PLACE };
  await assert.rejects(decodeFrame(plain, { sealing }), (error) => {
    assert(error instanceof CorruptError);
    assert.match(error.message, /not encrypted, though a key is set.*rewrap\(\)/);
    return true;
  });
  const sealed = await encodeFrame(TEXT, { kind: "writes", sealing });
  await assert.rejects(decodeFrame(sealed), (error) => {
    assert(error instanceof UnsupportedError);
    assert.match(error.message, /is encrypted: give the encryption option, as aesGcm\(\)/);
    return true;
  });
  const lenient = { encryption: encryptionOf({ acceptPlaintext: true }), place: PLACE };
  const read = await decodeFrame(plain, { sealing: lenient });
  assert.deepEqual([read.payload, read.encrypted], [TEXT, false]);
  assert.deepEqual((await decodeFrame(sealed, { sealing: lenient })).payload, TEXT);
});

Deno.test("The wrong key of the right id is refused as corrupt; an unknown id is named, with the way out", async () => {
  const sealing = { encryption: encryptionOf(), place: PLACE };
  const sealed = await encodeFrame(TEXT, { kind: "writes", sealing });
  const wrong = localKeys({ current: "1", keys: { "1": keyOf(9) } });
  const stranger = localKeys({ current: "2", keys: { "2": keyOf(2) } });
  const open = (keys: KeyProvider) =>
    decodeFrame(sealed, { sealing: { encryption: aesGcm({ keys }), place: PLACE } });
  await assert.rejects(open(wrong), (error) => {
    assert(error instanceof CorruptError);
    assert.match(error.message, /does not unwrap with the key "1"/);
    return true;
  });
  await assert.rejects(open(stranger), (error) => {
    assert(error instanceof AccessError);
    assert.match(error.message, /no key "1" among its keys \("2"\); add it to `keys`/);
    return true;
  });
});

Deno.test("A data key is unwrapped once for all who need it at once, and for all its objects", async () => {
  const writer = encryptionOf();
  const seal = (key: string) =>
    encodeFrame(TEXT, {
      kind: "chunk",
      sealing: { encryption: writer, place: { thread: "t", key } },
    });
  const names = Array.from({ length: 20 }, (_, at) => `k${at}`);
  const frames = await Promise.all(names.map(seal));
  const { keys, asked } = counted(keysUpTo(1));
  const encryption = aesGcm({ keys });
  await Promise.all(
    frames.map((frame, at) =>
      decodeFrame(frame, { sealing: { encryption, place: { thread: "t", key: names[at]! } } })
    ),
  );
  assert.deepEqual(asked, { generate: 0, wrap: 0, unwrap: 1 });
  await encodeFrame(TEXT, { kind: "chunk", sealing: { encryption, place: PLACE } });
  assert.deepEqual(asked, { generate: 0, wrap: 0, unwrap: 1 }, "it goes on with that data key");
});

/** The data key that a frame names. */
function dataKeyOf(frame: Uint8Array): string {
  const view = new DataView(frame.buffer, frame.byteOffset);
  const end = BODY_AT + 2 + view.getUint16(BODY_AT);
  return Buffer.from(frame.subarray(KEY_ID_LENGTH_AT, end)).toString("hex");
}

/** An encryption whose clock stands still until it is moved. */
function atTime(options: Parameters<typeof encryptionOf>[0] = {}) {
  const { keys, asked } = counted(options.keys ?? keysUpTo(1));
  const clock = { now: 1_000_000 };
  const encryption = aesGcm({ ...options, keys }, { now: () => clock.now });
  const seal = (place = PLACE) =>
    encodeFrame(TEXT, { kind: "checkpoint", sealing: { encryption, place } });
  const open = (frame: Uint8Array, place = PLACE) =>
    decodeFrame(frame, { sealing: { encryption, place } });
  return { asked, clock, encryption, seal, open };
}

Deno.test("A data key is retired after so many objects, counted one by one, and what it sealed stays readable", async () => {
  const { asked, seal, open } = atTime({ maxObjects: 3 });
  const frames = [];
  for (let count = 0; count < 4; count++) frames.push(await seal());
  frames.push(...await Promise.all([seal(), seal(), seal()]));
  const used = frames.map(dataKeyOf);
  assert.deepEqual([...new Set(used)].map((key) => used.filter((other) => other === key).length), [
    3,
    3,
    1,
  ]);
  assert.equal(asked.generate, 3);
  for (const frame of frames) assert.deepEqual((await open(frame)).payload, TEXT);
});

Deno.test("A data key is retired by its age, whichever process made it", async () => {
  const first = atTime(), second = atTime();
  const frame = await first.seal();
  second.clock.now += 23 * HOUR;
  await second.open(frame);
  assert.equal(dataKeyOf(await second.seal()), dataKeyOf(frame), "it goes on with the same");
  second.clock.now += HOUR;
  const later = await second.seal();
  assert.notEqual(dataKeyOf(later), dataKeyOf(frame));
  first.clock.now += 30 * HOUR;
  await first.open(later);
  await first.open(frame);
  assert.equal(dataKeyOf(await first.seal()), dataKeyOf(later), "the newest counts");
});

Deno.test("A thread goes on with its newest data key, and never with another thread's", async () => {
  const { seal, clock, asked } = atTime();
  const a = await seal();
  const b = await seal({ thread: "u", key: "u" });
  assert.notEqual(dataKeyOf(a), dataKeyOf(b));
  const other = atTime();
  other.clock.now = clock.now + 5;
  const newer = await other.seal();
  await other.open(a);
  assert.equal(dataKeyOf(await other.seal()), dataKeyOf(newer), "an older one is only read with");
  assert.deepEqual(asked, { generate: 2, wrap: 0, unwrap: 0 });
});

Deno.test("What was wrapped under a former key is read, and not gone on with", async () => {
  const frame = await atTime().seal();
  const { asked, seal, open } = atTime({ keys: keysUpTo(2) });
  assert.deepEqual((await open(frame)).payload, TEXT);
  assert.equal((await seal())[KEY_ID_AT], "2".charCodeAt(0));
  assert.deepEqual(asked, { generate: 1, wrap: 0, unwrap: 1 });
});

Deno.test("A data key is asked for again when it was held for long enough", async () => {
  const frame = await atTime().seal();
  const { asked, open, clock } = atTime({ cacheAge: HOUR });
  for (let count = 0; count < 3; count++) {
    await open(frame);
    await open(frame);
    clock.now += HOUR;
  }
  assert.equal(asked.unwrap, 3);
});

Deno.test("No more data keys are held than cachedKeys", async () => {
  const places = Array.from({ length: 5 }, (_, at) => ({ thread: `t${at}`, key: `k${at}` }));
  const writer = atTime();
  const frames = await Promise.all(places.map(writer.seal));
  const { asked, open } = atTime({ cachedKeys: 2 });
  for (let at = 0; at < 5; at++) await open(frames[at]!, places[at]);
  for (const at of [3, 4]) await open(frames[at]!, places[at]);
  assert.equal(asked.unwrap, 5);
  await open(frames[0]!, places[0]);
  assert.equal(asked.unwrap, 6);
});

Deno.test("A provider that fails is asked again, and what it lacks is never an object that is not there", async () => {
  const frame = await atTime().seal();
  const good = keysUpTo(1);
  const failures: unknown[] = [
    new Error("no network"),
    new NotFoundError("no such key in the KMS"),
  ];
  const keys: KeyProvider = {
    ...good,
    unwrap: (wrapped, context) => {
      const failure = failures.shift();
      return failure === undefined ? good.unwrap(wrapped, context) : Promise.reject(failure);
    },
  };
  const { open } = atTime({ keys });
  for (const said of [/the key provider failed$/, /failed: no such key in the KMS/]) {
    await assert.rejects(open(frame), (error) => {
      assert(error instanceof AccessError);
      assert.match(error.message, said);
      assert(error.cause instanceof Error);
      return true;
    });
  }
  assert.deepEqual((await open(frame)).payload, TEXT);
});

Deno.test("A provider's data keys and names are checked before anything is sealed", async () => {
  const good = keysUpTo(1);
  const key = () => new Uint8Array(32);
  const wrapped = new Uint8Array(60);
  for (
    const [made, said] of [
      [{ id: "1", wrapped, key: new Uint8Array(31) }, /data key of 31 bytes.*must give 32/],
      [{ id: "1", wrapped, key: "k" }, /data key of 0 bytes/],
      [{ id: "1", wrapped: new Uint8Array(4097), key: key() }, /of 4097 bytes.*4096/],
      [{ id: "1", wrapped: new Uint8Array(0), key: key() }, /of 0 bytes/],
      [{ id: "é".repeat(128), wrapped, key: key() }, /1 to 255 bytes/],
      [{ id: "", wrapped, key: key() }, /1 to 255 bytes/],
    ] as const
  ) {
    const keys = { ...good, generate: () => Promise.resolve(made) } as unknown as KeyProvider;
    await assert.rejects(atTime({ keys }).seal(), (error) => {
      assert(error instanceof InvalidInputError);
      assert.match(error.message, said);
      return true;
    });
  }
  const longest = { id: "é".repeat(127) + "x", wrapped: new Uint8Array(4096) };
  const keys: KeyProvider = {
    ...good,
    current: longest.id,
    generate: () => Promise.resolve({ ...longest, key: keyOf(3) }),
    unwrap: () => Promise.resolve(keyOf(3)),
  };
  const frame = await atTime({ keys }).seal();
  assert.deepEqual((await atTime({ keys }).open(frame)).payload, TEXT);
});

Deno.test("A data key's bytes are overwritten once they were taken", async () => {
  const good = keysUpTo(1);
  const given: Uint8Array[] = [];
  const keys: KeyProvider = {
    ...good,
    async generate(context) {
      const made = await good.generate(context);
      given.push(made.key);
      return made;
    },
    async unwrap(wrapped, context) {
      const key = await good.unwrap(wrapped, context);
      given.push(key);
      return key;
    },
  };
  await atTime({ keys }).open(await atTime({ keys }).seal());
  assert.deepEqual(given, [new Uint8Array(32), new Uint8Array(32)]);
});

Deno.test("The names of chunks are the same for whoever goes on with a thread, and tell nobody else anything", async () => {
  const first = atTime(), second = atTime(), stranger = atTime();
  const chunk = new Uint8Array(100);
  const frame = await first.seal();
  await second.open(frame);
  const name = await first.encryption.nameOf("t", chunk);
  assert.match(name, /^[0-9a-f]{64}$/);
  assert.equal(await second.encryption.nameOf("t", chunk), name);
  assert.notEqual(await stranger.encryption.nameOf("t", chunk), name);
  assert.notEqual(await first.encryption.nameOf("u", chunk), name);
  assert.notEqual(await first.encryption.nameOf("t", new Uint8Array(101)), name);
});

Deno.test("aesGcm() refuses limits that are none, and a provider that is none", () => {
  const keys = keysUpTo(1);
  for (
    const wrong of [
      { maxObjects: 0 },
      { maxObjects: 2 ** 32 + 1 },
      { maxObjects: 1.5 },
      { maxAge: 0 },
      { cachedKeys: 0 },
      { cacheAge: -1 },
    ]
  ) {
    assert.throws(() => aesGcm({ keys, ...wrong }), InvalidInputError);
  }
  assert.throws(() => aesGcm({ keys: keyOf(1) as unknown as KeyProvider }), InvalidInputError);
  aesGcm({ keys, maxObjects: 2 ** 32 });
});

Deno.test("An encryption header of a newer release, or of no release, is told apart", async () => {
  const { seal, open } = atTime();
  const frame = await seal();
  const withByte = (at: number, value: number) => {
    const altered = new Uint8Array(frame);
    altered[at] = value;
    return reseal(altered);
  };
  await assert.rejects(open(withByte(BOUND_AT, 2)), UnsupportedError);
  for (
    const [at, value] of [[BOUND_AT, 0], [BODY_AT, 255], [KEY_ID_LENGTH_AT, 0], [KEY_ID_AT, 0xff]]
  ) {
    await assert.rejects(open(withByte(at!, value!)), CorruptError, `${value} at ${at}`);
  }
});

function isRefusal(error: unknown): boolean {
  return error instanceof CairnError && /^(corrupt|unsupported|access)$/.test(error.kind);
}

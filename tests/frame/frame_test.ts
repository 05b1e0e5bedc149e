import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  CorruptError,
  decodeFrame,
  encodeFrame,
  type FrameKind,
  InvalidInputError,
  MAX_FRAME_PLAINTEXT,
  UnsupportedError,
} from "@cairn/checkpoint";
import { forge, reseal } from "./_seal.ts";

const CHOICES = ["none", "gzip", "deflate-raw", "zstd", "brotli", "auto"] as const;
const KINDS = ["checkpoint", "writes", "chunk"] as const;
const TEXT = new TextEncoder().encode("stone upon stone ".repeat(4));

const payloads = fc.oneof(
  fc.uint8Array({ maxLength: 600 }),
  fc.uint8Array({ minLength: 30_000, maxLength: 40_000, size: "max" }),
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 10_000 }))
    .map(([piece, times]) =>
      new Uint8Array(piece.length * times).map((_, index) => piece[index % piece.length]!)
    ),
);

Deno.test("decodeFrame() gives back what encodeFrame() took, by any algorithm and of any size", async () => {
  await fc.assert(
    fc.asyncProperty(
      payloads,
      fc.constantFrom(...CHOICES),
      fc.constantFrom(...KINDS),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      async (payload, compression, kind, nonce) => {
        const bytes = await encodeFrame(payload, { kind, compression, nonce });
        assert(bytes.length <= payload.length + 48);
        const frame = await decodeFrame(bytes, { kind });
        assert.deepEqual(frame.payload, payload);
        assert.deepEqual(frame.nonce, nonce);
        assert.equal(frame.kind, kind);
        assert(frame.compression === "none" || bytes.length < payload.length + 48);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("decodeFrame() reads a frame that is a view into a larger buffer", async () => {
  const bytes = await encodeFrame(TEXT, { kind: "writes", compression: "none" });
  const buffer = new Uint8Array(bytes.length + 20).fill(0xff);
  buffer.set(bytes, 7);
  const frame = await decodeFrame(buffer.subarray(7, 7 + bytes.length));
  assert.deepEqual(frame.payload, TEXT);
});

Deno.test("decodeFrame() gives a plain Uint8Array from a Buffer too", async () => {
  for (const compression of CHOICES) {
    const bytes = Buffer.from(await encodeFrame(TEXT, { kind: "writes", compression }));
    assert.deepEqual((await decodeFrame(bytes)).payload, TEXT);
  }
});

for (const compression of ["none", "gzip", "deflate-raw", "zstd", "brotli"] as const) {
  Deno.test(`decodeFrame() refuses every flipped bit of a ${compression} frame`, async () => {
    const frame = await encodeFrame(TEXT, { kind: "checkpoint", compression });
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const altered = new Uint8Array(frame);
      altered[bit >>> 3]! ^= 1 << (bit & 7);
      await assert.rejects(decodeFrame(altered), isRefusal, `bit ${bit}`);
    }
  });

  Deno.test(`decodeFrame() refuses a ${compression} frame cut short anywhere, or with more at its end`, async () => {
    const frame = await encodeFrame(TEXT, { kind: "checkpoint", compression });
    for (let length = 0; length < frame.length; length++) {
      await assert.rejects(decodeFrame(frame.subarray(0, length)), CorruptError, `${length} bytes`);
    }
    const longer = new Uint8Array(frame.length + 1);
    longer.set(frame);
    await assert.rejects(decodeFrame(longer), CorruptError);
  });

  Deno.test(`decodeFrame() gives the plaintext or refuses where a ${compression} payload is altered and sealed again`, async () => {
    const frame = await encodeFrame(TEXT, { kind: "checkpoint", compression });
    for (let bit = 48 * 8; bit < frame.length * 8; bit++) {
      const altered = new Uint8Array(frame);
      altered[bit >>> 3]! ^= 1 << (bit & 7);
      // A forger with the checksum right can write any text, yet none of another length.
      const outcome = await decodeFrame(reseal(altered)).catch((error) => error);
      if (outcome instanceof Error) assert(outcome instanceof CorruptError, outcome);
      else assert.equal(outcome.payload.length, TEXT.length);
    }
  });
}

Deno.test("decodeFrame() refuses random bytes, with and without a frame's beginning", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, begin) => {
      if (begin) bytes.set([0x89, 0x43, 0x52, 0x4e, 1].slice(0, bytes.length));
      await assert.rejects(decodeFrame(bytes), isRefusal);
    }),
  );
});

Deno.test("decodeFrame() gives the text or refuses, whatever a hostile header says", async () => {
  const byte = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 255 }));
  const header = fc.record({
    version: fc.oneof(fc.constant(1), byte),
    kind: byte,
    compression: byte,
    encryption: fc.oneof(fc.constant(0), byte),
    length: fc.oneof(
      fc.constant(BigInt(TEXT.length)),
      fc.bigInt({ min: 0n, max: 100n }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    ),
  });
  await fc.assert(
    fc.asyncProperty(header, async (fields) => {
      const outcome = await decodeFrame(forge({ ...fields, packed: TEXT })).catch((error) => error);
      if (outcome instanceof Error) assert(isRefusal(outcome), outcome);
      else assert.deepEqual(outcome.payload, TEXT);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("decodeFrame() asks for an upgrade where a newer release wrote", async () => {
  const packed = TEXT, length = TEXT.length;
  for (
    const [fields, named] of [
      [{ version: 2 }, /frame version 2.*upgrade/],
      [{ version: 255 }, /frame version 255.*upgrade/],
      [{ compression: 5 }, /compression 5.*upgrade/],
      [{ kind: 4 }, /frame kind 4.*upgrade/],
      [{ kind: 0 }, /frame kind 0.*upgrade/],
      [{ encryption: 2 }, /encryption 2.*upgrade/],
    ] as const
  ) {
    await assert.rejects(decodeFrame(forge({ ...fields, length, packed })), (error) => {
      assert(error instanceof UnsupportedError);
      assert.match(error.message, named);
      return true;
    });
  }
  const short = new Uint8Array([0x89, 0x43, 0x52, 0x4e, 2]);
  await assert.rejects(decodeFrame(short), UnsupportedError);
});

Deno.test("decodeFrame() refuses another kind than the one expected, and names both", async () => {
  const bytes = await encodeFrame(TEXT, { kind: "writes" });
  await assert.rejects(decodeFrame(bytes, { kind: "chunk" }), (error) => {
    assert(error instanceof CorruptError);
    assert.match(error.message, /holds a writes .* a chunk is expected/);
    return true;
  });
});

Deno.test("decodeFrame() refuses a claim of 5 GiB in a 100-byte object, and names the limit", async () => {
  for (const compression of [0, 1, 2, 3, 4]) {
    const frame = forge({ compression, length: 5n * 2n ** 30n, packed: new Uint8Array(52) });
    assert.equal(frame.length, 100);
    await assert.rejects(decodeFrame(frame), (error) => {
      assert(error instanceof CorruptError);
      assert.match(error.message, /claims 5368709120 bytes: the limit is 1073741824/);
      return true;
    });
  }
});

Deno.test("decodeFrame() refuses a claim that the payload cannot give, within the limit too", async () => {
  for (const compression of [0, 1, 2, 3]) {
    const frame = forge({ compression, length: 2 ** 29, packed: new Uint8Array(52) });
    await assert.rejects(decodeFrame(frame), (error) => {
      assert(error instanceof CorruptError);
      assert.match(error.message, /claims 536870912 bytes .* 52 bytes of payload/);
      return true;
    });
  }
});

Deno.test("decodeFrame() holds the limit it is given", async () => {
  const bytes = await encodeFrame(TEXT, { kind: "chunk" });
  const frame = await decodeFrame(bytes, { limit: TEXT.length });
  assert.equal(frame.payload.length, TEXT.length);
  await assert.rejects(decodeFrame(bytes, { limit: TEXT.length - 1 }), CorruptError);
});

Deno.test("encodeFrame() marks each record with a nonce of its own, and the same chunk with the same", async () => {
  for (const kind of ["checkpoint", "writes"] as const) {
    const [a, b] = await Promise.all([encodeFrame(TEXT, { kind }), encodeFrame(TEXT, { kind })]);
    assert.notDeepEqual((await decodeFrame(a)).nonce, (await decodeFrame(b)).nonce);
  }
  const chunk = await encodeFrame(TEXT, { kind: "chunk" });
  assert.deepEqual(await encodeFrame(TEXT, { kind: "chunk" }), chunk);
  assert.deepEqual((await decodeFrame(chunk)).nonce, new Uint8Array(16));
});

Deno.test("encodeFrame() refuses what no reader could read, and says what it was given", async () => {
  const cases: [Parameters<typeof encodeFrame>[1], RegExp][] = [
    [{ kind: "chunk", nonce: new Uint8Array(15) }, /nonce.length: current value is 15;/],
    [{ kind: "thread" as FrameKind }, /kind: current value is "thread"/],
    [{ kind: undefined as unknown as FrameKind }, /kind: current value is undefined/],
    [{ kind: "chunk", compression: "lzma" as "gzip" }, /compression: current value is "lzma"/],
  ];
  for (const [options, named] of cases) {
    await assert.rejects(encodeFrame(TEXT, options), (error) => {
      assert(error instanceof InvalidInputError);
      assert.match(error.message, named);
      return true;
    });
  }
});

Deno.test("encodeFrame() refuses a payload above the limit of every reader", async () => {
  // Its length is all that is looked at; a real one would take the memory of two.
  const huge = Object.defineProperty(new Uint8Array(0), "length", {
    value: MAX_FRAME_PLAINTEXT + 1,
  });
  await assert.rejects(encodeFrame(huge, { kind: "chunk" }), (error) => {
    assert(error instanceof InvalidInputError);
    assert.match(error.message, /1073741825 bytes .* limit is 1073741824/);
    return true;
  });
});

function isRefusal(error: unknown): boolean {
  return error instanceof CorruptError || error instanceof UnsupportedError;
}

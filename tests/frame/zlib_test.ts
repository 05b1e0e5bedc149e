import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import zlib from "node:zlib";
import fc from "fast-check";
import { CorruptError, decodeFrame, encodeFrame } from "@cairn/checkpoint";
import { forge } from "./_seal.ts";
import { withoutBuiltins } from "./_without_builtins.ts";

const MIB = 2 ** 20;
const NAMES = ["gzip", "deflate-raw"] as const;
const ID = { "gzip": 1, "deflate-raw": 2 };
const PACK = { "gzip": zlib.gzipSync, "deflate-raw": zlib.deflateRawSync };

/** The ways of a runtime: its streams alone, or node:zlib. */
const WAYS = [["streams", withoutBuiltins], [
  "node:zlib",
  (run: () => Promise<unknown>) => run(),
]] as [
  string,
  <T>(run: () => Promise<T>) => Promise<T>,
][];

const payloads = fc.tuple(
  fc.uint8Array({ minLength: 1, maxLength: 40 }),
  fc.oneof(
    fc.integer({ min: 1, max: 2_000 }),
    fc.integer({ min: 32_767, max: 32_769 }),
    fc.integer({ min: 200_000, max: 600_000 }),
  ),
).map(([piece, length]) => {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = piece[at % piece.length]! ^ (at >>> 9);
  return bytes;
});

Deno.test("node:zlib and streams read what either has packed, to the same bytes", async () => {
  await fc.assert(
    fc.asyncProperty(payloads, fc.constantFrom(...NAMES), async (payload, compression) => {
      for (const [, write] of WAYS) {
        const bytes = await write(() => encodeFrame(payload, { kind: "chunk", compression }));
        for (const [, read] of WAYS) {
          const frame = await read(() => decodeFrame(bytes));
          assert.equal(Buffer.compare(frame.payload, payload), 0);
        }
      }
    }),
    { numRuns: 60, endOnFailure: true },
  );
});

for (const [way, run] of WAYS) {
  for (const compression of NAMES) {
    const packedOf = (bytes: Uint8Array) => new Uint8Array(PACK[compression](bytes));

    Deno.test(`decodeFrame() by ${way} refuses bytes behind a ${compression} payload`, async () => {
      for (const length of [1_000, 100_000]) {
        const plain = new Uint8Array(length).map((_, at) => at % 251);
        for (const more of [[0], [1, 2, 3], [...packedOf(plain)]]) {
          const packed = new Uint8Array([...packedOf(plain), ...more]);
          const frame = forge({ compression: ID[compression], length, packed });
          await assert.rejects(run(() => decodeFrame(frame)), CorruptError);
        }
      }
    });

    Deno.test(`decodeFrame() by ${way} stops a ${compression} bomb, whatever length it claims`, async () => {
      const packed = packedOf(new Uint8Array(400 * MIB));
      for (const length of [1_000, MIB]) {
        const frame = forge({ compression: ID[compression], length, packed });
        const before = Deno.memoryUsage().rss;
        await assert.rejects(run(() => decodeFrame(frame)), CorruptError);
        const grown = Deno.memoryUsage().rss - before;
        assert(grown < 100 * MIB, `memory grew by ${grown} bytes`);
      }
    });

    Deno.test(`decodeFrame() by ${way} gives a ${compression} payload no more memory than its own`, async () => {
      for (const length of [500, 5_000, 50_000, 500_000]) {
        const payload = new Uint8Array(length).map((_, at) => at % 251);
        const bytes = await run(() => encodeFrame(payload, { kind: "chunk", compression }));
        const frame = await run(() => decodeFrame(bytes));
        assert.equal(frame.compression, compression);
        assert.equal(frame.payload.buffer.byteLength, length);
      }
    });
  }
}

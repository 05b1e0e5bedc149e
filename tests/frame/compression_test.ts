import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import zlib from "node:zlib";
import {
  type Algorithm,
  CorruptError,
  decodeFrame,
  encodeFrame,
  InvalidInputError,
  registerDecoder,
  registerEncoder,
  supportedCompressions,
  UnsupportedError,
} from "@cairn/checkpoint";
import { forge } from "./_seal.ts";
import { withoutBuiltins } from "./_without_builtins.ts";

const MIB = 2 ** 20;
const TEXT = new TextEncoder().encode(
  Array.from({ length: 4_000 }, (_, step) => `step ${step}: stone ${step * step} upon stone\n`)
    .join(""),
);
type Transform = (bytes: Uint8Array) => Uint8Array;
const PACK: readonly [name: string, id: number, pack: Transform, unpack: Transform][] = [
  ["gzip", 1, (bytes) => zlib.gzipSync(bytes), (bytes) => zlib.gunzipSync(bytes)],
  ["deflate-raw", 2, (bytes) => zlib.deflateRawSync(bytes), (bytes) => zlib.inflateRawSync(bytes)],
  ["zstd", 3, (bytes) => zlib.zstdCompressSync(bytes), (bytes) => zlib.zstdDecompressSync(bytes)],
  [
    "brotli",
    4,
    (bytes) =>
      zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }),
    (bytes) => zlib.brotliDecompressSync(bytes),
  ],
];

Deno.test("supportedCompressions() lists all algorithms where the runtime has node:zlib", () => {
  const all = ["none", "gzip", "deflate-raw", "zstd", "brotli"];
  assert.deepEqual(supportedCompressions(), { read: all, write: all });
});

for (const [name, id, pack, unpack] of PACK) {
  Deno.test(`decodeFrame() reads ${name} that another library packed`, async () => {
    const frame = await decodeFrame(
      forge({ compression: id, length: TEXT.length, packed: pack(TEXT) }),
    );
    assert.equal(frame.compression, name);
    assert.deepEqual(frame.payload, TEXT);
  });

  Deno.test(`encodeFrame() packs by ${name} what another library reads, at the edges of its pieces and above`, async () => {
    const long = new Uint8Array(5 * MIB).map((_, index) => TEXT[index % TEXT.length]!);
    const choice = name as "gzip" | "deflate-raw" | "zstd" | "brotli";
    for (const length of [300, 16_383, 16_384, 16_385, 65_536, long.length]) {
      const payload = long.subarray(0, length);
      const bytes = await encodeFrame(payload, { kind: "chunk", compression: choice });
      assert.equal(bytes[6], id);
      assert.deepEqual(new Uint8Array(unpack(bytes.subarray(48))), payload);
      assert.deepEqual((await decodeFrame(bytes)).payload, payload);
    }
  });

  Deno.test(`decodeFrame() refuses ${name} that gives one byte more or less than recorded`, async () => {
    for (const length of [TEXT.length - 1, TEXT.length + 1]) {
      const frame = forge({ compression: id, length, packed: pack(TEXT) });
      await assert.rejects(decodeFrame(frame), CorruptError);
    }
  });

  Deno.test(`decodeFrame() keeps the decompressor's own error as the cause where ${name} makes no sense`, async () => {
    const packed = new Uint8Array(500).fill(0xa5);
    const frame = forge({ compression: id, length: 1_000, packed });
    await assert.rejects(decodeFrame(frame), (error) => {
      assert(error instanceof CorruptError);
      assert(error.cause instanceof Error);
      assert.match(error.message, new RegExp(`${name} cannot unpack from its 500 bytes`));
      return true;
    });
  });

  Deno.test(`decodeFrame() refuses a ${name} payload that stops in the middle`, async () => {
    const packed = pack(TEXT);
    for (const part of [0, 1, packed.length >>> 1, packed.length - 10]) {
      const frame = forge({
        compression: id,
        length: TEXT.length,
        packed: packed.subarray(0, part),
      });
      await assert.rejects(decodeFrame(frame), CorruptError, `${part} of ${packed.length}`);
    }
  });

  Deno.test(`decodeFrame() stops a ${name} bomb long before it is unpacked`, async () => {
    const bomb = pack(new Uint8Array(400 * MIB));
    const frame = forge({ compression: id, length: 1_000, packed: bomb });
    const before = Deno.memoryUsage().rss;
    await assert.rejects(decodeFrame(frame), (error) => {
      assert(error instanceof CorruptError);
      assert(error.cause instanceof Error);
      return true;
    });
    const grown = Deno.memoryUsage().rss - before;
    assert(grown < 100 * MIB, `memory grew by ${grown} bytes`);
  });
}

Deno.test("decodeFrame() reads the same from a payload that was packed in pieces of any size", async () => {
  for (const size of [100, 4_096, 65_536, TEXT.length]) {
    const stream = new CompressionStream("gzip");
    const writer = stream.writable.getWriter();
    const fed = (async () => {
      for (let offset = 0; offset < TEXT.length; offset += size) {
        await writer.write(TEXT.subarray(offset, offset + size));
      }
      await writer.close();
    })();
    const packed = new Uint8Array(await new Response(stream.readable).arrayBuffer());
    await fed;
    const frame = await decodeFrame(
      forge({ compression: 1, length: TEXT.length, packed }),
    );
    assert.deepEqual(frame.payload, TEXT);
  }
});

Deno.test("encodeFrame() stores what does not shrink as it is, whatever is asked for", async () => {
  for (const compression of ["gzip", "deflate-raw", "zstd", "brotli", "auto"] as const) {
    for (const length of [0, 1, 5, 5_000, 200_000]) {
      const payload = new Uint8Array(randomBytes(length));
      const bytes = await encodeFrame(payload, { kind: "chunk", compression });
      assert.equal(bytes.length, 48 + length);
      assert.equal((await decodeFrame(bytes)).compression, "none");
    }
  }
});

Deno.test('"auto" takes gzip for what is worth it, and is the same in every runtime', async () => {
  const random = new Uint8Array(randomBytes(300_000));
  const lateText = new Uint8Array(random);
  lateText.set(TEXT.subarray(0, 100_000), 200_000);
  const cases: [string, Uint8Array, string][] = [
    ["a small text", TEXT.subarray(0, 199), "none"],
    ["a text", TEXT.subarray(0, 2_000), "gzip"],
    ["a long text", TEXT, "gzip"],
    ["noise", random, "none"],
    ["noise that ends in a text", lateText, "gzip"],
  ];
  for (const [what, payload, expected] of cases) {
    const bytes = await encodeFrame(payload, { kind: "chunk", compression: "auto" });
    assert.equal((await decodeFrame(bytes)).compression, expected, what);
  }
});

Deno.test("{ readers } takes zstd for what is large and gzip for what is small, where both are read", async () => {
  const random = new Uint8Array(randomBytes(300_000));
  const cases: [string, Uint8Array, readonly Algorithm[], string][] = [
    ["a small text", TEXT.subarray(0, 199), ["gzip", "zstd"], "none"],
    ["a text below 16 KiB", TEXT.subarray(0, 16_383), ["gzip", "zstd"], "gzip"],
    ["a text of 16 KiB", TEXT.subarray(0, 16_384), ["gzip", "zstd"], "zstd"],
    ["the same, named the other way round", TEXT.subarray(0, 16_384), ["zstd", "gzip"], "zstd"],
    ["a text for who reads no zstd", TEXT, ["gzip"], "gzip"],
    ["a small text for who reads zstd alone", TEXT.subarray(0, 999), ["zstd"], "zstd"],
    ["a text for who reads others", TEXT, ["deflate-raw", "brotli"], "deflate-raw"],
    ["noise", random, ["gzip", "zstd"], "none"],
  ];
  for (const [what, payload, readers, expected] of cases) {
    const bytes = await encodeFrame(payload, { kind: "chunk", compression: { readers } });
    const frame = await decodeFrame(bytes);
    assert.equal(frame.compression, expected, what);
    assert.deepEqual(frame.payload, payload);
  }
});

Deno.test("{ readers } takes what this runtime writes, and says so where that is nothing", async () => {
  const written = (readers: readonly Algorithm[]) =>
    withoutBuiltins(() => encodeFrame(TEXT, { kind: "chunk", compression: { readers } }));
  assert.equal((await decodeFrame(await written(["zstd", "gzip"]))).compression, "gzip");
  assert.equal(
    (await decodeFrame(await written(["brotli", "deflate-raw"]))).compression,
    "deflate-raw",
  );
  await assert.rejects(written(["zstd"]), UnsupportedError);
});

Deno.test("{ readers } takes gzip where the runtime's zstd fails, and an algorithm by its name fails", async () => {
  const unregister = registerEncoder("zstd", () => Promise.reject(new Error("no end")));
  try {
    const readers = ["gzip", "zstd"] as const;
    const bytes = await encodeFrame(TEXT, { kind: "chunk", compression: { readers } });
    assert.equal((await decodeFrame(bytes)).compression, "gzip");
    for (const compression of ["zstd", { readers: ["zstd"] }] as const) {
      await assert.rejects(encodeFrame(TEXT, { kind: "chunk", compression }), /no end/);
    }
  } finally {
    unregister();
  }
});

Deno.test("{ readers } is refused where it names nothing, or what no frame has", async () => {
  for (const readers of [[], ["lzma"], ["gzip", "auto"], ["gzip", undefined], "lzma", true]) {
    const compression = { readers: readers as Algorithm[] };
    await assert.rejects(encodeFrame(TEXT, { kind: "chunk", compression }), InvalidInputError);
  }
});

Deno.test("registerDecoder() puts a decoder before the runtime's own, until it is taken back", async () => {
  const bytes = await encodeFrame(TEXT, { kind: "chunk", compression: "zstd" });
  const limits: number[] = [];
  const unregister = registerDecoder("zstd", (packed, limit) => {
    limits.push(limit);
    return zlib.zstdDecompressSync(packed);
  });
  try {
    assert.deepEqual((await decodeFrame(bytes)).payload, TEXT);
  } finally {
    unregister();
  }
  assert.deepEqual((await decodeFrame(bytes)).payload, TEXT);
  assert.deepEqual(limits, [TEXT.length]);
});

Deno.test("registerDecoder() takes back only its own decoder", async () => {
  const bytes = await encodeFrame(TEXT, { kind: "chunk", compression: "brotli" });
  const first = registerDecoder("brotli", () => assert.fail("the later one stands"));
  const second = registerDecoder("brotli", () => new Uint8Array(TEXT));
  first();
  assert.deepEqual((await decodeFrame(bytes)).payload, TEXT);
  second();
});

Deno.test("a registered decoder that fails, or gives another length, is a damaged frame", async () => {
  const bytes = await encodeFrame(TEXT, { kind: "chunk", compression: "zstd" });
  const decoders = [
    () => Promise.reject(new Error("no such block")),
    () => new Uint8Array(TEXT.length - 1),
    () => new Uint8Array(TEXT.length + 1),
  ];
  for (const decode of decoders) {
    const unregister = registerDecoder("zstd", decode);
    try {
      await assert.rejects(decodeFrame(bytes), CorruptError);
    } finally {
      unregister();
    }
  }
});

Deno.test("registerEncoder() packs by one's own encoder, which readers without it can read", async () => {
  const unregister = registerEncoder("gzip", (bytes) => zlib.gzipSync(bytes, { level: 9 }));
  const bytes = await encodeFrame(TEXT, { kind: "chunk" }).finally(unregister);
  assert.deepEqual(bytes.subarray(48), new Uint8Array(zlib.gzipSync(TEXT, { level: 9 })));
  assert.deepEqual((await decodeFrame(bytes)).payload, TEXT);
});

Deno.test("registerDecoder() and registerEncoder() refuse what no frame can carry", () => {
  for (const register of [registerDecoder, registerEncoder]) {
    for (const name of ["none", "lzma"]) {
      assert.throws(
        () => register(name as "zstd", (bytes: Uint8Array) => bytes),
        (error) => error instanceof InvalidInputError && error.message.includes(`"${name}"`),
      );
    }
  }
});

Deno.test("a runtime that lacks an algorithm says which, where it is available, and how to register one", async () => {
  const bytes = await encodeFrame(TEXT, { kind: "chunk", compression: "zstd" });
  await withoutBuiltins(async () => {
    assert(!supportedCompressions().read.includes("zstd"));
    assert(supportedCompressions().read.includes("gzip"));
    await assert.rejects(decodeFrame(bytes), (error) => {
      assert(error instanceof UnsupportedError);
      assert.match(
        error.message,
        /Cannot read zstd.*Node 22\.15.*registerDecoder\("zstd", decode\)/,
      );
      return true;
    });
    await assert.rejects(encodeFrame(TEXT, { kind: "chunk", compression: "zstd" }), (error) => {
      assert(error instanceof UnsupportedError);
      assert.match(error.message, /Cannot write zstd.*registerEncoder\("zstd", encode\)/);
      return true;
    });
    const unregister = registerDecoder("zstd", (packed) => zlib.zstdDecompressSync(packed));
    assert.deepEqual((await decodeFrame(bytes)).payload, TEXT);
    unregister();
  });
  assert.deepEqual((await decodeFrame(bytes)).payload, TEXT);
});

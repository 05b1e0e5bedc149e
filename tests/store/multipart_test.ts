import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidInputError } from "../../src/errors.ts";
import { MAX_PARTS } from "../../src/store/limits.ts";
import { concat } from "../../src/store/body.ts";
import {
  cut,
  type MultipartUpload,
  partSizeFor,
  type UploadOptions,
  uploadStream,
} from "../../src/store/multipart.ts";

/** An upload into memory that records what happened to it. */
function recorder(part: MultipartUpload["part"] = () => Promise.resolve({ number: 0, etag: "" })) {
  const parts: Uint8Array[] = [];
  const sources = new Set<ArrayBufferLike>();
  const log: string[] = [];
  let open = 0;
  const record = {
    parts,
    sources,
    log,
    mostOpen: 0,
    whole: () => concat(parts),
    options: {
      partSize: 4,
      partsInFlight: 2,
      threshold: 6,
      putSingle(bytes) {
        log.push("single");
        parts.push(bytes);
        return Promise.resolve({ etag: "single" });
      },
      start() {
        log.push("start");
        return Promise.resolve<MultipartUpload>({
          async part(number, bytes, signal) {
            open++;
            record.mostOpen = Math.max(record.mostOpen, open);
            try {
              await part(number, bytes, signal);
            } finally {
              open--;
            }
            sources.add(bytes.buffer);
            parts[number - 1] = bytes.slice(); // its memory is the uploader's again
            return { number, etag: `e${number}` };
          },
          complete(refs) {
            log.push(`complete ${refs.map(({ number }) => number).join()}`);
            return Promise.resolve({ etag: "whole" });
          },
          abort() {
            log.push(`abort with ${open} open`);
            return Promise.resolve();
          },
        });
      },
    } satisfies UploadOptions as UploadOptions,
  };
  return record;
}

/** A stream of these pieces that tells whether it was cancelled; it may go on in silence. */
function source(pieces: Uint8Array[], after: "close" | "silence" | Error = "close") {
  const left = [...pieces];
  const state = { cancelled: undefined as unknown };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = left.shift();
      if (piece !== undefined) controller.enqueue(piece);
      else if (after === "close") controller.close();
      else if (after !== "silence") controller.error(after);
      else return new Promise<void>(() => {});
    },
    cancel: (reason) => void (state.cancelled = reason),
  }, { highWaterMark: 0 });
  return { stream, state };
}

const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => i);
const pieces = fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 12 });

Deno.test("uploadStream() gives the same bytes however a stream is cut", async () => {
  await fc.assert(fc.asyncProperty(pieces, async (cuts) => {
    const record = recorder();
    const { stream } = source(cuts.map((piece) => piece.slice()));
    await uploadStream(stream, record.options);
    const whole = concat([new Uint8Array(0), ...cuts]);
    assert.deepEqual(record.whole(), whole);
    assert.equal(record.log[0], whole.length <= 6 ? "single" : "start");
    if (whole.length > 6) {
      const lengths = record.parts.map(({ length }) => length);
      assert(lengths.slice(0, -1).every((length) => length === 4));
      assert(lengths.at(-1)! >= 1 && lengths.at(-1)! <= 4);
    }
  }));
});

Deno.test("uploadStream() gives the same parts of bytes as of a stream", async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (body) => {
    const [one, other] = [recorder(), recorder()];
    await uploadStream(body, one.options);
    await uploadStream(source([body]).stream, other.options);
    assert.deepEqual(one.parts, other.parts);
    assert.deepEqual(one.log, other.log);
  }));
});

Deno.test("uploadStream() cuts bytes without a copy", async () => {
  const record = recorder();
  const body = bytes(10);
  await uploadStream(body, record.options);
  assert.deepEqual([...record.sources], [body.buffer]);
});

/** Runs with a note of all memory that was moved to another owner. */
async function withMoves(run: (moved: Set<ArrayBufferLike>) => Promise<void>): Promise<void> {
  const moved = new Set<ArrayBufferLike>();
  const { structuredClone } = globalThis;
  globalThis.structuredClone = (value, options) => {
    const clone = structuredClone(value, options);
    moved.add((clone as Uint8Array).buffer);
    return clone;
  };
  try {
    await run(moved);
  } finally {
    globalThis.structuredClone = structuredClone;
  }
}

Deno.test("uploadStream() fills the same few buffers again, and never the source's own", async () => {
  await withMoves(async (moved) => {
    const small = recorder();
    const pieces = Array.from({ length: 100 }, (_, i) => new Uint8Array(3).fill(i));
    await uploadStream(source(pieces).stream, small.options);
    assert.deepEqual(small.whole(), concat(pieces));
    const made = small.sources.difference(moved).size;
    assert(made <= small.options.partsInFlight + 1, `${made} buffers`);
  });
  const large = recorder();
  const whole = Array.from({ length: 20 }, (_, i) => new Uint8Array(4).fill(i));
  const before = whole.map((piece) => piece.slice());
  await uploadStream(source(whole).stream, large.options);
  assert.deepEqual(large.whole(), concat(before));
  assert.deepEqual(whole, before);
});

Deno.test("uploadStream() takes a part's bytes from who still has them before it fills them again", async () => {
  const kept: Uint8Array[] = [];
  const record = recorder((_number, bytes) => {
    kept.push(bytes);
    // What an attempt that failed still held of the parts before.
    assert(kept.slice(0, -2).every(({ length }) => length === 0), `${kept.length} parts`);
    return Promise.resolve({ number: 0, etag: "" });
  });
  const pieces = Array.from({ length: 20 }, (_, i) => new Uint8Array(3).fill(i));
  await uploadStream(source(pieces).stream, record.options);
  assert.deepEqual(record.whole(), concat(pieces));
  assert(kept.length > 10);
});

Deno.test("uploadStream() holds no more parts at once than it may", async () => {
  const record = recorder(() => new Promise((resolve) => setTimeout(resolve, 1)) as never);
  let ahead = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const sent = record.parts.filter((part) => part !== undefined).length;
      ahead = Math.max(ahead, Math.floor(read / 4) - sent);
      controller.enqueue(bytes(1));
      if (++read === 100) controller.close();
    },
  }, { highWaterMark: 0 });
  let read = 0;
  await uploadStream(stream, record.options);
  assert.equal(record.mostOpen, 2);
  // A read beyond the threshold decides for parts; these bytes are read ahead of the first.
  assert(ahead <= 2, `${ahead} parts were read and not sent`);
});

Deno.test("uploadStream() aborts, cancels its source and waits where a part fails", async () => {
  const failure = new Error("part 2");
  const record = recorder((number, _, signal) =>
    number === 2 ? Promise.reject(failure) : new Promise((_, reject) => {
      signal.addEventListener("abort", () => setTimeout(() => reject(signal.reason), 5));
    })
  );
  const { stream, state } = source([bytes(8)], "silence");
  await assert.rejects(uploadStream(stream, record.options), (error) => error === failure);
  assert.equal(state.cancelled, failure);
  assert.deepEqual(record.log, ["start", "abort with 0 open"]);
});

Deno.test("uploadStream() aborts where its source fails", async () => {
  const failure = new Error("source");
  const record = recorder();
  const { stream } = source([bytes(9)], failure);
  await assert.rejects(uploadStream(stream, record.options), (error) => error === failure);
  assert.deepEqual(record.log, ["start", "abort with 0 open"]);
});

Deno.test("uploadStream() starts nothing where its source fails below the threshold", async () => {
  const record = recorder();
  const { stream } = source([bytes(3)], new Error("source"));
  await assert.rejects(uploadStream(stream, record.options), /source/);
  assert.deepEqual(record.log, []);
});

for (const length of [3, 9]) {
  Deno.test(`uploadStream() is cancelled while it waits after ${length} bytes`, async () => {
    const record = recorder();
    const control = new AbortController();
    const reason = new Error("no longer wanted");
    const { stream, state } = source([bytes(length)], "silence");
    const done = uploadStream(stream, { ...record.options, signal: control.signal });
    setTimeout(() => control.abort(reason), 5);
    await assert.rejects(done, (error) => error === reason);
    assert.equal(state.cancelled, reason);
    assert.deepEqual(record.log, length === 3 ? [] : ["start", "abort with 0 open"]);
  });
}

Deno.test("uploadStream() cancels its source where the upload cannot start", async () => {
  const record = recorder();
  const failure = new Error("start");
  const { stream, state } = source([bytes(9)], "silence");
  const options = { ...record.options, start: () => Promise.reject(failure) };
  await assert.rejects(uploadStream(stream, options), (error) => error === failure);
  assert.equal(state.cancelled, failure);
});

Deno.test("uploadStream() tells the first failure where the abort fails, too", async () => {
  const failure = new Error("complete");
  const record = recorder();
  const start = async () => ({
    ...await record.options.start(),
    complete: () => Promise.reject(failure),
    abort: () => Promise.reject(new Error("abort")),
  });
  await assert.rejects(
    uploadStream(bytes(9), { ...record.options, start }),
    (error) => error === failure,
  );
});

Deno.test("uploadStream() refuses a piece that is no bytes", async () => {
  const stream = new ReadableStream({
    start: (controller) => controller.enqueue("text"),
  });
  await assert.rejects(uploadStream(stream, recorder().options), InvalidInputError);
});

Deno.test("uploadStream() ends a stream of too many parts with the limit", async () => {
  const record = recorder();
  const { stream, state } = source([new Uint8Array(MAX_PARTS * 4 + 4)], "silence");
  await assert.rejects(uploadStream(stream, record.options), (error) => {
    assert(error instanceof InvalidInputError);
    assert.match(error.message, /40000 bytes.*10000 parts.*partSize is 4/);
    return true;
  });
  assert.notEqual(state.cancelled, undefined);
  assert.deepEqual(record.log, ["start", "abort with 0 open"]);
});

Deno.test("partSizeFor() grows by whole MiB where a length would need too many parts", () => {
  const MIB = 1024 * 1024;
  assert.equal(partSizeFor({ partSize: 8 * MIB }), 8 * MIB);
  assert.equal(partSizeFor({ partSize: 8 * MIB, length: 8 * MIB * MAX_PARTS }), 8 * MIB);
  const length = 5 * 1024 * 1024 * MIB;
  const grown = partSizeFor({ partSize: 8 * MIB, length });
  assert.equal(grown % MIB, 0);
  assert(grown * MAX_PARTS >= length && (grown - MIB) * MAX_PARTS < length);
});

Deno.test("cut() takes parts of a large piece without a copy", async () => {
  const piece = bytes(10);
  const parts: Uint8Array[] = [];
  for await (
    const part of cut(
      new ReadableStream({
        start(controller) {
          controller.enqueue(piece);
          controller.close();
        },
      }),
      4,
    )
  ) parts.push(part);
  assert.deepEqual(parts.map(({ length }) => length), [4, 4, 2]);
  assert(parts.slice(0, 2).every(({ buffer }) => buffer === piece.buffer));
});

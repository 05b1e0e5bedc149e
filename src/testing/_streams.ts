import { NotFoundError } from "../errors.ts";
import { streamOf } from "../store/body.ts";
import type { ObjectStore } from "../store/store.ts";
import { equal, equalBytes, rejects, rejectsWith } from "./_assert.ts";
import {
  type ConformanceCase,
  conformanceCase,
  listing,
  piecesUpTo,
  randomBytes,
  randomNumbers,
  read,
  utf8,
} from "./_case.ts";

const MIB = 1024 * 1024;

/** What a store must do with streams, also with those that end badly. */
export const streamCases: readonly ConformanceCase[] = [
  conformanceCase("keeps an empty stream", async (store, { prefix }) => {
    await store.put(`${prefix}none`, streamOf());
    await store.put(`${prefix}nothing`, streamOf(new Uint8Array(0), new Uint8Array(0)));
    for (const key of ["none", "nothing"]) {
      equal((await store.head(prefix + key)).size, 0, `size of ${key}`);
      equal((await read(store, prefix + key)).length, 0, `length of ${key}`);
    }
  }),

  conformanceCase("keeps a stream, however it is cut", async (store, { prefix }) => {
    const random = randomNumbers(8);
    for (const most of [1, 7, 1000, 100_000]) {
      const bytes = randomBytes(Math.min(most * 50, 300_000), most);
      const key = `${prefix}cut-${most}`;
      const { etag } = await store.put(key, streamOf(...piecesUpTo(bytes, most, random)));
      equalBytes(await read(store, key), bytes, `the object in pieces up to ${most}`);
      equal((await store.head(key)).etag, etag, "ETag of head");
    }
  }),

  conformanceCase("keeps a stream longer than a part", async (store, { prefix }) => {
    const key = `${prefix}long`;
    const bytes = randomBytes(11 * MIB + 12_345, 9);
    const { etag } = await store.put(
      key,
      streamOf(...piecesUpTo(bytes, 300_000, randomNumbers(10))),
    );
    equalBytes(await read(store, key), bytes, "the object");
    const info = (await listing(store, prefix)).objects[0];
    equal(info?.size, bytes.length, "size of list");
    equal(info?.etag, etag, "ETag of list");
    equal((await store.head(key)).etag, etag, "ETag of head");
    const range = { start: 8 * MIB - 10, end: 8 * MIB + 10 };
    equalBytes(await read(store, key, { range }), bytes.slice(range.start, range.end), "a range");
    await store.copy(key, `${prefix}copy`);
    equal((await store.head(`${prefix}copy`)).size, bytes.length, "size of a copy");
  }),

  conformanceCase("keeps bytes longer than a part", async (store, { prefix }) => {
    const key = `${prefix}long`;
    const bytes = randomBytes(9 * MIB, 11);
    const { etag } = await store.put(key, bytes);
    equalBytes(await read(store, key), bytes, "the object");
    equal((await store.head(key)).etag, etag, "ETag of head");
  }),

  conformanceCase("takes a stream of another store's object", async (store, { prefix }) => {
    const bytes = randomBytes(400_000, 12);
    await store.put(`${prefix}source`, bytes);
    const { body } = await store.get(`${prefix}source`);
    await store.put(`${prefix}target`, body);
    equalBytes(await read(store, `${prefix}target`), bytes, "the object");
  }),

  conformanceCase(
    "passes on the error of a stream and keeps nothing",
    async (store, { prefix }) => {
      // Before the first byte, early, and where a store of parts has sent one.
      for (const length of [0, 10_000, 9 * MIB]) {
        const failure = new Error("the source failed");
        const key = `${prefix}failed-${length}`;
        await rejectsWith(
          () => store.put(key, failing(length, failure)),
          failure,
          `after ${length}`,
        );
        await rejects(() => store.head(key), NotFoundError, `head after ${length}`);
      }
      equal((await listing(store, prefix)).keys, [], "keys after");
    },
  ),

  conformanceCase("keeps the old object where a stream fails", async (store, { prefix }) => {
    const key = `${prefix}kept`;
    const failure = { not: "even an Error" };
    const { etag } = await store.put(key, utf8("the old"));
    await rejectsWith(() => store.put(key, failing(70_000, failure)), failure, "put");
    equalBytes(await read(store, key), utf8("the old"), "the object");
    equal((await store.head(key)).etag, etag, "ETag after");
  }),

  conformanceCase("stops a put that is aborted", async (store, { prefix }) => {
    // One that waits for its first byte, one in the middle, one with parts on their way.
    for (const length of [0, 10_000, 9 * MIB]) await abortAfter(store, prefix, length);
    equal((await listing(store, prefix)).keys, [], "keys after");
  }),
];

async function abortAfter(store: ObjectStore, prefix: string, length: number): Promise<void> {
  const controller = new AbortController();
  const reason = new Error("no longer wanted");
  let onCancel: () => void;
  const cancelled = new Promise<void>((resolve) => onCancel = resolve);
  let left = length;
  const stream = new ReadableStream<Uint8Array>({
    pull(pulled) {
      if (left > 0) {
        const piece = new Uint8Array(Math.min(left, 64 * 1024));
        left -= piece.length;
        pulled.enqueue(piece);
        return;
      }
      setTimeout(() => controller.abort(reason), 1);
      // It never answers: only the abort ends it.
      return new Promise(() => {});
    },
    cancel: () => onCancel(),
  }, { highWaterMark: 0 });
  const key = `${prefix}aborted-${length}`;
  const { signal } = controller;
  await rejectsWith(() => store.put(key, stream, { signal }), reason, `put after ${length}`);
  await cancelled;
  await rejects(() => store.head(key), NotFoundError, `head after ${length}`);
}

/** A stream that gives so many bytes and then fails. */
function failing(length: number, failure: unknown): ReadableStream<Uint8Array> {
  let left = length;
  return new ReadableStream({
    pull(controller) {
      if (left === 0) throw failure;
      const piece = new Uint8Array(Math.min(left, 64 * 1024));
      left -= piece.length;
      controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
}

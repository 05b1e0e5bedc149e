import { InvalidInputError, PreconditionFailedError } from "../errors.ts";
import type { ByteRange } from "../store/store.ts";
import { equal, equalBytes, rejects } from "./_assert.ts";
import { type ConformanceCase, conformanceCase, randomBytes, read, utf8 } from "./_case.ts";

const SIZE = 100_000;
const WITHIN: [ByteRange, number, number][] = [
  [{ start: 0 }, 0, SIZE],
  [{ start: 0, end: 1 }, 0, 1],
  [{ start: 99_999 }, 99_999, SIZE],
  [{ start: 70_000, end: 70_001 }, 70_000, 70_001],
  [{ start: 10, end: 90_000 }, 10, 90_000],
  [{ start: 99_990, end: SIZE + 10 }, 99_990, SIZE],
  [{ suffix: 1 }, 99_999, SIZE],
  [{ suffix: 80_000 }, 20_000, SIZE],
  [{ suffix: SIZE + 1 }, 0, SIZE],
];
const IMPOSSIBLE: ByteRange[] = [
  { start: SIZE },
  { start: SIZE + 1, end: SIZE + 2 },
  { start: -1 },
  { start: 1.5 },
  { start: NaN },
  { start: 5, end: 5 },
  { start: 5, end: 4 },
  { suffix: 0 },
  { suffix: -1 },
];

/** What a store must do with ranges and with a condition on reading. */
export const rangeCases: readonly ConformanceCase[] = [
  conformanceCase("reads a range", async (store, { prefix }) => {
    const key = `${prefix}ranged`;
    const bytes = randomBytes(SIZE, 5);
    const { etag } = await store.put(key, bytes);
    for (const [range, start, end] of WITHIN) {
      const what = JSON.stringify(range);
      equalBytes(await read(store, key, { range }), bytes.subarray(start, end), what);
      const { info, body } = await store.get(key, { range });
      await body.cancel();
      equal(info.size, SIZE, `size of the whole object for ${what}`);
      equal(info.etag, etag, `ETag for ${what}`);
    }
  }),

  conformanceCase("refuses a range that cannot be", async (store, { prefix }) => {
    const key = `${prefix}ranged`;
    await store.put(key, randomBytes(SIZE, 6));
    for (const range of IMPOSSIBLE) {
      const what = JSON.stringify(range);
      await rejects(() => store.get(key, { range }), InvalidInputError, what);
    }
  }),

  conformanceCase("reads only the version that is asked for", async (store, { prefix }) => {
    const key = `${prefix}versioned`;
    const first = await store.put(key, utf8("the first"));
    equalBytes(await read(store, key, { ifMatch: first.etag }), utf8("the first"), "the first");
    const second = await store.put(key, utf8("the second"));
    await rejects(
      () => store.get(key, { ifMatch: first.etag }),
      PreconditionFailedError,
      "get of a version that is gone",
    );
    const range = { start: 4 };
    equalBytes(await read(store, key, { ifMatch: second.etag, range }), utf8("second"), "a range");
  }),
];

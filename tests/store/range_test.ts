import assert from "node:assert/strict";
import { CorruptError, InvalidInputError } from "../../src/errors.ts";
import { answeredRange, rangeHeader } from "../../src/store/_range.ts";

Deno.test("rangeHeader() has an inclusive end", () => {
  assert.equal(rangeHeader({ start: 2, end: 5 }), "bytes=2-4");
  assert.equal(rangeHeader({ start: 2 }), "bytes=2-");
  assert.equal(rangeHeader({ suffix: 3 }), "bytes=-3");
});

Deno.test("answeredRange() takes an answer that has the bytes asked for, and no other", () => {
  const of = (range: Parameters<typeof answeredRange>[0], said?: string) =>
    answeredRange(range, 10, new Headers(said ? { "content-range": said } : {}), "key");
  assert.deepEqual(of(undefined), { start: 0, end: 10 });
  assert.deepEqual(of({ start: 2, end: 5 }, "bytes 2-4/10"), { start: 2, end: 5 });
  assert.deepEqual(of({ start: 2, end: 50 }, "bytes 2-9/10"), { start: 2, end: 10 });
  assert.deepEqual(of({ suffix: 3 }, "bytes 7-9/10"), { start: 7, end: 10 });
  // A server that knows no ranges gives the whole object: where that is what was asked for, well.
  assert.deepEqual(of({ start: 0, end: 10 }), { start: 0, end: 10 });
  assert.throws(() => of({ start: 2, end: 5 }), CorruptError);
  assert.throws(() => of({ start: 2, end: 5 }, "bytes 2-5/10"), /the bytes 2 to 6, not 2 to 5/);
  assert.throws(() => of(undefined, "bytes 0-4/10"), CorruptError);
  assert.throws(() => of({ start: 10 }), InvalidInputError);
});

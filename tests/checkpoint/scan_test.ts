import assert from "node:assert/strict";
import fc from "fast-check";
import { deepEqual, matches } from "../../src/checkpoint/scan.ts";

Deno.test("deepEqual() finds a value equal to its copy, and to none that JSON writes otherwise", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
    const copy = structuredClone(a);
    assert.equal(deepEqual(a, copy), true);
    assert.equal(deepEqual(a, b), deepEqual(b, a));
    const canonical = (value: unknown): string =>
      JSON.stringify(
        value,
        (_, part) =>
          typeof part === "object" && part !== null && !Array.isArray(part)
            ? Object.entries(part).sort(([x], [y]) => (x < y ? -1 : 1))
            : Object.is(part, -0)
            ? "-0"
            : part,
      );
    if (canonical(a) !== canonical(b)) assert.equal(deepEqual(a, b), false);
  }));
});

Deno.test("deepEqual() tells apart what only looks alike", () => {
  const different = [
    [[], {}],
    [[1, 2], { 0: 1, 1: 2 }],
    [{ a: 1 }, { a: 1, b: undefined }],
    [{ a: undefined }, { b: undefined }],
    [null, {}],
    [null, undefined],
    [1, "1"],
    [{ a: 1 }, { a: { a: 1 } }],
    [{}, JSON.parse('{"__proto__": {}}')],
    [{ toString: 1 }, {}],
  ];
  for (const [a, b] of different) {
    assert.equal(deepEqual(a, b), false);
    assert.equal(deepEqual(b, a), false);
  }
  assert.equal(deepEqual({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 }), true);
});

Deno.test("matches() asks for each field of the filter, nested ones as a whole", () => {
  const metadata = { source: "loop", step: 1, tags: ["a"], nested: { a: 1, b: 2 }, none: null };
  const found = [undefined, {}, { step: 1 }, { step: 1, source: "loop" }, { tags: ["a"] }];
  for (
    const filter of [...found, { nested: { b: 2, a: 1 } }, { none: null }, { other: undefined }]
  ) {
    assert.equal(matches(metadata, filter), true, JSON.stringify(filter));
  }
  const missed = [{ step: 2 }, { step: "1" }, { tags: [] }, { nested: { a: 1 } }, { other: null }];
  for (const filter of [...missed, { none: undefined }, { step: 1, source: "input" }]) {
    assert.equal(matches(metadata, filter), false, JSON.stringify(filter));
  }
});

Deno.test("matches() sees own fields alone", () => {
  assert.equal(matches({}, { constructor: Object }), false);
  assert.equal(matches({}, JSON.parse('{"__proto__": {}}')), false);
  const hostile = JSON.parse('{"__proto__": {"a": 1}}');
  assert.equal(matches(hostile, hostile), true);
  assert.equal(matches(hostile, { a: 1 }), false);
});

Deno.test("matches() finds in metadata that is no object only what asks for nothing", () => {
  for (const metadata of [undefined, null, 1, "text"]) {
    assert.equal(matches(metadata, {}), true);
    assert.equal(matches(metadata, { length: 4 }), false);
  }
});

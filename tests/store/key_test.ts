import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { checkKey, InvalidInputError, MAX_KEY_BYTES } from "@cairn/checkpoint";
import { compareKeys, quote } from "../../src/store/key.ts";

const text = fc.string({ unit: "binary", maxLength: 30 });

Deno.test("compareKeys() orders as the bytes of UTF-8 do", () => {
  fc.assert(fc.property(text, text, (a, b) => {
    const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
    assert.equal(Math.sign(compareKeys(a, b)), expected);
  }));
});

Deno.test("compareKeys() orders astral letters after the last of the basic plane", () => {
  assert(compareKeys("\uffff", "\u{10000}") < 0);
  assert("\uffff" > "\u{10000}", "UTF-16 has it the other way");
  assert.equal(compareKeys("😀", "😀"), 0);
  assert(compareKeys("😀", "😀a") < 0);
});

Deno.test("checkKey() accepts keys of 1 and of 1,024 bytes, and refuses one more", () => {
  checkKey("k");
  checkKey("k".repeat(MAX_KEY_BYTES));
  checkKey("é".repeat(MAX_KEY_BYTES / 2));
  for (const key of ["k".repeat(1025), "é".repeat(512) + "k"]) {
    assert.throws(() => checkKey(key), (error) => {
      assert(error instanceof InvalidInputError);
      assert.match(error.message, /1025 bytes.*limit is 1024/);
      assert.equal(error.key, key);
      return true;
    });
  }
});

Deno.test("checkKey() accepts what is odd but safe", () => {
  for (const key of ["a b", "...", "a/.../b", ".hidden", "%2F", "+", "😀", "__proto__", "\ufeff"]) {
    checkKey(key);
  }
});

Deno.test("checkKey() refuses what could lead out of a bucket or a directory", () => {
  const hostile = ["", "/", "/a", "a/", "a//b", ".", "..", "../x", "a/..", "a/./b", "a\\b", "a\0b"];
  for (const key of [...hostile, "\n", "\x7f", "\ud800", "a\udc00"]) {
    assert.throws(() => checkKey(key), InvalidInputError, quote(key));
  }
  for (const value of [undefined, null, 7, {}, ["a"]]) {
    assert.throws(() => checkKey(value as unknown as string), InvalidInputError);
  }
});

Deno.test("checkKey() accepts no key that a URL would resolve elsewhere", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 40 }), (key) => {
    try {
      checkKey(key);
    } catch {
      return;
    }
    const path = key.split("/").map(encodeURIComponent).join("/");
    assert.equal(new URL(path, "http://host/bucket/").pathname, `/bucket/${path}`);
  }));
});

Deno.test("quote() shows any value, and cuts a long one", () => {
  assert.equal(quote('a"b'), '"a\\"b"');
  assert.equal(quote(undefined), "undefined");
  assert.equal(quote("x".repeat(500)).length, 120);
});

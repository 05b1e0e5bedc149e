import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { toHex } from "../../src/store/hex.ts";
import { sha256 } from "../../src/store/sha256.ts";
import { countWebCrypto } from "../_web_crypto.ts";
import { withoutBuiltins } from "../frame/_without_builtins.ts";

Deno.test("toHex(sha256()) gives the digest that node:crypto gives, in lower case", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const expected = createHash("sha256").update(bytes).digest("hex");
      assert.equal(toHex(await sha256(bytes)), expected);
    }),
  );
});

Deno.test("sha256() is done at once up to 32 KiB, and elsewhere above and without node:crypto", async () => {
  const small = new Uint8Array(32 * 1024).fill(7), large = new Uint8Array(32 * 1024 + 1).fill(7);
  for (const bytes of [small, large]) {
    const expected = createHash("sha256").update(bytes).digest("hex");
    const digest = async () => assert.equal(toHex(await sha256(bytes)), expected);
    assert.deepEqual(await countWebCrypto(digest), bytes === small ? [] : ["digest"]);
    assert.deepEqual(await countWebCrypto(() => withoutBuiltins(digest)), ["digest"]);
  }
});

Deno.test("toHex() gives two lower-case digits for each byte", () => {
  assert.equal(toHex(new Uint8Array([0, 9, 10, 127, 255])), "00090a7fff");
  assert.equal(toHex(new Uint8Array(0)), "");
});

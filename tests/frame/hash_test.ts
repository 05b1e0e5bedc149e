import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { sha256, toHex } from "../../src/frame/hash.ts";

Deno.test("toHex(sha256()) gives the digest that node:crypto gives, in lower case", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const expected = createHash("sha256").update(bytes).digest("hex");
      assert.equal(toHex(await sha256(bytes)), expected);
    }),
  );
});

Deno.test("toHex() gives two lower-case digits for each byte", () => {
  assert.equal(toHex(new Uint8Array([0, 9, 10, 127, 255])), "00090a7fff");
  assert.equal(toHex(new Uint8Array(0)), "");
});

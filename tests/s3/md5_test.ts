import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { base64, md5 } from "../../src/s3/md5.ts";
import { toHex } from "../../src/store/hex.ts";

const encoder = new TextEncoder();

// RFC 1321, A.5
const VECTORS: Record<string, string> = {
  "": "d41d8cd98f00b204e9800998ecf8427e",
  "a": "0cc175b9c0f1b6a831c399e269772661",
  "abc": "900150983cd24fb0d6963f7d28e17f72",
  "message digest": "f96b697d7cb7938d525a2f31aaf161d0",
  "abcdefghijklmnopqrstuvwxyz": "c3fcd3d76192e4007dfb496cca67e13b",
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789":
    "d174ab98d277d9f5a5611c2c9f419d9f",
  "12345678901234567890123456789012345678901234567890123456789012345678901234567890":
    "57edf4a22be3c955ac49da2e2107b67a",
};

Deno.test("md5() gives the digests of RFC 1321", () => {
  for (const [text, digest] of Object.entries(VECTORS)) {
    assert.equal(toHex(md5(encoder.encode(text))), digest);
  }
});

Deno.test("md5() agrees with OpenSSL at every length around its blocks", () => {
  for (let length = 0; length < 200; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 31);
    assert.equal(toHex(md5(bytes)), createHash("md5").update(bytes).digest("hex"));
  }
});

Deno.test("md5() agrees with OpenSSL on any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
    assert.equal(base64(md5(bytes)), createHash("md5").update(bytes).digest("base64"));
  }));
});

import assert from "node:assert/strict";
import { createDecipheriv, hkdfSync } from "node:crypto";
import fc from "fast-check";
import {
  AccessError,
  CairnError,
  CorruptError,
  InvalidInputError,
  localKeys,
  passphraseKey,
  type PassphraseKeyOptions,
} from "@cairn/checkpoint";
import { keyOf, keysUpTo } from "./_keys.ts";

Deno.test("localKeys() unwraps what it wrapped, for the same thread and no other", async () => {
  const keys = keysUpTo(2);
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: "grapheme" }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      async (thread, other, key) => {
        fc.pre(thread !== other);
        const wrapped = await keys.wrap(key, { thread });
        assert.equal(wrapped.id, "2");
        assert.deepEqual(await keys.unwrap(wrapped, { thread }), key);
        await assert.rejects(keys.unwrap(wrapped, { thread: other }), CorruptError);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("localKeys() makes a data key of 32 random bytes, wrapped in another way each time", async () => {
  const keys = keysUpTo(1);
  const a = await keys.generate({ thread: "t" }), b = await keys.generate({ thread: "t" });
  assert.equal(a.key.length, 32);
  assert.notDeepEqual(a.key, b.key);
  assert.deepEqual(await keys.unwrap(a, { thread: "t" }), a.key);
  const again = await keys.wrap(a.key, { thread: "t" });
  assert.notDeepEqual(again.wrapped, a.wrapped);
});

Deno.test("localKeys() wraps as docs/format.md says: HKDF, then AES-256-GCM, by another library too", async () => {
  const { id, wrapped, key } = await keysUpTo(1).generate({ thread: "né" });
  const salt = wrapped.subarray(0, 16), iv = wrapped.subarray(16, 28);
  const derived = hkdfSync("sha256", keyOf(1), salt, "cairn key 1", 32);
  const decipher = createDecipheriv("aes-256-gcm", new Uint8Array(derived), iv);
  decipher.setAAD(new TextEncoder().encode(`\u0001${id}né`));
  decipher.setAuthTag(wrapped.subarray(60));
  assert.deepEqual(new Uint8Array(decipher.update(wrapped.subarray(28, 60))), key);
  decipher.final();
});

Deno.test("localKeys() refuses each flipped bit of a wrapped key, each length but its own, and another id", async () => {
  const keys = localKeys({ current: "1", keys: { "1": keyOf(1), "2": keyOf(1) } });
  const context = { thread: "t" };
  const { id, wrapped } = await keys.wrap(keyOf(5), context);
  for (let bit = 0; bit < wrapped.length * 8; bit++) {
    const altered = new Uint8Array(wrapped);
    altered[bit >>> 3]! ^= 1 << (bit & 7);
    await assert.rejects(
      keys.unwrap({ id, wrapped: altered }, context),
      CorruptError,
      `bit ${bit}`,
    );
  }
  for (let length = 0; length < wrapped.length; length++) {
    const cut = wrapped.subarray(0, length);
    await assert.rejects(keys.unwrap({ id, wrapped: cut }, context), CorruptError);
  }
  await assert.rejects(keys.unwrap({ id: "2", wrapped }, context), CorruptError);
  await assert.rejects(keys.unwrap({ id: "3", wrapped }, context), (error) => {
    assert(error instanceof AccessError);
    assert.match(error.message, /no key "3" among its keys \("1", "2"\)/);
    return true;
  });
});

Deno.test("localKeys() refuses a key of 31 or 33 bytes by its length, and never by its bytes", () => {
  for (const length of [0, 16, 31, 33, 64]) {
    const key = new Uint8Array(length).fill(0xab);
    assert.throws(() => localKeys({ current: "k", keys: { k: key } }), (error) => {
      assert(error instanceof InvalidInputError);
      assert.match(error.message, new RegExp(`key "k": it has ${length} bytes; .* 32 bytes`));
      const said = Deno.inspect(error, { depth: 9 });
      assert(!/171|\bab\b|abab/i.test(said), said);
      return true;
    });
  }
});

Deno.test("localKeys() refuses keys that are none, ids that cannot be stored, and a current key that is not there", () => {
  const key = keyOf(1);
  for (
    const [options, said] of [
      [{ current: "a", keys: { a: "secret-as-text-of-32-characters!" } }, /it is no Uint8Array/],
      [{ current: "b", keys: { a: key } }, /no key "b" among its keys \("a"\)/],
      [{ current: "a", keys: {} }, /among its keys \(none\)/],
      [{ current: "", keys: { "": key } }, /key id "".*1 to 255 bytes/],
      [{ current: "\ud800", keys: { "\ud800": key } }, /1 to 255 bytes/],
      [{ current: "x".repeat(256), keys: { ["x".repeat(256)]: key } }, /1 to 255 bytes/],
      [{ current: "toString", keys: { a: key } }, /no key "toString"/],
    ] as const
  ) {
    assert.throws(
      () => localKeys(options as unknown as Parameters<typeof localKeys>[0]),
      (error) => {
        assert(error instanceof InvalidInputError);
        assert.match(error.message, said);
        assert(!error.message.includes("secret-as-text"));
        return true;
      },
    );
  }
});

Deno.test("localKeys() keeps a copy: what the caller does to its bytes changes nothing", async () => {
  const key = keyOf(1);
  const keys = localKeys({ current: "1", keys: { "1": key } });
  key.fill(0);
  const wrapped = await keys.wrap(keyOf(5), { thread: "t" });
  assert.deepEqual(await keysUpTo(1).unwrap(wrapped, { thread: "t" }), keyOf(5));
});

const SALT = new TextEncoder().encode("0123456789abcdef");

Deno.test("passphraseKey() gives PBKDF2's key, the same for the same text however it was typed", async () => {
  const key = await passphraseKey("geheimnisvoll é", { salt: SALT });
  const secret = await crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode("geheimnisvoll é"),
    "PBKDF2",
    false,
    ["deriveBits"],
  );
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt: SALT, iterations: 600_000 };
  assert.deepEqual(key, new Uint8Array(await crypto.subtle.deriveBits(parameters, secret, 256)));
  assert.deepEqual(await passphraseKey("geheimnisvoll e\u0301", { salt: SALT }), key);
  const more = await passphraseKey("geheimnisvoll é", { salt: SALT, iterations: 600_001 });
  assert.notDeepEqual(more, key);
});

Deno.test("passphraseKey() refuses what is too small, and names no passphrase", async () => {
  for (
    const [passphrase, options, said] of [
      ["hunter2", { salt: SALT }, /7 characters; give at least 8/],
      ["", { salt: SALT }, /0 characters/],
      [undefined, { salt: SALT }, /give a string/],
      ["hunter2hunter2", { salt: SALT.subarray(1) }, /15 bytes.*at least 16/],
      ["hunter2hunter2", {}, /0 bytes.*at least 16/],
      ["hunter2hunter2", { salt: SALT, iterations: 599_999 }, /iterations.*599999.*from 600000/],
    ] as const
  ) {
    const derived = passphraseKey(passphrase as string, options as PassphraseKeyOptions);
    await assert.rejects(derived, (error) => {
      assert(error instanceof InvalidInputError);
      assert.match(error.message, said);
      assert(!error.message.includes("hunter2"));
      return true;
    });
  }
});

Deno.test("passphraseKey() says where to derive the key where the runtime does not do so many rounds", async () => {
  const { deriveBits } = crypto.subtle;
  crypto.subtle.deriveBits = () => Promise.reject(new DOMException("limit", "NotSupportedError"));
  try {
    await assert.rejects(passphraseKey("hunter2hunter2", { salt: SALT }), (error) => {
      assert(error instanceof CairnError);
      assert.equal(error.kind, "unsupported");
      assert.match(error.message, /600000 rounds.*derive it in another one/);
      return true;
    });
  } finally {
    crypto.subtle.deriveBits = deriveBits;
  }
});

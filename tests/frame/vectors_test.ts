import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  AccessError,
  aesGcm,
  CorruptError,
  decodeFrame,
  localKeys,
  UnsupportedError,
} from "@cairn/checkpoint";
import { toHex } from "../../src/store/hex.ts";
import vectors from "./vectors.json" with { type: "json" };

const ERRORS: Record<string, new (message: string) => Error> = {
  AccessError,
  CorruptError,
  UnsupportedError,
};
const fromHex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

for (const vector of vectors.accepted) {
  Deno.test(`decodeFrame() accepts the vector "${vector.name}"`, async () => {
    const frame = await decodeFrame(fromHex(vector.frame));
    assert.equal(new TextDecoder().decode(frame.payload), vector.payload);
    assert.equal(frame.kind, vector.kind);
    assert.equal(frame.compression, vector.compression);
    assert.equal(toHex(frame.nonce), vector.nonce);
  });
}

for (const vector of vectors.refused) {
  Deno.test(`decodeFrame() refuses the vector "${vector.name}"`, async () => {
    const expected = ERRORS[vector.error];
    assert(expected !== undefined);
    await assert.rejects(decodeFrame(fromHex(vector.frame)), expected);
  });
}

/** How the encrypted vectors are sealed, for a reader that starts now. */
function sealingAt(place: string) {
  const { key, keyId, thread } = vectors.encrypted;
  const keys = localKeys({ current: keyId, keys: { [keyId]: fromHex(key) } });
  return { encryption: aesGcm({ keys }), place: { thread, key: place } };
}

for (const vector of vectors.encrypted.accepted) {
  Deno.test(`decodeFrame() accepts the vector "${vector.name}"`, async () => {
    const frame = await decodeFrame(fromHex(vector.frame), { sealing: sealingAt(vector.place) });
    assert.equal(new TextDecoder().decode(frame.payload), vector.payload);
    assert.equal(frame.kind, vector.kind);
    assert.equal(frame.compression, vector.compression);
    assert.equal(toHex(frame.nonce), vector.nonce);
    assert.equal(frame.encrypted, true);
  });
}

for (const vector of vectors.encrypted.refused) {
  Deno.test(`decodeFrame() refuses the vector "${vector.name}"`, async () => {
    const sealing = sealingAt(vector.place);
    await assert.rejects(decodeFrame(fromHex(vector.frame), { sealing }), ERRORS[vector.error]!);
  });
}

Deno.test("The encrypted vectors' data key and the name of their chunk are those of docs/format.md", async () => {
  const { key, keyId, thread, dataKey, accepted } = vectors.encrypted;
  const body = fromHex(accepted[0]!.frame).subarray(48);
  const wrapped = body.subarray(46, 122);
  const keys = localKeys({ current: keyId, keys: { [keyId]: fromHex(key) } });
  assert.equal(toHex(await keys.unwrap({ id: keyId, wrapped }, { thread })), dataKey);
  // Now that the record was opened, its data key names the thread's chunks, too.
  const encryption = aesGcm({ keys }, { now: () => Date.UTC(2026, 0, 1) });
  const sealing = { encryption, place: { thread, key: accepted[0]!.place } };
  await decodeFrame(fromHex(accepted[0]!.frame), { sealing });
  const name = await encryption.nameOf(thread, new TextEncoder().encode("cairn"));
  assert(accepted[2]!.place.endsWith(`/v/${name}`));
});

Deno.test("docs/format.md has the vectors of tests/frame/vectors.json, all and no others", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/format.md", import.meta.url));
  const inText = [...text.matchAll(/^\*\*(.+?)\*\*: (.*)\n\n```hex\n([^`]*)```/gm)].map(
    ([, name, said, hex]) => ({
      name,
      said: said!.split(";")[0]!.replaceAll("`", ""),
      frame: hex!.replace(/\s/g, ""),
    }),
  );
  assert.deepEqual(inText, [
    ...vectors.accepted.map(({ name, kind, compression, frame }) => ({
      name,
      said: `${kind}, ${compression}`,
      frame,
    })),
    ...vectors.refused.map(({ name, error, frame }) => ({ name, said: error, frame })),
    ...vectors.encrypted.accepted.map(({ name, kind, compression, frame }) => ({
      name,
      said: `${kind}, ${compression}`,
      frame,
    })),
    ...vectors.encrypted.refused.map(({ name, error, frame }) => ({ name, said: error, frame })),
  ]);
});

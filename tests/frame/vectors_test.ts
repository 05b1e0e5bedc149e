import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { CorruptError, decodeFrame, UnsupportedError } from "@cairn/checkpoint";
import { toHex } from "../../src/frame/hash.ts";
import vectors from "./vectors.json" with { type: "json" };

const ERRORS: Record<string, new (message: string) => Error> = { CorruptError, UnsupportedError };
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
  ]);
});

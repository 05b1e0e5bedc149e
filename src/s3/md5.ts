/**
 * MD5 (RFC 1321), for the Content-MD5 of DeleteObjects and the ETag of a
 * multipart upload: WebCrypto has none. It guards against nobody.
 *
 * @module
 */

// deno-fmt-ignore
const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = /* @__PURE__ */ Uint32Array.from(
  { length: 64 },
  (_, i) => Math.abs(Math.sin(i + 1)) * 2 ** 32,
);

type Mix = (b: number, c: number, d: number) => number;
/** Of each round: how it mixes, and which words it takes. */
const ROUNDS: readonly (readonly [Mix, step: number, start: number])[] = [
  [(b, c, d) => (b & c) | (~b & d), 1, 0],
  [(b, c, d) => (d & b) | (~d & c), 5, 1],
  [(b, c, d) => b ^ c ^ d, 3, 5],
  [(b, c, d) => c ^ (b | ~d), 7, 0],
];

/** The digest: 16 bytes. */
export function md5(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const blocks = (bytes.length + 72) >>> 6;
  const padded = new Uint8Array(blocks * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n, true);
  const state = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  for (let offset = 0; offset < padded.length; offset += 64) addBlock(state, view, offset);
  const digest = new Uint8Array(16);
  const out = new DataView(digest.buffer);
  state.forEach((word, i) => out.setUint32(i * 4, word, true));
  return digest;
}

function addBlock(state: Uint32Array, view: DataView, offset: number): void {
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const round = i >> 4;
    const [mix, step, start] = ROUNDS[round]!;
    const word = view.getUint32(offset + ((i * step + start) & 15) * 4, true);
    const sum = a + mix(b, c, d) + SINES[i]! + word;
    const shift = SHIFTS[round * 4 + (i & 3)]!;
    [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
  }
  [a, b, c, d].forEach((word, i) => state[i]! += word);
}

/** Bytes in base64, as headers want a digest. */
export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

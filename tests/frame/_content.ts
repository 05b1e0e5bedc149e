/** Bytes for the chunker's vectors, simple enough to be made in any language. */

/**
 * Noise: `state = state * 1664525 + 1013904223` modulo 2^32, from the seed on;
 * each byte is the eight highest bits of the next state.
 */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0;
  for (let at = 0; at < length; at++) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** The beginning of the numbers from 0 up in decimal, a comma after each. */
export function numbers(length: number): Uint8Array {
  const parts: string[] = [];
  for (let at = 0, size = 0; size < length; at++) size += parts[parts.push(`${at},`) - 1]!.length;
  return new TextEncoder().encode(parts.join("")).subarray(0, length);
}

/** The content that a vector names: `noise 1`, `numbers`, `zeros`. */
export function contentOf(name: string, length: number): Uint8Array {
  const [kind, seed] = name.split(" ");
  if (kind === "noise") return noise(length, Number(seed));
  return kind === "numbers" ? numbers(length) : new Uint8Array(length);
}

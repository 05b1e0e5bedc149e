/**
 * Cutting by content, by kind and size, beside the hashing of the same bytes:
 * `deno bench -A bench/chunker_bench.ts`.
 *
 * @module
 */

import { cut } from "../src/frame/chunker.ts";
import { label } from "./_compression.ts";
import { conversationBytes, randomFrom } from "./_data.ts";

const MIB = 2 ** 20;

for (const size of [MIB / 4, MIB, 8 * MIB, 64 * MIB]) {
  const random = randomFrom(1);
  const kinds = {
    conversation: conversationBytes(size),
    noise: new Uint8Array(size).map(() => random() * 256),
    zeros: new Uint8Array(size),
  };
  const options = { group: label(size), n: Math.max(8, 64 * MIB / size), warmup: 4 };
  for (const [kind, bytes] of Object.entries(kinds)) {
    Deno.bench({ name: `cut ${kind}`, ...options, fn: () => void cut(bytes) });
  }
  Deno.bench({
    name: "SHA-256, of what it is beside",
    baseline: true,
    ...options,
    fn: async () => void await crypto.subtle.digest("SHA-256", kinds.conversation),
  });
}

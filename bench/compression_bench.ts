/**
 * A frame's encoding and decoding, by algorithm and size: `deno task bench`.
 * For MB/s and ratios in one table: `deno task bench:report compression`.
 *
 * @module
 */

import { decodeFrame, encodeFrame } from "@cairn/checkpoint";
import { ALGORITHMS, label, SIZES, timesFor } from "./_compression.ts";
import { conversationBytes } from "./_data.ts";

for (const size of SIZES) {
  const payload = conversationBytes(size);
  for (const compression of ALGORITHMS) {
    const bytes = await encodeFrame(payload, { kind: "chunk", compression });
    const times = timesFor(size);
    Deno.bench({
      name: compression,
      group: `encode ${label(size)}`,
      baseline: compression === "gzip",
      n: times,
      warmup: Math.min(times, 10),
      fn: async () => {
        await encodeFrame(payload, { kind: "chunk", compression });
      },
    });
    Deno.bench({
      name: compression,
      group: `decode ${label(size)}`,
      baseline: compression === "gzip",
      n: times,
      warmup: Math.min(times, 10),
      fn: async () => {
        await decodeFrame(bytes);
      },
    });
  }
}

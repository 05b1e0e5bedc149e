/** A large state packed and saved, as `_large_state.ts` asks for it, in Node, Bun and Deno. */

import { PutObjectCommand } from "@aws-sdk/client-s3";
import { memoryStore, S3Checkpointer } from "@cairn/checkpoint";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import process from "node:process";
import { about, peakOf, processorOf, serve, timed } from "./serve.mjs";
import { bucket, client, options, upload } from "./upload.mjs";

const COMPRESSION = { "none": "none", "gzip": "gzip", "zstd": { readers: ["gzip", "zstd"] } };

// A view of its own: what a runtime reads a file into may be larger.
const bytes = new Uint8Array(readFileSync("large_state.json"));
/** One value, as a serializer gives it: what making the JSON takes is no part of this. */
const state = { messages: bytes };

/** A store that keeps nothing, and what it was given. */
function nowhere() {
  const given = [];
  const put = (_key, body) => Promise.resolve({ etag: String(given.push(body)) });
  return { store: { ...memoryStore(), put }, given };
}

async function save(store, compression, prefix = "bench/large/") {
  const checkpointer = new S3Checkpointer(store, {
    prefix,
    compression: COMPRESSION[compression],
  });
  const thread = randomUUID();
  const took = await timed(() => checkpointer.save(thread, state));
  return { took, remove: () => checkpointer.delete(thread) };
}

/** The whole through one stream, in one write. */
async function byStream() {
  const stream = new CompressionStream("gzip");
  const writer = stream.writable.getWriter();
  const fed = writer.write(bytes).then(() => writer.close());
  const packed = new Uint8Array(await new Response(stream.readable).arrayBuffer());
  await fed;
  return packed;
}

const store = sdkStore({ bucket, ...options });

/** Sends bytes, and removes them. */
async function sendOnce(body) {
  const key = `bench/large/${randomUUID()}`;
  await upload(key, body);
  await store.delete([key]);
}

/** What a save would send, joined. */
async function packedBy(compression) {
  const { store, given } = nowhere();
  await save(store, compression);
  return new Blob(given).bytes?.() ?? new Uint8Array(await new Blob(given).arrayBuffer());
}

const packed = new Map();

await serve({
  about,
  stream: () => timed(byStream),
  pack: async ({ compression }) => (await save(nowhere().store, compression)).took,
  /** Bytes that each way makes of the state. */
  sizes: async () => {
    const sizes = { stream: (await byStream()).length };
    for (const compression of Object.keys(COMPRESSION)) {
      packed.set(compression, await packedBy(compression));
      sizes[compression] = packed.get(compression).length;
    }
    return sizes;
  },
  /** Where the time goes: of one stream, of packing, and of a save to the server. */
  processor: async ({ compression }) => {
    if (compression === undefined) return await processorOf(byStream);
    let remove;
    const taken = await processorOf(
      async () => ({ remove } = await save(store, compression)),
    );
    await remove();
    return { ...taken, pack: await processorOf(() => save(nowhere().store, compression)) };
  },
  upload: ({ compression }) => timed(() => sendOnce(packed.get(compression))),
  packAndUpload: () => timed(async () => await sendOnce(await byStream())),
  save: async ({ compression }) => {
    const { took, remove } = await save(store, compression);
    await remove();
    return took;
  },
  /** The peak of one save: in a process of its own that has saved something small. */
  memory: async ({ compression }) => {
    const small = new S3Checkpointer(store, { prefix: "bench/large/" });
    const warm = { small: "stone upon stone ".repeat(4_000), large: bytes.subarray(0, 200_000) };
    await small.save("warm", warm);
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: "bench/large/warm", Body: "x" }));
    let remove;
    const peak = await peakOf(async () => ({ remove } = await save(store, compression)));
    await remove();
    await small.delete("warm");
    return peak;
  },
});
process.exit(0);

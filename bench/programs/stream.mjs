/** A large stream sent and read, as `_stream.ts` asks for it, in Node, Bun and Deno. */

import { GetObjectCommand } from "@aws-sdk/client-s3";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import process from "node:process";
import { about, peakOf, serve, timed } from "./serve.mjs";
import { bucket, client, options, PART_SIZE, PARTS_IN_FLIGHT, upload } from "./upload.mjs";

const KEY = "bench/stream";
/** What its pieces are views of: a stream of them makes no garbage. */
const noise = crypto.getRandomValues(new Uint8Array(64 * 1024));

const stores = Object.fromEntries(
  Object.entries({ edgeStore, sdkStore }).map(([name, make]) => [
    name,
    make({ bucket, ...options, partSize: PART_SIZE, partsInFlight: PARTS_IN_FLIGHT }),
  ]),
);

/** The ways to send a stream, by name. */
const SAVES = {
  "Upload alone": upload,
  ...Object.fromEntries(
    Object.entries(stores).map(([name, store]) => [name, (key, stream) => store.put(key, stream)]),
  ),
};

/** The ways to read an object, by name. */
const LOADS = {
  "GetObject alone": async (key) =>
    (await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))).Body
      .transformToWebStream(),
  "fetch alone": async (key) =>
    (await fetch(await stores.edgeStore.presign(key, { method: "GET", expiresIn: 600 }))).body,
  ...Object.fromEntries(
    Object.entries(stores).map((
      [name, store],
    ) => [name, async (key) => (await store.get(key)).body]),
  ),
};

function streamOfNoise(size) {
  let left = size;
  return new ReadableStream({
    pull(controller) {
      if (left === 0) return controller.close();
      const piece = noise.subarray(0, left);
      left -= piece.length;
      controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
}

async function load(by, key, size) {
  let length = 0;
  for await (const piece of await LOADS[by](key)) length += piece.length;
  if (length !== size) throw new Error(`${by} gave ${length} of ${size} bytes`);
}

/** The time of something, and the memory it took at most. */
async function costs(run) {
  let milliseconds;
  const memory = await peakOf(async () => milliseconds = await timed(run));
  return { milliseconds, memory };
}

await serve({
  about,
  save: async ({ by, size }) => {
    await SAVES[by](`${KEY}/warm`, streamOfNoise(1_000));
    const taken = await costs(() => SAVES[by](KEY, streamOfNoise(size)));
    await stores.edgeStore.delete([`${KEY}/warm`]);
    return taken;
  },
  load: async ({ by, size }) => {
    await stores.edgeStore.put(`${KEY}/warm`, noise);
    await load(by, `${KEY}/warm`, noise.length);
    await stores.edgeStore.delete([`${KEY}/warm`]);
    return await costs(() => load(by, KEY, size));
  },
  remove: () => stores.edgeStore.delete([KEY]),
});
process.exit(0);

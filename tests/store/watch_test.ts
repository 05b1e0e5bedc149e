import assert from "node:assert/strict";
import { watched } from "../../src/store/_watch.ts";
import { readAll, streamOf } from "../../src/store/body.ts";

/** Who notes all that is told of a stream. */
function witness() {
  const told: string[] = [];
  return {
    told,
    watcher: {
      asked: () => void told.push("asked"),
      piece: ({ length }: Uint8Array) => void told.push(`${length} bytes`),
      ended: (how: string, error?: unknown) =>
        void told.push(error === undefined ? how : `${how}: ${error}`),
    },
  };
}

Deno.test("watched() passes a stream on, and tells of its pieces and its end", async () => {
  const { told, watcher } = witness();
  const bytes = await readAll(
    watched(streamOf(new Uint8Array([1, 2]), new Uint8Array([3])), watcher),
  );
  assert.deepEqual([...bytes], [1, 2, 3]);
  assert.deepEqual(told, ["asked", "2 bytes", "asked", "1 bytes", "asked", "read"]);
});

Deno.test("watched() asks for nothing ahead of its reader", async () => {
  let pulls = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulls++;
      controller.enqueue(new Uint8Array(1));
    },
  }, { highWaterMark: 0 });
  const reader = watched(source, {}).getReader();
  await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(pulls, 0);
  await reader.read();
  assert.equal(pulls, 1);
  await reader.cancel();
});

Deno.test("watched() passes an error on as it is, and tells of it once", async () => {
  const { told, watcher } = witness();
  const error = new Error("broke");
  const source = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(error) });
  const reader = watched(source, watcher).getReader();
  for (let i = 0; i < 2; i++) await assert.rejects(reader.read(), (thrown) => thrown === error);
  assert.deepEqual(told, ["asked", "failed: Error: broke"]);
});

Deno.test("watched() cancels its source with the reason, also under a read that never answers", async () => {
  const { told, watcher } = witness();
  let cancelled: unknown;
  const source = new ReadableStream<Uint8Array>({
    pull: () => new Promise(() => {}),
    cancel: (reason) => void (cancelled = reason),
  }, { highWaterMark: 0 });
  const reader = watched(source, watcher).getReader();
  const pending = reader.read();
  await new Promise((resolve) => setTimeout(resolve, 1));
  await reader.cancel("enough");
  assert.deepEqual(await pending, { done: true, value: undefined });
  assert.equal(cancelled, "enough");
  await new Promise((resolve) => setTimeout(resolve, 1));
  // The end that the cancelling makes of the read is not another one.
  assert.deepEqual(told, ["asked", "cancelled"]);
});

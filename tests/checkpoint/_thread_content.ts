import { getBytes, type ObjectStore, S3Checkpointer } from "@cairn/checkpoint";
import assert from "node:assert/strict";
import { toHex } from "../../src/store/hex.ts";
import { sha256 } from "../../src/store/sha256.ts";
import { CheckpointLog } from "../../src/checkpoint/log.ts";
import { putWrites } from "../../src/checkpoint/writes.ts";
import { keysOf, noise } from "./_stores.ts";

const KIB = 1024;
const large = (seed: number) => noise(100 * KIB, seed);

/** A thread of four checkpoints in two namespaces, with chunks that are shared and ones that are not, and writes. */
export async function fillThread(
  store: ObjectStore,
  thread: string,
  prefix?: string,
): Promise<void> {
  const checkpointer = new S3Checkpointer(store, { prefix });
  await checkpointer.save(thread, { shared: large(1), own: large(2) }, { id: "1" });
  await checkpointer.save(thread, { shared: large(1), own: large(3) }, { id: "2" });
  await checkpointer.save(thread, { shared: large(1), step: 3 }, { id: "3" });
  await checkpointer.save(thread, { step: 1 }, { id: "1", namespace: "n" });
  const log = new CheckpointLog(store, { prefix });
  await putWrites(log, { thread, namespace: "", id: "3" }, {
    task: "task",
    path: "",
    writes: [{
      index: 0,
      channel: "answer",
      value: { type: "json", bytes: new TextEncoder().encode("42"), attachments: [] },
    }],
  });
}

/** Every checkpoint of a thread with its state, large bytes as their hash, read by a process of its own: what can be seen can be read. */
export async function readThread(
  store: ObjectStore,
  thread: string,
  prefix?: string,
): Promise<unknown[]> {
  const checkpointer = new S3Checkpointer<Record<string, unknown>>(store, { prefix });
  const found = await Array.fromAsync(checkpointer.list({ thread }));
  return await Promise.all(found.map(async ({ namespace, id }) => {
    const checkpoint = await checkpointer.load(thread, { namespace, id });
    assert(checkpoint, `${id} can be seen, so it can be read`);
    const state = Object.entries(checkpoint.state).map(async ([name, value]) => [
      name,
      value instanceof Uint8Array ? await hashOf(value) : value,
    ]);
    return { ...checkpoint, thread: undefined, state: await Promise.all(state) };
  }));
}

/** The keys of a thread without the thread's own part. */
export async function placesOf(
  store: ObjectStore,
  thread: string,
  prefix?: string,
): Promise<string[]> {
  const folder = new CheckpointLog(store, { prefix }).keys.thread(thread);
  return (await keysOf(store, folder)).map((key) => key.slice(folder.length));
}

/** The sizes and hashes of a thread's objects by their places. */
export async function contentOf(
  store: ObjectStore,
  thread: string,
  prefix?: string,
): Promise<Record<string, { size: number; hash: string }>> {
  const folder = new CheckpointLog(store, { prefix }).keys.thread(thread);
  const content: Record<string, { size: number; hash: string }> = {};
  for (const key of await keysOf(store, folder)) {
    const { bytes } = await getBytes(store, key);
    content[key.slice(folder.length)] = { size: bytes.length, hash: await hashOf(bytes) };
  }
  return content;
}

/** A hash instead of the bytes: what a test shows of a difference stays short. */
async function hashOf(bytes: Uint8Array): Promise<string> {
  return toHex(await sha256(bytes));
}

import {
  type Checkpoint,
  type CheckpointInfo,
  getBytes,
  InvalidInputError,
  type ObjectStore,
  S3Checkpointer,
} from "@cairn/checkpoint";
import assert from "node:assert/strict";

/** Ids that mean something to a path, a URL, a signer, an object or a terminal. */
export const HOSTILE_IDS: readonly string[] = [
  "../../other/x",
  "../canary",
  "..",
  ".",
  "...",
  "/",
  "//",
  "/etc/passwd",
  "a/../b",
  "a//b",
  "trailing/",
  "..\\..\\x",
  "C:\\x",
  "%2e%2e/",
  "%2E%2E%2Fcanary",
  "%00",
  "~",
  "~2e~2e",
  "a+b c",
  "a%20b",
  "?versionId=1&x#y",
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "a\u0000b",
  "\u0001\u001f\u007f\r\n\t",
  "\u202egnp.exe",
  "\ufeffbom",
  "👩‍🚀",
  "é",
  "e\u0301",
  "İ",
  "x".repeat(100),
  "a|b:c*\"<>'`$(id);&",
  "con",
  "n",
  "v",
  " ",
  "1",
  "10",
];

/** What stands beside the checkpoints and must stay as it is. */
const CANARIES = ["canary", "other/x", "x", "threads-canary", "etc/passwd"];

/** Saves, loads, lists and deletes under each hostile id, as thread, namespace and id at once. */
export async function surviveHostileIds(store: ObjectStore, root: string): Promise<void> {
  const bytes = new TextEncoder().encode("unchanged");
  for (const name of CANARIES) await store.put(`${root}/${name}`, bytes);
  const before = await outside(store, root);
  const options = { prefix: `${root}/threads`, inlineLimit: 64 };
  const checkpointer = new S3Checkpointer<State>(store, options);
  const elsewhere = () => new S3Checkpointer<State>(store, options);

  for (const id of HOSTILE_IDS) {
    await checkpointer.save(id, stateOf(id), { namespace: id, id, metadata: { [id]: id } });
    await checkpointer.save(id, stateOf("root"), { id });
  }
  const reader = elsewhere();
  for (const id of HOSTILE_IDS) {
    check(await reader.load(id, { namespace: id, id }), id);
    check(await elsewhere().load(id, { namespace: id }), id);
    const listed = await Array.fromAsync(reader.list({ thread: id, filter: { [id]: id } }));
    assert.equal(listed.length, 1, JSON.stringify(id));
    check(listed[0], id);
    assert.deepEqual((await reader.load(id))?.state, stateOf("root"));
  }
  const threads = await Array.fromAsync(reader.threads());
  assert.deepEqual(threads.toSorted(), HOSTILE_IDS.toSorted());
  assert.deepEqual(await outside(store, root), before, "nothing was written outside the prefix");

  // The half that is deleted goes whole, and takes nothing with it.
  for (const [at, id] of HOSTILE_IDS.entries()) {
    if (at % 2 === 0) await checkpointer.delete(id);
    else await checkpointer.delete(id, { namespace: id, id });
  }
  const left = elsewhere();
  for (const [at, id] of HOSTILE_IDS.entries()) {
    assert.equal(await left.load(id, { namespace: id, id }), undefined, JSON.stringify(id));
    const state = (await left.load(id))?.state;
    assert.deepEqual(state, at % 2 === 0 ? undefined : stateOf("root"), JSON.stringify(id));
  }
  for (const id of HOSTILE_IDS) await checkpointer.delete(id);
  assert.deepEqual(await outside(store, root), before, "nothing was deleted outside the prefix");
  assert.deepEqual(await keysOf(store, `${root}/threads/`), []);
  for (const name of CANARIES) {
    assert.deepEqual((await getBytes(store, `${root}/${name}`)).bytes, bytes);
  }
}

/**
 * Saves and loads under long ids. One that fits no key is refused by its limit
 * before anything is sent; one that is a key may still be refused by a server.
 */
export async function tryLongIds(
  store: ObjectStore,
  root: string,
): Promise<{ taken: number; refused: number; refusedByServer: number }> {
  const checkpointer = new S3Checkpointer(store, { prefix: `${root}/threads` });
  const counts = { taken: 0, refused: 0, refusedByServer: 0 };
  for (const id of ["i".repeat(300), "é".repeat(150), "i".repeat(2_000), "/".repeat(300)]) {
    for (const place of [{ thread: id }, { namespace: id }, { id }]) {
      const { thread = "t", ...which } = { id: "1", ...place };
      const refused = await checkpointer.save(thread, { id }, which).then(
        () => undefined,
        refusalOf,
      );
      if (refused === undefined) {
        assert.deepEqual((await checkpointer.load(thread, which))?.state, { id });
        counts.taken++;
      } else {
        const found = await checkpointer.load(thread, which).catch(refusalOf);
        assert(found === undefined || found === refused, `${found}`);
        counts[refused]++;
      }
    }
  }
  for await (const thread of checkpointer.threads()) await checkpointer.delete(thread);
  return counts;
}

/** Who refused: the limit of keys, named, or the server by an answer that says the key is wrong. */
function refusalOf(error: unknown): "refused" | "refusedByServer" {
  assert(error instanceof InvalidInputError, `${error}`);
  if (error.status === undefined) {
    assert.match(error.message, /1024/);
    return "refused";
  }
  // VersityGW calls a segment that is too long, below a folder, a folder that is there.
  const status = error.code === "ExistingObjectIsDirectory" ? 409 : 400;
  assert.equal(error.status, status);
  return "refusedByServer";
}

/** A state with the id as field, as value, and in a value of several chunks. */
interface State {
  readonly id: string;
  readonly [field: string]: unknown;
}

function stateOf(id: string): State {
  const state = { id, large: [id, "x".repeat(200)], bytes: new TextEncoder().encode(id) };
  // Defined, so that `__proto__` is a field as any other.
  return Object.defineProperty(state, id, { value: { [id]: 1 }, enumerable: true });
}

function check(found: Checkpoint<State> | CheckpointInfo | undefined, id: string): void {
  assert(found, JSON.stringify(id));
  assert.deepEqual([found.thread, found.namespace, found.id], [id, id, id]);
  assert.deepEqual(found.metadata, { [id]: id });
  assert.equal(Object.getPrototypeOf(found.metadata), Object.prototype);
  if ("state" in found) {
    assert.deepEqual(found.state, stateOf(id));
    assert.equal(Object.getPrototypeOf(found.state), Object.prototype);
  }
}

async function outside(store: ObjectStore, root: string): Promise<string[]> {
  return (await keysOf(store, `${root}/`)).filter((entry) => !entry.startsWith(`${root}/threads/`));
}

async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of store.list({ prefix })) {
    for (const { key, etag } of page.objects) keys.push(`${key} ${etag}`);
  }
  return keys;
}

import {
  copyThread,
  memoryStore,
  moveThread,
  type ObjectStore,
  S3Checkpointer,
} from "@cairn/checkpoint";
import { type Fault, faultyStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { contentOf, fillThread, placesOf, readThread } from "./_thread_content.ts";
import { altered } from "./_stores.ts";

/** Ways in which a process can come to its end at a request. */
const ENDS: Record<string, { readonly fault: Fault; readonly after: "dead" | "alive" }> = {
  "fails, and goes on": { fault: { kind: "fail" }, after: "alive" },
  "dies before it is done": { fault: { kind: "fail" }, after: "dead" },
  "dies once it is done": { fault: { kind: "lose" }, after: "dead" },
};

/** A store of which request number `k` goes wrong, and all after it, where the process is dead. */
function endingAt(
  inner: ObjectStore,
  k: number,
  { fault, after }: { fault: Fault; after: string },
) {
  let count = 0;
  const store = faultyStore(inner, () => {
    count++;
    if (count === k) return fault;
    return count > k && after === "dead" ? { kind: "fail" } : undefined;
  });
  return { store, count: () => count };
}

/** A store that reads both threads whole after whatever is changed. */
function watched(inner: ObjectStore, onChange: () => Promise<void>): ObjectStore {
  return altered(inner, {
    async copy(...args) {
      const result = await inner.copy(...args);
      await onChange();
      return result;
    },
    // As S3 does, in parts: what a batch names does not go at once.
    async delete(keys, options) {
      for (const key of keys) {
        await inner.delete([key], options);
        await onChange();
      }
    },
  });
}

for (const [what, end] of Object.entries(ENDS)) {
  for (const [name, operate] of Object.entries({ copyThread, moveThread })) {
    Deno.test(`${name}() that ${what} at any request is whole after another`, async () => {
      let requests = 0;
      for (let k = 1;; k++) {
        const inner = memoryStore();
        await fillThread(inner, "from");
        const expected = await readThread(inner, "from");
        const bytes = await contentOf(inner, "from");
        let changes = 0;
        const look = async () => {
          changes++;
          const source = await readThread(inner, "from");
          const target = await readThread(inner, "to");
          const isWhole = (found: unknown[]) => found.length === expected.length;
          assert(isWhole(source) || isWhole(target), "one of the two has all, at each moment");
        };
        const { store: ending, count } = endingAt(inner, k, end);
        const store = watched(ending, look);
        // One after the other, so that a request's number says which it is.
        const options = { parallel: 1 };
        await operate(new S3Checkpointer(store), "from", "to", options).catch(() => {});
        requests = count();
        await look();
        await operate(new S3Checkpointer(watched(inner, look)), "from", "to", options)
          .catch((error) => {
            throw new Error(`after ${what} at ${k}: ${error.message}`, { cause: error });
          });
        assert(changes > 1);
        assert.deepEqual(await contentOf(inner, "to"), bytes, `nothing lost or doubled: ${k}`);
        assert.deepEqual(await readThread(inner, "to"), expected);
        const left = name === "copyThread" ? Object.keys(bytes) : [];
        assert.deepEqual(await placesOf(inner, "from"), left);
        if (requests < k) break;
      }
      assert(
        requests > (name === "copyThread" ? 10 : 25),
        `${requests} requests were each ended at`,
      );
    });
  }
}

Deno.test("copyThread() taken up again copies what is missing, and no more", async () => {
  const inner = memoryStore();
  await fillThread(inner, "from");
  const total = (await placesOf(inner, "from")).length;
  const { store } = endingAt(inner, 9, ENDS["dies once it is done"]!);
  await assert.rejects(copyThread(new S3Checkpointer(store), "from", "to", { parallel: 1 }));
  const before = (await placesOf(inner, "to")).length;
  assert(before > 0 && before < total);
  const result = await copyThread(new S3Checkpointer(inner), "from", "to");
  assert.equal(result.copied, total - before);
  assert.equal(result.skipped, before);
});

/** Random histories of savers that read from a replica which is behind, while somebody else deletes. */
import assert from "node:assert/strict";
import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import { getBytes, memoryStore, type ObjectStore, withReplica } from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { faultyStore } from "@cairn/checkpoint/testing";
import fc from "fast-check";
import { etagsOfBytes, keysOf } from "../checkpoint/_stores.ts";
import { OUTAGE } from "../checkpoint/_trouble.ts";
import { checkpoint as checkpointOf, metadata } from "./_case.ts";
import { configOf, everything } from "./_contest.ts";

const CHANNELS = ["a", "b"] as const;
const text = fc.constantFrom("y".repeat(100), "z".repeat(100), "small");

const operation = fc.oneof(
  {
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      saver: fc.nat(1),
      /** What is new in it; the rest is carried over. */
      changes: fc.dictionary(fc.constantFrom(...CHANNELS), text, { noNullPrototype: true }),
    }),
    weight: 6,
  },
  {
    arbitrary: fc.record({ kind: fc.constant("write" as const), saver: fc.nat(1), value: text }),
    weight: 3,
  },
  { arbitrary: fc.record({ kind: fc.constant("delete" as const) }), weight: 2 },
  {
    arbitrary: fc.record({
      kind: fc.constant("replicate" as const),
      what: fc.constantFrom(/./, /./, /\/c$/, /\/v\//, /\/w\.[^/]*$/),
    }),
    weight: 5,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant("origin" as const),
      state: fc.constantFrom("up", "no reads", "down"),
    }),
    weight: 5,
  },
);

const histories = fc.record({
  operations: fc.array(operation, { minLength: 6, maxLength: 30, size: "max" }),
  cacheBytes: fc.constantFrom(0, 600, 16 * 1024 * 1024, 16 * 1024 * 1024),
});

/** Brings to the replica what has come to the origin, and takes from it what has gone. */
async function replicate(origin: ObjectStore, replica: ObjectStore, what: RegExp): Promise<void> {
  const there = await keysOf(origin);
  for (const key of there) {
    if (what.test(key)) await replica.put(key, (await getBytes(origin, key)).bytes);
  }
  const gone = (await keysOf(replica)).filter((key) => what.test(key) && !there.includes(key));
  await replica.delete(gone);
}

async function play(
  { operations, cacheBytes }: typeof histories extends fc.Arbitrary<infer T> ? T : never,
  tally: { puts: number; stale: number; refused: number },
): Promise<void> {
  const [origin, replica] = [etagsOfBytes(memoryStore()), etagsOfBytes(memoryStore())];
  let state = "up";
  const settings = { inlineLimit: 48, compression: "none" } as const;
  const start = () => {
    const troubled = faultyStore(origin, ({ operation }) => {
      const isRead = operation === "get" || operation === "list";
      const isLost = state === "down" || state === "no reads" && isRead;
      return isLost ? { kind: "fail", error: OUTAGE } : undefined;
    });
    const store = withReplica(troubled, replica);
    return new S3Saver({ store, cacheBytes, ...settings });
  };
  const savers = [start(), start()];
  const reader = () => new S3Saver({ store: origin, ...settings });
  /** What was ever put, and what of it must be at the origin. */
  const [known, there] = [new Map<string, unknown>(), new Map<string, Set<string>>()];
  const latestOf = async (saver: S3Saver): Promise<CheckpointTuple | undefined | "refused"> => {
    try {
      const tuple = await saver.getTuple(configOf("t", ""));
      const id = tuple?.checkpoint.id;
      if (id !== undefined) assert.deepEqual(tuple!.checkpoint.channel_values, known.get(id));
      if (id !== [...there.keys()].at(-1)) tally.stale++;
      return tuple;
    } catch (error) {
      assert.equal(error, OUTAGE, `${(error as Error).stack}`);
      tally.refused++;
      return "refused";
    }
  };
  for (const [at, operation] of operations.entries()) {
    switch (operation.kind) {
      case "put": {
        const saver = savers[operation.saver]!;
        const parent = await latestOf(saver);
        if (parent === "refused") break;
        const { checkpoint, config } = parent ?? {};
        const versions = { ...checkpoint?.channel_versions };
        const newVersions: Record<string, number> = {};
        for (const name of Object.keys(operation.changes)) {
          versions[name] = newVersions[name] = at + 1;
        }
        const id = String(at + 100);
        const values = { ...checkpoint?.channel_values, ...operation.changes };
        const next = checkpointOf(id, values, versions);
        known.set(id, values);
        try {
          await saver.put(config ?? configOf("t", ""), next, metadata({ step: at }), newVersions);
        } catch (error) {
          assert.equal(error, OUTAGE, `${(error as Error).stack}`);
          tally.refused++;
          break;
        }
        there.set(id, new Set());
        tally.puts++;
        break;
      }
      case "write": {
        const saver = savers[operation.saver]!;
        const parent = await latestOf(saver);
        if (parent === "refused" || parent === undefined) break;
        const task = `task ${at}`;
        try {
          await saver.putWrites(parent.config, [["a", operation.value]], task);
        } catch (error) {
          assert.equal(error, OUTAGE, `${(error as Error).stack}`);
          tally.refused++;
          break;
        }
        there.get(parent.checkpoint.id)?.add(JSON.stringify([task, "a", operation.value]));
        break;
      }
      case "delete":
        await reader().deleteThread("t");
        there.clear();
        break;
      case "replicate":
        await replicate(origin, replica, operation.what);
        break;
      case "origin":
        state = operation.state;
    }
    // Whatever the replica told anybody: what can be seen at the origin can be read there, and nothing is lost.
    const seen = new Map(
      (await everything(reader())).map((tuple) => [tuple.checkpoint.id, tuple]),
    );
    for (const [id, { checkpoint }] of seen) {
      assert.deepEqual(checkpoint.channel_values, known.get(id));
    }
    for (const [id, writes] of there) {
      const pending = seen.get(id)?.pendingWrites?.map((write) => JSON.stringify(write));
      assert(pending, `${id} is gone`);
      assert(writes.isSubsetOf(new Set(pending)), `${id} has lost writes`);
    }
  }
}

Deno.test("S3Saver over a replica that is behind says what was there once, or fails, and leaves nothing torn at the origin", async () => {
  const tally = { puts: 0, stale: 0, refused: 0 };
  await fc.assert(fc.asyncProperty(histories, (history) => play(history, tally)), {
    numRuns: 150,
    seed: 20_260_112,
  });
  assert(tally.puts > 300 && tally.stale > 50 && tally.refused > 50, JSON.stringify(tally));
});

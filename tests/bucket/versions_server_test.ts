import { CorruptError, NotFoundError, S3Checkpointer, UnsupportedError } from "@cairn/checkpoint";
import {
  applyPlan,
  type CheckpointVersion,
  listVersions,
  loadVersion,
  nonCurrentUsage,
  planBucket,
  restoreCheckpoint,
  restoreThread,
} from "@cairn/checkpoint/bucket";
import type { S3Store } from "@cairn/checkpoint/edge";
import assert from "node:assert/strict";
import { listObjectVersions } from "../../src/bucket/_version_list.ts";
import { Keys } from "../../src/checkpoint/keys.ts";
import { type Open, TRANSPORTS, withBucket } from "./_buckets.ts";

const keys = new Keys("cairn/");
/** Everything but the smallest values stands in chunks. */
const OPTIONS = { inlineLimit: 64, compression: "none" } as const;
const THREAD = "a thread/é+%";

interface State {
  readonly step: number;
  readonly text: string;
}

function stateOf(step: number): State {
  return { step, text: `${step}`.repeat(3000) };
}

async function withVersions(open: Open, work: (store: S3Store) => Promise<void>): Promise<void> {
  await withBucket(open, async (store) => {
    await applyPlan(store, await planBucket(store, { versioning: "enabled" }));
    await work(store);
  });
}

/** Saves some checkpoints, and gives their ids. */
async function saveAll(store: S3Store, count = 3, thread = THREAD): Promise<string[]> {
  const checkpointer = new S3Checkpointer<State>(store, OPTIONS);
  const ids: string[] = [];
  for (let step = 0; step < count; step++) {
    ids.push((await checkpointer.save(thread, stateOf(step))).id);
  }
  return ids;
}

/** The steps that can be loaded, each whole. */
async function stepsOf(store: S3Store, thread = THREAD): Promise<number[]> {
  const checkpointer = new S3Checkpointer<State>(store, OPTIONS);
  const steps: number[] = [];
  for await (const { id } of checkpointer.list({ thread })) {
    const { state } = (await checkpointer.load(thread, { id }))!;
    assert.deepEqual(state, stateOf(state.step));
    steps.push(state.step);
  }
  return steps.sort();
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

function refusing(store: S3Store, from: number): S3Store {
  let count = 0;
  const request: S3Store["api"]["request"] = async (sent, options) => {
    if (sent.operation === "DeleteObjects" && ++count >= from) throw new Error("gone");
    return await store.api.request(sent, options);
  };
  return { ...store, api: { ...store.api, request } };
}

for (const [name, open] of Object.entries(TRANSPORTS)) {
  Deno.test(`${name}: versions of a checkpoint are listed and loaded, each with its own state`, async () => {
    await withVersions(open, async (store) => {
      const checkpointer = new S3Checkpointer<State>(store, OPTIONS);
      for (const step of [1, 2]) await checkpointer.save(THREAD, stateOf(step), { id: "x" });
      await checkpointer.save(THREAD, stateOf(7), { id: "y" });
      await checkpointer.delete(THREAD);
      const versions = await all(listVersions(store, THREAD));
      assert.deepEqual(versions.map(({ id, deleted, latest }) => [id, deleted, latest]), [
        ["y", true, true],
        ["y", false, false],
        ["x", true, true],
        ["x", false, false],
        ["x", false, false],
      ]);
      assert.deepEqual(
        await all(listVersions(store, THREAD, { id: "x" })),
        versions.filter(({ id }) => id === "x"),
      );
      const states = await Promise.all(
        versions.filter(({ deleted }) => !deleted).map((version) =>
          loadVersion<State>(store, version, OPTIONS)
        ),
      );
      assert.deepEqual(states.map(({ state }) => state), [stateOf(7), stateOf(2), stateOf(1)]);
      assert.equal(states[0]!.thread, THREAD);
      await assert.rejects(
        loadVersion(store, versions[0]!, OPTIONS),
        (error) => error instanceof NotFoundError && error.what === "checkpoint",
      );
    });
  });

  Deno.test(`${name}: a version whose chunks are gone for good cannot be loaded, and says so`, async () => {
    await withVersions(open, async (store) => {
      await saveAll(store, 1);
      const [version] = await all(listVersions(store, THREAD)) as [CheckpointVersion];
      for await (
        const { key, versionId } of listObjectVersions(store.api, {
          prefix: keys.chunks(THREAD),
        })
      ) {
        const query = { versionId };
        await store.api.request({ method: "DELETE", key, query, operation: "DeleteObject" });
      }
      await assert.rejects(loadVersion(store, version, OPTIONS), CorruptError);
    });
  });

  Deno.test(`${name}: a deleted thread comes back whole, and once`, async () => {
    await withVersions(open, async (store) => {
      await saveAll(store);
      await saveAll(store, 2, "another");
      const checkpointer = new S3Checkpointer<State>(store, OPTIONS);
      await checkpointer.delete(THREAD);
      await checkpointer.delete("another");
      assert.deepEqual(await stepsOf(store), []);
      const phases: string[] = [];
      const result = await restoreThread(store, THREAD, {
        ...OPTIONS,
        onProgress: ({ phase, done, total }) => phases.push(`${phase} ${done}/${total}`),
      });
      assert.equal(result.restored.length, 3);
      assert.deepEqual([result.lost, result.objects], [[], 6]);
      assert.deepEqual(phases, ["chunks 3/3", "records 3/3"]);
      assert.deepEqual(await stepsOf(store), [0, 1, 2]);
      assert.deepEqual(await stepsOf(store, "another"), []);
      const again = await restoreThread(store, THREAD, OPTIONS);
      assert.deepEqual(again, { restored: [], lost: [], objects: 0 });
    });
  });

  Deno.test(`${name}: a thread that was deleted twice comes back at once`, async () => {
    await withVersions(open, async (store) => {
      await saveAll(store);
      await new S3Checkpointer(store).delete(THREAD);
      const page = await all(listObjectVersions(store.api, { prefix: keys.thread(THREAD) }));
      await store.delete([...new Set(page.map(({ key }) => key))]);
      await restoreThread(store, THREAD, OPTIONS);
      assert.deepEqual(await stepsOf(store), [0, 1, 2]);
    });
  });

  Deno.test(`${name}: one deleted checkpoint comes back, and its siblings stay deleted`, async () => {
    await withVersions(open, async (store) => {
      const ids = await saveAll(store);
      await new S3Checkpointer(store).delete(THREAD);
      const place = { thread: THREAD, namespace: "", id: ids[1]! };
      const { restored, objects } = await restoreCheckpoint(store, place, OPTIONS);
      assert.deepEqual([restored, objects], [[place], 2]);
      assert.deepEqual(await stepsOf(store), [1]);
    });
  });

  Deno.test(`${name}: what was deleted before the time asked for stays deleted`, async () => {
    await withVersions(open, async (store) => {
      const ids = await saveAll(store);
      const checkpointer = new S3Checkpointer(store, OPTIONS);
      await checkpointer.delete(THREAD, { id: ids[0]! });
      const [{ at }] = (await all(listVersions(store, THREAD, { id: ids[0]! }))) as [
        CheckpointVersion,
      ];
      await new Promise((resolve) => setTimeout(resolve, 1_100)); // the servers' clocks tick in seconds
      await checkpointer.delete(THREAD, { id: ids[1]! });
      const since = new Date(at.getTime() + 1);
      await restoreThread(store, THREAD, { ...OPTIONS, since });
      assert.deepEqual(await stepsOf(store), [1, 2]);
    });
  });

  Deno.test(`${name}: a restoration that breaks off shows nothing torn, and is taken up again`, async () => {
    await withVersions(open, async (store) => {
      await saveAll(store);
      await new S3Checkpointer(store).delete(THREAD);
      for (const requests of [1, 2]) {
        await assert.rejects(
          restoreThread(refusing(store, requests), THREAD, OPTIONS),
          /gone/,
        );
        assert.deepEqual(await stepsOf(store), []);
      }
      const { restored, objects } = await restoreThread(store, THREAD, OPTIONS);
      assert.deepEqual([restored.length, objects], [3, 3]); // the chunks were back
      assert.deepEqual(await stepsOf(store), [0, 1, 2]);
    });
  });

  Deno.test(`${name}: a checkpoint that cannot be read again stays deleted`, async () => {
    await withVersions(open, async (store) => {
      const ids = await saveAll(store);
      await new S3Checkpointer(store).delete(THREAD);
      // The chunk of the second state goes for good, as by an expiry of old versions.
      const chunks = await all(listObjectVersions(store.api, { prefix: keys.chunks(THREAD) }));
      const texts = await Promise.all(
        chunks.filter(({ info }) => info).map(async (chunk) => {
          const { body } = await store.get(chunk.key, { versionId: chunk.versionId });
          return { ...chunk, text: await new Response(body).text() };
        }),
      );
      const gone = texts.find(({ text }) => text.includes("111111"))!;
      const query = { versionId: gone.versionId };
      const operation = "DeleteObject";
      await store.api.request({ method: "DELETE", key: gone.key, query, operation });
      const { restored, lost } = await restoreThread(store, THREAD, OPTIONS);
      assert.deepEqual(new Set(restored.map(({ id }) => id)), new Set([ids[0], ids[2]]));
      assert.deepEqual(lost, [{ thread: THREAD, namespace: "", id: ids[1], missingChunks: 1 }]);
      assert.deepEqual(await stepsOf(store), [0, 2]);
    });
  });

  Deno.test(`${name}: what versions take is counted`, async () => {
    await withVersions(open, async (store) => {
      const bytes = (count: number) => new Uint8Array(count);
      await store.put("cairn/t/x", bytes(10));
      await store.put("cairn/t/x", bytes(20));
      await store.put("cairn/u/y", bytes(5));
      await store.put("cairn/u/z", bytes(1));
      await store.put("elsewhere", bytes(1000));
      await store.put("cairn/v/gone", bytes(7));
      await store.delete(["cairn/u/y", "cairn/v/gone"]);
      for await (const version of listObjectVersions(store.api, { prefix: "cairn/v/" })) {
        const { key, versionId, info } = version;
        if (info === undefined) continue;
        const query = { versionId };
        await store.api.request({ method: "DELETE", key, query, operation: "DeleteObject" });
      }
      assert.deepEqual(await nonCurrentUsage(store), {
        current: { count: 2, bytes: 21 },
        noncurrent: { count: 2, bytes: 15 },
        deleteMarkers: 2,
        expiredDeleteMarkers: 1,
      });
      assert.deepEqual(await nonCurrentUsage(store, { thread: "t" }), {
        current: { count: 1, bytes: 20 },
        noncurrent: { count: 1, bytes: 10 },
        deleteMarkers: 0,
        expiredDeleteMarkers: 0,
      });
    });
  });

  Deno.test(`${name}: versions are listed page by page, none left out and none twice`, async () => {
    await withVersions(open, async (store) => {
      const names = ["a b", "a+b", "a%2Bb", "é", "z&<>'"];
      for (const name of [...names, ...names]) await store.put(`cairn/${name}`, new Uint8Array(1));
      await store.delete(names.slice(1, 3).map((name) => `cairn/${name}`));
      const whole = await all(listObjectVersions(store.api, { prefix: "cairn/" }));
      assert.equal(whole.length, 12);
      assert.deepEqual(new Set(whole.map(({ key }) => key)).size, 5);
      for (const maxKeys of [1, 2, 5]) {
        const paged = await all(listObjectVersions(store.api, { prefix: "cairn/", maxKeys }));
        assert.deepEqual(paged, whole);
      }
    });
  });

  Deno.test(`${name}: a bucket without versions is told so, and one that is suspended is not`, async () => {
    await withBucket(open, async (store) => {
      const place = { thread: "t", namespace: "", id: "x" };
      const calls = [
        () => all(listVersions(store, "t")),
        () => loadVersion(store, { ...place, versionId: "null" }),
        () => restoreThread(store, "t"),
        () => restoreCheckpoint(store, place),
        () => nonCurrentUsage(store),
      ];
      for (const call of calls) {
        await assert.rejects(
          call,
          (error) => error instanceof UnsupportedError && /keeps no versions/.test(error.message),
        );
      }
      await applyPlan(store, await planBucket(store, { versioning: "suspended" }));
      assert.deepEqual(await all(listVersions(store, "t")), []);
    });
  });
}

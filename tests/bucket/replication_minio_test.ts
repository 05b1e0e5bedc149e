import {
  CorruptError,
  type Fallback,
  InvalidInputError,
  S3Checkpointer,
  UnavailableError,
  withReplica,
} from "@cairn/checkpoint";
import { applyPlan, checkReplica, planBucket, replicationStatus } from "@cairn/checkpoint/bucket";
import type { S3Store } from "@cairn/checkpoint/edge";
import { faultyStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { requireServer } from "../servers/env.ts";
import { admin } from "../servers/minio_admin.ts";
import { TRANSPORTS, withBucket } from "./_buckets.ts";

/** Lets one bucket be replicated to another, until it has no rules; gives the ARN of the target. */
async function addTarget(from: S3Store, to: S3Store): Promise<string> {
  const { endpoint, accessKeyId, secretAccessKey, region } = requireServer();
  const answer = await admin({
    method: "PUT",
    path: `set-remote-target?bucket=${from.api.bucket}`,
    encrypted: true,
    body: {
      sourcebucket: from.api.bucket,
      targetbucket: to.api.bucket,
      endpoint: new URL(endpoint).host,
      credentials: { accessKey: accessKeyId, secretKey: secretAccessKey },
      secure: false,
      type: "replication",
      region,
      path: "on",
    },
  });
  return JSON.parse(answer);
}

const enable = async (store: S3Store) =>
  await applyPlan(store, await planBucket(store, { versioning: "enabled" }));

for (const [name, open] of Object.entries(TRANSPORTS)) {
  Deno.test(`${name}: a checkpoint is replicated, its replication told, and read there`, async () => {
    await withBucket(open, async (origin) => {
      await withBucket(open, async (replica) => {
        await assert.rejects(checkReplica(origin, replica), (error) => {
          return error instanceof InvalidInputError &&
            /the versioning of .* is Disabled/.test(error.message);
        });
        await enable(origin);
        await assert.rejects(
          checkReplica(origin, replica),
          (error) =>
            error instanceof InvalidInputError &&
            error.message.includes(`of "${replica.api.bucket}" is`),
        );
        await enable(replica);
        await checkReplica(origin, replica);

        const before = await new S3Checkpointer(origin).save("old", { step: 0 });
        const arn = await addTarget(origin, replica);
        const replication = { destinations: [{ bucket: arn }] };
        await applyPlan(origin, await planBucket(origin, { replication }));
        assert.deepEqual((await planBucket(origin, { replication })).steps, []);

        const state = { large: "x".repeat(100_000) + "é", step: 1 };
        const { id } = await new S3Checkpointer(origin).save("a b+c%é/", state, {
          namespace: "n",
        });
        const place = { thread: "a b+c%é/", namespace: "n", id };
        let told = await replicationStatus(origin, place);
        const kinds = told.objects.map(({ kind }) => kind);
        assert.equal(kinds.filter((kind) => kind === "checkpoint").length, 1);
        assert(kinds.includes("chunk"));
        for (let tries = 0; told.state === "pending" && tries < 100; tries++) {
          await new Promise((resolve) => setTimeout(resolve, 200));
          told = await replicationStatus(origin, place);
        }
        assert.equal(told.state, "completed", JSON.stringify(told));
        const there = await replicationStatus(replica, { ...place, id: undefined });
        assert.deepEqual([there.id, there.state], [id, "replica"]);
        // What was there before the rule has not been copied.
        assert.equal((await replicationStatus(origin, { thread: "old" })).state, "none");
        assert.equal(await new S3Checkpointer(replica).load("old"), undefined);

        // The origin is lost: whoever reads goes on from the replica.
        const down = faultyStore(origin, () => ({ kind: "fail" }));
        const heard: Fallback[] = [];
        const store = withReplica(down, replica, { onFallback: (it) => heard.push(it) });
        const found = await new S3Checkpointer(store).load("a b+c%é/", { namespace: "n" });
        assert.deepEqual([found?.id, found?.state], [id, state]);
        assert(heard.length > 0 && heard.every((it) => it.replicaError === undefined));
        await assert.rejects(new S3Checkpointer(store).load("old"), UnavailableError);
        assert.equal((await new S3Checkpointer(origin).load("old"))?.id, before.id);

        // A body that breaks off goes on at the replica: the same object has the same ETag there.
        const cut = faultyStore(
          origin,
          ({ operation }) => operation === "get" ? { kind: "cut", after: 100 } : undefined,
        );
        const halves = withReplica(cut, replica, { onFallback: (it) => heard.push(it) });
        heard.length = 0;
        const mended = await new S3Checkpointer(halves).load("a b+c%é/", { namespace: "n" });
        assert.deepEqual(mended?.state, state);
        assert(heard.length > 0 && heard.every((it) => it.replicaError === undefined));
        await assert.rejects(
          new S3Checkpointer(cut).load("a b+c%é/", { namespace: "n" }),
          (error) => error instanceof UnavailableError || error instanceof CorruptError,
        );

        await applyPlan(origin, await planBucket(origin, { replication: { destinations: [] } }));
        const { steps } = await planBucket(origin, { replication: { destinations: [] } });
        assert.deepEqual(steps, []);
      });
    });
  });
}

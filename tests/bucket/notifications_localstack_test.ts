import { InvalidInputError, S3Checkpointer } from "@cairn/checkpoint";
import {
  applyPlan,
  type CheckpointEvent,
  notificationPolicy,
  type Notifications,
  parseCheckpointEvent,
  planBucket,
} from "@cairn/checkpoint/bucket";
import type { S3Store } from "@cairn/checkpoint/edge";
import assert from "node:assert/strict";
import { HOSTILE_IDS } from "../checkpoint/_hostile.ts";
import { TRANSPORTS, withBucket } from "./_buckets.ts";
import { ACCOUNT, withQueue, withRule, withTopic } from "./_services.ts";

/** Ids that do not survive a careless decoder. */
const IDS = ["a b+c%20é/", "../x", "👩‍🚀", ...HOSTILE_IDS.slice(0, 3)];

async function configure(
  store: S3Store,
  prefix: string,
  notifications: Notifications,
): Promise<void> {
  const plan = await planBucket(store, { notifications }, { prefix });
  assert(plan.changes.length > 0);
  await applyPlan(store, plan);
  assert.deepEqual((await planBucket(store, { notifications }, { prefix })).steps, []);
}

/** Saves a checkpoint under each id; gives what the events must say. */
async function saveAll(store: S3Store, prefix: string): Promise<Set<string>> {
  const checkpointer = new S3Checkpointer(store, { prefix });
  const expected = new Set<string>();
  for (const id of IDS) {
    await checkpointer.save(id, { large: "x".repeat(40_000) }, { namespace: id, id });
    expected.add(JSON.stringify([id, id, id]));
  }
  return expected;
}

/** Whether there is an event of each checkpoint that was saved. */
const told = (expected: ReadonlySet<string>, prefix: string, found: CheckpointEvent[] = []) => {
  return (bodies: readonly string[]) => {
    found.splice(
      0,
      found.length,
      ...bodies.flatMap((body) => parseCheckpointEvent(body, { prefix })),
    );
    const saved = found.filter((event) => event.kind === "checkpoint").map((event) =>
      JSON.stringify([event.thread, event.namespace, event.checkpointId])
    );
    return expected.isSubsetOf(new Set(saved));
  };
};

for (const [name, open] of Object.entries(TRANSPORTS)) {
  Deno.test(`${name}: a checkpoint is saved, and SQS tells which`, async () => {
    const prefix = "agents é+%25 ~/live/";
    await withBucket(open, async (store) => {
      const { bucket } = store.api;
      const policy = (target: string) => notificationPolicy({ target, source: bucket });
      await withQueue(policy, async (queue) => {
        await configure(store, prefix, { targets: [{ arn: queue.arn }] });
        const first = await queue.receive((bodies) => bodies.length > 0);
        assert.deepEqual(first.flatMap((body) => parseCheckpointEvent(body)), []); // the test event
        const found: CheckpointEvent[] = [];
        await queue.receive(told(await saveAll(store, prefix), prefix, found));
        for (const event of found) {
          // Records alone, and each told of can be loaded.
          assert(event.kind === "checkpoint" && event.action === "created", event.key);
          assert.equal(event.bucket, bucket);
          const { size, etag } = await store.head(event.key);
          assert.deepEqual([event.size, event.etag], [size, etag]);
          assert(Math.abs(event.time.getTime() - Date.now()) < 120_000, `${event.time}`);
        }
        const { thread, namespace, checkpointId: id } = found[0] as CheckpointEvent & {
          kind: "checkpoint";
        };
        const reader = new S3Checkpointer(store, { prefix });
        assert((await reader.load(thread, { namespace, id }))?.id === id);
        // Nothing is told of another prefix.
        await new S3Checkpointer(store, { prefix: "elsewhere" }).save("t", {});
        assert.deepEqual(await queue.drain(), []);
      });
    });
  });

  Deno.test(`${name}: all objects are told of, and their deletion, versions and all`, async () => {
    await withBucket(open, async (store) => {
      const policy = (target: string) => notificationPolicy({ target, source: store.api.bucket });
      await withQueue(policy, async (queue) => {
        await applyPlan(store, await planBucket(store, { versioning: "enabled" }));
        const events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"] as const;
        const targets = [{ arn: queue.arn, objects: "all", events }] as const;
        await configure(store, "cairn/", { targets });
        const checkpointer = new S3Checkpointer(store);
        await checkpointer.save("t", { large: "x".repeat(40_000) });
        await checkpointer.delete("t");
        const seen = (bodies: readonly string[]) => {
          const found = bodies.flatMap((body) => parseCheckpointEvent(body));
          const words = found.map(({ kind, action }) => `${kind} ${action}`);
          return ["checkpoint created", "chunk created", "checkpoint deleted", "chunk deleted"]
            .every((word) => words.includes(word));
        };
        const found = (await queue.receive(seen)).flatMap((body) => parseCheckpointEvent(body));
        for (const { action, deleteMarker, versionId } of found) {
          assert.equal(deleteMarker, action === "deleted");
          assert.match(versionId!, /./);
        }
      });
    });
  });

  for (const raw of [false, true]) {
    Deno.test(`${name}: SNS tells SQS of a checkpoint${raw ? ", raw" : ""}`, async () => {
      const prefix = "agents é+ /";
      await withBucket(open, async (store) => {
        let topic = "";
        const policy = (target: string) =>
          notificationPolicy({ target, source: topic || `arn:aws:sns:us-east-1:${ACCOUNT}:t` });
        await withQueue(policy, async (queue) => {
          const policy = (target: string) =>
            notificationPolicy({ target, source: store.api.bucket });
          await withTopic(queue, { raw, policy }, async (arn) => {
            topic = arn;
            await configure(store, prefix, { targets: [{ arn }] });
            const found: CheckpointEvent[] = [];
            await queue.receive(told(await saveAll(store, prefix), prefix, found));
            for (const { source, via } of found) {
              assert.deepEqual([source, via], ["s3", raw ? [] : ["sns"]]);
            }
          });
        });
      });
    });
  }

  Deno.test(`${name}: EventBridge tells SQS of a checkpoint`, async () => {
    // A prefix of letters: LocalStack encodes the keys of these events, which AWS does not.
    const prefix = "cairn/";
    await withBucket(open, async (store) => {
      const policy = (target: string) =>
        notificationPolicy({ target, source: `arn:aws:events:us-east-1:${ACCOUNT}:rule/r` });
      await withQueue(policy, async (queue) => {
        await withRule(queue, store.api.bucket, async () => {
          await configure(store, prefix, { eventBridge: true });
          const found: CheckpointEvent[] = [];
          await queue.receive(told(await saveAll(store, prefix), prefix, found));
          for (const { source, bucket, action } of found) {
            assert.deepEqual([source, bucket, action], [
              "eventbridge",
              store.api.bucket,
              "created",
            ]);
          }
          await configure(store, prefix, { eventBridge: false });
          await queue.drain();
          await new S3Checkpointer(store, { prefix }).save("late", {});
          assert.deepEqual(await queue.drain(), []);
        });
      });
    });
  });

  Deno.test(`${name}: a queue that does not exist is refused by name, and nothing is changed`, async () => {
    await withBucket(open, async (store) => {
      const arn = `arn:aws:sqs:us-east-1:${ACCOUNT}:nobody-${crypto.randomUUID()}`;
      const plan = await planBucket(store, { notifications: { targets: [{ arn }] } });
      await assert.rejects(applyPlan(store, plan), (error) => {
        assert(error instanceof InvalidInputError);
        assert.match(error.message, /must exist, in region "us-east-1", and allow S3/);
        return error.code === "InvalidArgument";
      });
      const again = await planBucket(store, { notifications: {} });
      assert.deepEqual(again.steps, []);
    });
  });

  Deno.test(`${name}: notifications of others survive ours, their change and their end`, async () => {
    await withBucket(open, async (store) => {
      const policy = (target: string) => notificationPolicy({ target, source: store.api.bucket });
      await withQueue(policy, async (theirs) => {
        await withQueue(policy, async (ours) => {
          const body =
            '<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
            `<QueueConfiguration><Id>theirs</Id><Queue>${theirs.arn}</Queue>` +
            "<Event>s3:ObjectCreated:Put</Event><Filter><S3Key><FilterRule><Name>prefix</Name>" +
            "<Value>images/</Value></FilterRule></S3Key></Filter></QueueConfiguration>" +
            "</NotificationConfiguration>";
          const query = { notification: "" };
          const operation = "PutBucketNotificationConfiguration";
          await store.api.request({ method: "PUT", query, body, operation });
          const wishes: Notifications[] = [
            { targets: [{ arn: ours.arn }] },
            { targets: [{ arn: ours.arn, events: ["s3:ObjectRemoved:*"] }] },
            { eventBridge: true },
            { eventBridge: false },
          ];
          for (const wish of wishes) {
            await configure(store, "cairn/", wish);
            const { text } = await store.api.request({ method: "GET", query, operation });
            assert(text.includes(theirs.arn) && text.includes("images/"), text);
            assert.equal(text.includes(ours.arn), wish.targets !== undefined);
          }
          await theirs.drain();
          await store.put("images/1.png", new Uint8Array(1));
          const bodies = await theirs.receive((bodies) => bodies.length > 0);
          assert.deepEqual(bodies.flatMap((body) => parseCheckpointEvent(body)), []);
        });
      });
    });
  });
}

import {
  CorruptError,
  InvalidInputError,
  memoryStore,
  NotFoundError,
  S3Checkpointer,
  UnsupportedError,
} from "@cairn/checkpoint";
import {
  type BucketConfiguration,
  type BucketState,
  checkReplica,
  planBucket,
  planChanges,
  type Replication,
  type ReplicationDestination,
  replicationStatus,
} from "@cairn/checkpoint/bucket";
import type { DialectName, S3Request, S3Store } from "@cairn/checkpoint/edge";
import assert from "node:assert/strict";
import { fakeBucket } from "./_fake.ts";

const role = "arn:aws:iam::123456789012:role/service-role/replication";
const kmsKeyArn = "arn:aws:kms:us-west-2:123456789012:key/6f7d";

const state = (
  replication?: string | null,
  versioning?: string | null,
  dialect: DialectName = "aws",
): BucketState => ({
  bucket: "state",
  region: "eu-central-1",
  dialect,
  sections: {
    ...replication !== undefined && { replication: { xml: replication, headers: {} } },
    ...versioning !== undefined && { versioning: { xml: versioning, headers: {} } },
  },
});

const versioned = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";

const plan = (
  replication: Replication,
  there: BucketState = state(null, versioned),
  more: BucketConfiguration = {},
) => planChanges(there, { ...more, replication });

const documentOf = (made: ReturnType<typeof plan>): string | null | undefined =>
  made.steps.find(({ section }) => section === "replication")?.after.xml?.replace(
    / xmlns="[^"]*"/,
    "",
  );

function refused(call: () => unknown, expected: RegExp): void {
  assert.throws(call, (error) => {
    assert(error instanceof InvalidInputError, `${error}`);
    assert.match(error.message, expected);
    return true;
  });
}

Deno.test("replication is a rule for each destination, under one role", () => {
  const made = plan({
    role,
    destinations: [
      { bucket: "state-us" },
      {
        bucket: "arn:aws:s3:::state-ap",
        account: "210987654321",
        storageClass: "GLACIER_IR",
        deleteMarkers: false,
        kmsKeyArn,
        timeControl: true,
        priority: 7,
      },
    ],
  });
  assert.equal(
    documentOf(made),
    `<ReplicationConfiguration><Role>${role}</Role>` +
      "<Rule><ID>cairn:replicate-to:state-us:cairn/</ID><Priority>1</Priority>" +
      "<Filter><Prefix>cairn/</Prefix></Filter><Status>Enabled</Status>" +
      "<Destination><Bucket>arn:aws:s3:::state-us</Bucket></Destination>" +
      "<DeleteMarkerReplication><Status>Enabled</Status></DeleteMarkerReplication></Rule>" +
      "<Rule><ID>cairn:replicate-to:state-ap:cairn/</ID><Priority>7</Priority>" +
      "<Filter><Prefix>cairn/</Prefix></Filter><Status>Enabled</Status>" +
      "<SourceSelectionCriteria><SseKmsEncryptedObjects><Status>Enabled</Status>" +
      "</SseKmsEncryptedObjects></SourceSelectionCriteria>" +
      "<Destination><Bucket>arn:aws:s3:::state-ap</Bucket><Account>210987654321</Account>" +
      "<AccessControlTranslation><Owner>Destination</Owner></AccessControlTranslation>" +
      "<StorageClass>GLACIER_IR</StorageClass>" +
      `<EncryptionConfiguration><ReplicaKmsKeyID>${kmsKeyArn}</ReplicaKmsKeyID></EncryptionConfiguration>` +
      "<ReplicationTime><Status>Enabled</Status><Time><Minutes>15</Minutes></Time></ReplicationTime>" +
      "<Metrics><Status>Enabled</Status><EventThreshold><Minutes>15</Minutes></EventThreshold></Metrics>" +
      "</Destination><DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>" +
      "</Rule></ReplicationConfiguration>",
  );
  assert.deepEqual(made.changes.map(({ action, text }) => `${action}: ${text}`), [
    'add: keys that begin with "cairn/" are copied to arn:aws:s3:::state-us; their deletion is copied, too',
    'add: keys that begin with "cairn/" are copied to arn:aws:s3:::state-ap, of account ' +
    `210987654321, as GLACIER_IR, under ${kmsKeyArn}, within 15 minutes; their deletion is not`,
  ]);
  assert.match(made.notes.join("\n"), /only what is written from now on/);
  assert.match(made.notes.join("\n"), /destination must have versioning enabled/);
});

Deno.test("replication that is there is not planned again, and keeps its priority", () => {
  const wish = { role, destinations: [{ bucket: "state-us", metrics: true }] };
  const first = documentOf(plan(wish))!;
  const moved = first.replace("<Priority>1<", "<Priority>12<");
  assert.deepEqual(plan(wish, state(moved, versioned)).steps, []);
  const changed = plan(
    { role, destinations: [{ bucket: "state-us", metrics: true, storageClass: "STANDARD_IA" }] },
    state(moved, versioned),
  );
  assert.deepEqual(changed.changes.map(({ action }) => action), ["change"]);
  assert.match(documentOf(changed)!, /<Priority>12</);
  const gone = plan({ destinations: [] }, state(moved, versioned));
  assert.deepEqual(gone.changes.map(({ action }) => action), ["remove"]);
  assert.equal(gone.steps[0]!.after.xml, null);
  assert.deepEqual(plan({ destinations: [] }).steps, []);
});

Deno.test("replication rules of others stay, with their role and their priorities", () => {
  const rule = (id: string, priority: number, prefix: string) =>
    `<Rule><ID>${id}</ID><Priority>${priority}</Priority><Status>Enabled</Status>` +
    `<Filter><Prefix>${prefix}</Prefix></Filter><DeleteMarkerReplication><Status>Disabled</Status>` +
    "</DeleteMarkerReplication><Destination><Bucket>arn:aws:s3:::backup</Bucket></Destination></Rule>";
  const theirs = `<ReplicationConfiguration><Role>${role}</Role>${rule("theirs", 1, "images/")}${
    rule("cairn:replicate-to:backup:staging/", 2, "staging/")
  }</ReplicationConfiguration>`;
  const there = state(theirs, versioned);
  const made = plan({ role, destinations: [{ bucket: "state-us" }] }, there);
  assert.deepEqual(made.steps[0]!.kept, ["theirs", "cairn:replicate-to:backup:staging/"]);
  assert.match(documentOf(made)!, /replicate-to:state-us:cairn\/<\/ID><Priority>3</);
  const back = plan({ destinations: [] }, state(documentOf(made)!, versioned));
  assert.deepEqual(back.changes.map(({ action }) => action), ["remove"]);
  assert.match(documentOf(back)!, /images/);
  assert.deepEqual(plan({ destinations: [] }, there).steps, []);
  const other = role.replace("replication", "other");
  refused(
    () => plan({ role: other, destinations: [{ bucket: "state-us" }] }, there),
    /rules of others \(theirs, cairn:replicate-to:backup:staging\/\) copy as ".*has one role/,
  );
  const own = state(documentOf(plan({ role, destinations: [{ bucket: "state-us" }] }))!, versioned);
  const replaced = plan({ role: other, destinations: [{ bucket: "state-us" }] }, own);
  assert.deepEqual(replaced.changes.map(({ action }) => action), ["change"]);
  assert(documentOf(replaced)!.startsWith(`<ReplicationConfiguration><Role>${other}</Role><Rule>`));
});

Deno.test("replication needs versions, and says so before anything is sent", async () => {
  const wish = { role, destinations: [{ bucket: "state-us" }] };
  const suspended = versioned.replace("Enabled", "Suspended");
  for (const versioning of [null, "<VersioningConfiguration/>", suspended]) {
    refused(
      () => plan(wish, state(null, versioning)),
      /its versioning is not enabled.*"enabled"` too/,
    );
    plan(wish, state(null, versioning), { versioning: "enabled" });
    plan({ destinations: [] }, state(null, versioning));
  }
  refused(
    () => plan(wish, undefined, { versioning: "suspended" }),
    /its versioning is not enabled/,
  );

  const { store, requests, documents } = fakeBucket();
  const destinations = [{ bucket: "state-us" }];
  await assert.rejects(
    planBucket(store, { replication: { role, destinations } }),
    InvalidInputError,
  );
  assert.deepEqual(requests.map(({ method, operation }) => [method, operation]).sort(), [
    ["GET", "GetBucketReplication"],
    ["GET", "GetBucketVersioning"],
  ]);
  documents.set("versioning", versioned);
  const made = await planBucket(store, { replication: { role, destinations } });
  assert.deepEqual(made.steps.map(({ section }) => section), ["replication"]);
});

Deno.test("replication refuses what S3 would, by name", () => {
  const cases: readonly [Partial<ReplicationDestination>, RegExp][] = [
    [{ bucket: "state" }, /destinations\[0\]\.bucket.*"state"; give another bucket/],
    [{ bucket: "arn:aws:s3:::state" }, /another bucket than the one that is copied/],
    [{ bucket: "A_B" }, /a bucket's name or its ARN/],
    [{ bucket: "arn:aws:sqs:eu-central-1:123456789012:q" }, /a bucket's name or its ARN/],
    [{ bucket: undefined as unknown as string }, /a bucket's name or its ARN/],
    [{ account: "12" }, /the twelve digits of an account/],
    [{ storageClass: "COLD" as "GLACIER" }, /one of STANDARD, STANDARD_IA/],
    [{ kmsKeyArn: "alias/state" }, /the ARN of a key of AWS KMS/],
    [{ kmsKeyArn: "arn:aws:s3:::key" }, /the ARN of a key of AWS KMS/],
    [{ priority: -1 }, /priority.*a whole number from 0/],
    [{ deleteMarkers: "yes" as unknown as true }, /true or false/],
    [{ timeControl: true, metrics: false }, /time control has them always/],
  ];
  for (const [wish, expected] of cases) {
    refused(() => plan({ role, destinations: [{ bucket: "state-us", ...wish }] }), expected);
  }
  const twice = [{ bucket: "state-us" }, { bucket: "arn:aws:s3:::state-us" }];
  refused(() => plan({ role, destinations: twice }), /"state-us"; give each bucket once/);
  refused(() => plan({ role, destinations: undefined as unknown as [] }), /a list, empty for none/);
  for (
    const bad of [
      undefined,
      "",
      "replication",
      "arn:aws:iam::123456789012:user/replication",
      "arn:aws:iam::12:role/replication",
      "arn:aws:sts::123456789012:role/replication",
    ]
  ) {
    refused(
      () => plan({ role: bad, destinations: [{ bucket: "state-us" }] }),
      /replication\.role.*the ARN of a role/,
    );
  }
  assert.throws(
    () => plan({ role, destinations: [] }, state(null, undefined, "r2")),
    (error) => error instanceof UnsupportedError && /R2 replicates nothing/.test(error.message),
  );
});

Deno.test("replication on MinIO goes to its remote targets, without a role", () => {
  const bucket = "arn:minio:replication:us-east-1:78411ea5-73f5:state";
  const made = plan({ destinations: [{ bucket }] }, state(null, versioned, "minio"));
  assert.match(documentOf(made)!, /^<ReplicationConfiguration><Rule>/);
  refused(
    () => plan({ destinations: [{ bucket: "state-us" }] }, state(null, versioned, "minio")),
    /a remote target of MinIO's/,
  );
});

Deno.test("checkReplica() refuses a bucket for itself", async () => {
  const [{ store }, { store: same }] = [fakeBucket(), fakeBucket()];
  for (const other of [store, same]) {
    await assert.rejects(
      checkReplica(store, other),
      (error) => error instanceof InvalidInputError && /"state" to itself/.test(error.message),
    );
  }
  await assert.rejects(checkReplica(store, memoryStore() as unknown as S3Store), UnsupportedError);
});

/** A bucket in memory whose objects have a state of replication. */
async function replicating(
  statusOf: (key: string) => string | null,
): Promise<{ store: S3Store; requests: S3Request[]; id: string; open: () => number }> {
  const store = memoryStore();
  const checkpointer = new S3Checkpointer(store);
  await checkpointer.save("t", { large: "x".repeat(200_000) });
  const { id } = await checkpointer.save("t", { large: "y".repeat(200_000) });
  const requests: S3Request[] = [];
  let [now, most] = [0, 0];
  const request = async (sent: S3Request) => {
    requests.push(sent);
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 1));
    now--;
    const status = statusOf(sent.key!);
    const headers = new Headers(status === null ? {} : { "x-amz-replication-status": status });
    return { status: 200, headers, text: "" };
  };
  const { api } = fakeBucket().store;
  return { store: { ...store, api: { ...api, request } }, requests, id, open: () => most };
}

Deno.test("replicationStatus() is the worst of a checkpoint's objects", async () => {
  const isRecord = (key: string) => key.endsWith("/c");
  const cases: readonly [string | null, string | null, string][] = [
    ["COMPLETED", "COMPLETED", "completed"],
    ["COMPLETE", "COMPLETED", "completed"],
    ["COMPLETED", "PENDING", "pending"],
    ["PENDING", "FAILED", "failed"],
    ["FAILED", null, "failed"],
    ["COMPLETED", null, "none"],
    [null, "PENDING", "none"],
    ["REPLICA", "REPLICA", "replica"],
    ["REPLICA", "COMPLETED", "completed"],
  ];
  for (const [record, chunk, expected] of cases) {
    const { store, requests, id, open } = await replicating((key) =>
      isRecord(key) ? record : chunk
    );
    const told = await replicationStatus(store, { thread: "t" }, { maxOpenRequests: 2 });
    assert.deepEqual([told.id, told.state], [id, expected]);
    assert.equal(told.objects.length, requests.length);
    assert.equal(told.objects.filter(({ kind }) => kind === "checkpoint").length, 1);
    assert(told.objects.filter(({ kind }) => kind === "chunk").length > 1);
    assert(
      requests.every(({ method, operation }) => method === "HEAD" && operation === "HeadObject"),
    );
    assert.equal(open(), 2);
  }
});

Deno.test("replicationStatus() refuses what it cannot tell of", async () => {
  const { store } = await replicating(() => "COMPLETED");
  for (
    const place of [{ thread: "nobody" }, { thread: "t", id: "absent" }, {
      thread: "t",
      namespace: "n",
    }]
  ) {
    await assert.rejects(
      replicationStatus(store, place),
      (error) => error instanceof NotFoundError && error.what === "checkpoint",
    );
  }
  await assert.rejects(replicationStatus(store, { thread: "t", id: "" }), InvalidInputError);
  await assert.rejects(
    replicationStatus(memoryStore() as unknown as S3Store, { thread: "t" }),
    (error) => error instanceof UnsupportedError && /memory/.test(error.message),
  );
  const strange = await replicating(() => "LOST");
  await assert.rejects(
    replicationStatus(strange.store, { thread: "t" }),
    (error) => error instanceof CorruptError && /"LOST"/.test(error.message),
  );
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(replicationStatus(store, { thread: "t" }, { signal }), {
    message: "enough",
  });
});

import { InvalidInputError, UnsupportedError } from "@cairn/checkpoint";
import { applyPlan, describePlan, type Lifecycle, planBucket } from "@cairn/checkpoint/bucket";
import assert from "node:assert/strict";
import fc from "fast-check";
import { lifecycle } from "../../src/bucket/sections/lifecycle.ts";
import type { XmlElement } from "../../src/s3/xml.ts";
import { fakeBucket } from "./_fake.ts";
import { contextOf, FOREIGN_RULES } from "./_trees.ts";

const DAYS = fc.integer({ min: 1, max: 300 });
const THREADS = fc.constantFrom("a", "b", "c/", "tenant-1:", "ü");

const RULES: fc.Arbitrary<Lifecycle> = fc.record({
  expire: fc.uniqueArray(
    fc.record({ ttl: fc.record({ days: DAYS.map((days) => days + 800) }), threads: THREADS }),
    { selector: ({ threads }) => threads },
  ),
  noncurrent: fc.uniqueArray(
    fc.record({
      days: DAYS.map((days) => days + 800),
      threads: THREADS,
      keep: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
    }),
    { selector: ({ threads }) => threads },
  ),
  deleteMarkers: fc.boolean(),
  abortUploads: fc.option(DAYS, { nil: undefined }),
  transitions: fc.uniqueArray(
    fc.record({
      threads: THREADS,
      current: fc.constant([{ days: 30, to: "STANDARD_IA" }, { days: 90, to: "GLACIER_IR" }]),
      noncurrent: fc.constantFrom([], [{ days: 1, to: "INTELLIGENT_TIERING" }]),
      minBytes: fc.option(fc.integer({ min: 1 }), { nil: undefined }),
    }),
    { selector: ({ threads }) => threads },
  ) as fc.Arbitrary<Lifecycle["transitions"]>,
});

function documentOf(rules: XmlElement[]): XmlElement | undefined {
  return rules.length === 0
    ? undefined
    : { name: "LifecycleConfiguration", text: "", children: rules };
}

Deno.test("rules of others survive any lifecycle, as they are and where they are", () => {
  fc.assert(fc.property(FOREIGN_RULES, RULES, (foreign, desired) => {
    const merged = lifecycle.merge(documentOf(foreign), desired, contextOf());
    assert.deepEqual(merged?.children.slice(0, foreign.length) ?? [], foreign);
  }));
});

Deno.test("a lifecycle merged twice is merged once, whatever was ours before", () => {
  fc.assert(fc.property(FOREIGN_RULES, RULES, RULES, (foreign, earlier, desired) => {
    const once = lifecycle.merge(documentOf(foreign), desired, contextOf());
    assert.deepEqual(lifecycle.merge(once, desired, contextOf()), once);
    const before = lifecycle.merge(documentOf(foreign), earlier, contextOf());
    assert.deepEqual(lifecycle.merge(before, desired, contextOf()), once);
  }));
});

Deno.test("an empty lifecycle takes ours away, and leaves exactly what others have", () => {
  fc.assert(fc.property(FOREIGN_RULES, RULES, (foreign, desired) => {
    const merged = lifecycle.merge(documentOf(foreign), desired, contextOf());
    assert.deepEqual(lifecycle.merge(merged, {}, contextOf()), documentOf(foreign));
  }));
});

Deno.test("two checkpointers in one bucket keep their rules apart", () => {
  const [a, b] = ["a/", "b/"].map((prefix) => contextOf({}, { prefix }));
  const desired = { expire: [{ ttl: { days: 4 } }] };
  const both = lifecycle.merge(lifecycle.merge(undefined, desired, a!), desired, b!);
  assert.equal(both?.children.length, 2);
  const left = lifecycle.merge(both, {}, a!);
  assert.deepEqual(left, lifecycle.merge(undefined, desired, b!));
});

Deno.test("a checkpointer in a folder of another one's keeps its rules, and leaves the other's", () => {
  const [outer, inner] = ["", "cairn/"].map((prefix) => contextOf({}, { prefix }));
  const desired = { expire: [{ ttl: { days: 4 }, threads: "a/b" }], deleteMarkers: true };
  const both = lifecycle.merge(lifecycle.merge(undefined, desired, outer!), desired, inner!);
  assert.equal(both?.children.length, 4);
  assert.deepEqual(
    lifecycle.merge(both, {}, outer!),
    lifecycle.merge(undefined, desired, inner!),
  );
  assert.deepEqual(
    lifecycle.merge(both, {}, inner!),
    lifecycle.merge(undefined, desired, outer!),
  );
});

Deno.test("every rule of ours has an id of its own, and one that S3 takes", () => {
  const threads = "t".repeat(400);
  const desired: Lifecycle = {
    expire: [{ ttl: { days: 4 }, threads }, { ttl: { days: 4 }, threads: `${"t".repeat(399)}u` }],
    noncurrent: [{ days: 3, threads }],
    deleteMarkers: true,
    abortUploads: 7,
    transitions: [{ threads, current: [{ days: 1, to: "INTELLIGENT_TIERING" }] }],
  };
  const ids = lifecycle.items(lifecycle.merge(undefined, desired, contextOf()), contextOf())
    .map(({ id }) => id);
  assert.equal(new Set(ids).size, 6);
  assert(ids.every((id) => id.startsWith("cairn:") && id.length <= 255));
});

Deno.test("a lifecycle says what it does in sentences", async () => {
  const { store, documents } = fakeBucket();
  documents.set(
    "lifecycle",
    "<LifecycleConfiguration><Rule><ID>all</ID><Filter/><Status>Enabled</Status>" +
      "<Expiration><Days>5</Days></Expiration></Rule></LifecycleConfiguration>",
  );
  const plan = await planBucket(store, {
    lifecycle: {
      expire: [{ ttl: { days: 30 }, threads: "tenant-1:" }],
      noncurrent: [{ days: 3, keep: 2 }],
      transitions: [{
        current: [{ days: 30, to: "STANDARD_IA" }],
        noncurrent: [{ days: 1, to: "GLACIER" }],
        minBytes: 1000,
      }],
      deleteMarkers: true,
      abortUploads: 7,
    },
  });
  assert.equal(
    describePlan(plan),
    `bucket "state" (aws)
  lifecycle
    + cairn:expire:cairn/tenant-1~3a: objects are removed 38 days after they were written, under "cairn/tenant-1~3a"
    + cairn:noncurrent:cairn/: old versions are removed after 3 days, the newest 2 of each object kept, under "cairn/"
    + cairn:delete-markers:cairn/: delete markers that nothing is left behind are removed, under "cairn/"
    + cairn:abort-uploads:cairn/: uploads that were never completed are aborted after 7 days, under "cairn/"
    + cairn:transition:cairn/: objects move to STANDARD_IA after 30 days; old versions move to GLACIER after 1 day, under "cairn/", of more than 999 bytes
    = all: stays as it is
  note: lifecycle: give each checkpointer of these threads \`ttl: expireAfter({ days: 30 })\` first; without it a checkpoint may outlive the chunks it needs
  note: lifecycle: the rule "all" of others removes objects of this checkpointer, too (objects are removed 5 days after they were written, under ""): threads can lose chunks they need`,
  );
});

Deno.test("the size below which nothing moves is kept as others set it", async () => {
  const { store, documents, headers } = fakeBucket();
  const kept = { "x-amz-transition-default-minimum-object-size": "varies_by_storage_class" };
  documents.set(
    "lifecycle",
    "<LifecycleConfiguration><Rule><ID>x</ID><Filter/><Status>Enabled</Status>" +
      "<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>" +
      "</LifecycleConfiguration>",
  );
  headers.set("lifecycle", { ...kept, "x-amz-request-id": "1" });
  await applyPlan(store, await planBucket(store, { lifecycle: { abortUploads: 7 } }));
  assert.deepEqual(headers.get("lifecycle"), kept);
});

Deno.test("R2 has no way to take its last rule away: that is refused before anything is sent", async () => {
  const { store, documents, requests } = fakeBucket("r2");
  await applyPlan(store, await planBucket(store, { lifecycle: { abortUploads: 7 } }));
  requests.length = 0;
  await assert.rejects(
    planBucket(store, { lifecycle: {} }),
    (error) => error instanceof UnsupportedError && /DeleteBucketLifecycle/.test(error.message),
  );
  assert(documents.has("lifecycle"));
  assert(requests.every(({ method }) => method === "GET"));
});

const STEP = (days: number, to = "GLACIER_IR") => ({ days, to });
const MOVE = (...current: object[]) => ({ transitions: [{ current }] });
const WRONG: Readonly<Record<string, object>> = {
  "zero days": { noncurrent: [{ days: 0 }] },
  "negative days": { noncurrent: [{ days: -1 }] },
  "fractional days": { noncurrent: [{ days: 1.5 }] },
  "no days": { noncurrent: [{}] },
  "a time to live of no days": { expire: [{ ttl: { days: 0 } }] },
  "a time to live of half a day": { expire: [{ ttl: { days: 0.5 } }] },
  "nothing kept": { noncurrent: [{ days: 1, keep: 0 }] },
  "more kept than S3 keeps": { noncurrent: [{ days: 1, keep: 101 }] },
  "uploads that end at once": { abortUploads: 0 },
  "uploads of half a day": { abortUploads: 0.5 },
  "a rule that moves nothing": MOVE(),
  "a move at once": MOVE(STEP(0)),
  "a move to STANDARD_IA too early": MOVE(STEP(29, "STANDARD_IA")),
  "a move to ONEZONE_IA too early": MOVE(STEP(29, "ONEZONE_IA")),
  "a move to no class": MOVE(STEP(30, "STANDARD")),
  "a move to a class of Object's": MOVE(STEP(30, "toString")),
  "a move up": MOVE(STEP(30, "GLACIER_IR"), STEP(60, "STANDARD_IA")),
  "a move that S3 does not make": MOVE(STEP(30, "ONEZONE_IA"), STEP(90, "GLACIER_IR")),
  "moves out of order": MOVE(STEP(90, "INTELLIGENT_TIERING"), STEP(60, "GLACIER_IR")),
  "a move out of STANDARD_IA too early": MOVE(STEP(30, "STANDARD_IA"), STEP(59, "GLACIER_IR")),
  "an archive that nobody allowed": MOVE(STEP(90, "GLACIER")),
  "a deep archive that nobody allowed": MOVE(STEP(90, "DEEP_ARCHIVE")),
  "a size of nothing": { transitions: [{ current: [STEP(1)], minBytes: 0 }] },
  "a move after the end": { expire: [{ ttl: { days: 4 } }], ...MOVE(STEP(5)) },
  "a move of old versions after their end": {
    noncurrent: [{ days: 5 }],
    transitions: [{ threads: "a", noncurrent: [STEP(5)] }],
  },
  "the same threads twice": { expire: [{ ttl: { days: 4 } }, { ttl: { days: 4 } }] },
  "overlapping threads with other days": {
    expire: [{ ttl: { days: 4 } }, { ttl: { days: 5 }, threads: "a" }],
  },
  "overlapping old versions with other days": {
    noncurrent: [{ days: 4, threads: "ab" }, { days: 5, threads: "a" }],
  },
  "overlapping moves": {
    transitions: [{ current: [STEP(5)] }, { threads: "a", current: [STEP(6)] }],
  },
  "threads that are no string": { noncurrent: [{ days: 4, threads: 5 }] },
  "threads that are no text": { noncurrent: [{ days: 4, threads: "\ud800" }] },
  "threads that fit no key": { noncurrent: [{ days: 4, threads: "a".repeat(1100) }] },
  "more rules than S3 takes": {
    noncurrent: Array.from({ length: 1001 }, (_, at) => ({ days: 4, threads: `${at}:` })),
  },
};

for (const [name, desired] of Object.entries(WRONG)) {
  Deno.test(`a lifecycle with ${name} is refused before anything is sent`, async () => {
    const { store, requests } = fakeBucket();
    await assert.rejects(planBucket(store, { lifecycle: desired as Lifecycle }), InvalidInputError);
    assert.equal(requests.length, 0);
  });
}

Deno.test("a lifecycle at the limits is taken", async () => {
  const { store } = fakeBucket();
  const taken: Lifecycle[] = [
    { noncurrent: [{ days: 1, keep: 100 }], abortUploads: 1 },
    {
      expire: [{ ttl: { days: 4 } }, { ttl: { days: 4 }, threads: "a" }],
      transitions: [{ current: [{ days: 4, to: "GLACIER_IR" }] }],
    },
    {
      transitions: [{
        current: [
          { days: 30, to: "STANDARD_IA" },
          { days: 60, to: "INTELLIGENT_TIERING" },
          { days: 61, to: "GLACIER" },
          { days: 62, to: "DEEP_ARCHIVE" },
        ],
        archive: true,
      }],
    },
    { transitions: [{ noncurrent: [{ days: 1, to: "DEEP_ARCHIVE" }] }] },
  ];
  for (const desired of taken) {
    assert.equal((await planBucket(store, { lifecycle: desired })).steps.length, 1);
  }
});

Deno.test("an archive that is allowed is said in the plan", async () => {
  const transitions = [{ current: [{ days: 90, to: "GLACIER" }], archive: true }] as const;
  const { notes } = await planBucket(fakeBucket().store, { lifecycle: { transitions } });
  assert(notes.some((note) => /GLACIER cannot be read without a restore/.test(note)));
  assert(notes.some((note) => /below 128 KiB do not move/.test(note)));
});

Deno.test("what a server's lifecycle does not have is refused by its name", async () => {
  const cases: [Parameters<typeof fakeBucket>[0], Lifecycle, RegExp][] = [
    ["r2", { noncurrent: [{ days: 1 }] }, /R2 keeps no versions/],
    ["r2", { deleteMarkers: true }, /R2 keeps no versions/],
    ["r2", { transitions: [{ current: [{ days: 1, to: "GLACIER_IR" }] }] }, /STANDARD_IA/],
    ["minio", { abortUploads: 1 }, /MinIO aborts/],
    ["minio", { transitions: [{ current: [{ days: 1, to: "GLACIER_IR" }] }] }, /remote tiers/],
  ];
  for (const [dialect, desired, words] of cases) {
    const { store, requests } = fakeBucket(dialect);
    await assert.rejects(
      planBucket(store, { lifecycle: desired }),
      (error) => error instanceof UnsupportedError && words.test(error.message),
    );
    assert.equal(requests.length, 0);
  }
  const { store } = fakeBucket("r2");
  const transitions = [{ current: [{ days: 30, to: "STANDARD_IA" }] }] as const;
  const plan = await planBucket(store, {
    lifecycle: { expire: [{ ttl: { days: 90 } }], transitions, abortUploads: 7 },
  });
  assert.equal(plan.changes.length, 3);
});

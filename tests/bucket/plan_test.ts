import {
  AccessError,
  InvalidInputError,
  memoryStore,
  PreconditionFailedError,
  prefixed,
  UnsupportedError,
} from "@cairn/checkpoint";
import { applyPlan, type BucketPlan, describePlan, planBucket } from "@cairn/checkpoint/bucket";
import { fileStore } from "@cairn/checkpoint/file";
import type { S3Store } from "@cairn/checkpoint/edge";
import assert from "node:assert/strict";
import { fakeBucket } from "./_fake.ts";

const DESIRED = { versioning: "enabled", encryption: { algorithm: "sse-kms" } } as const;

Deno.test("a plan asks for the sections that are named, and for nothing else", async () => {
  const { store, requests } = fakeBucket();
  const plan = await planBucket(store, { versioning: "enabled" });
  assert.deepEqual(requests.map(({ method, query }) => [method, query]), [
    ["GET", { versioning: "" }],
  ]);
  assert.deepEqual(plan.changes, [{
    section: "versioning",
    action: "add",
    id: "versioning",
    text: "objects that are overwritten or deleted are kept as versions",
  }]);
});

Deno.test("a plan is JSON, and applies as well from there", async () => {
  const { store, documents } = fakeBucket();
  const plan = await planBucket(store, DESIRED);
  const applied = await applyPlan(store, JSON.parse(JSON.stringify(plan)) as BucketPlan);
  assert.deepEqual(applied.applied, ["versioning", "encryption"]);
  assert.deepEqual(applied.already, []);
  assert.match(documents.get("versioning")!, /<Status>Enabled</);
  assert.match(documents.get("encryption")!, /<SSEAlgorithm>aws:kms</);
});

Deno.test("what was applied is not planned again, and the same plan again writes nothing", async () => {
  const { store, requests } = fakeBucket();
  const plan = await planBucket(store, DESIRED);
  await applyPlan(store, plan);
  const again = await planBucket(store, DESIRED);
  assert.deepEqual([again.changes, again.steps], [[], []]);
  assert.match(describePlan(again), /nothing to change/);
  const sent = requests.length;
  const result = await applyPlan(store, plan);
  assert.deepEqual(result, {
    applied: [],
    already: ["versioning", "encryption"],
    changes: [],
  });
  assert(requests.slice(sent).every(({ method }) => method === "GET"));
});

Deno.test("a plan is refused whole where somebody changed one of its sections", async () => {
  const { store, documents, requests } = fakeBucket();
  documents.set("versioning", "<VersioningConfiguration/>");
  const plan = await planBucket(store, DESIRED);
  documents.set(
    "encryption",
    "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>" +
      "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>" +
      "</ServerSideEncryptionConfiguration>",
  );
  await assert.rejects(
    applyPlan(store, plan),
    (error) => error instanceof PreconditionFailedError && /plan again/.test(error.message),
  );
  assert(requests.every(({ method }) => method === "GET"));
});

Deno.test("a failure in the middle says what is applied and what is not, and can be gone on from", async () => {
  const fake = fakeBucket();
  const plan = await planBucket(fake.store, DESIRED);
  fake.intercept = ({ method, query }) => {
    if (method === "PUT" && query && "encryption" in query) {
      throw new AccessError("Denied", { status: 403, code: "AccessDenied" });
    }
  };
  const seen: string[] = [];
  await assert.rejects(
    applyPlan(fake.store, plan, { onApplied: (section) => seen.push(section) }),
    (error) =>
      error instanceof AccessError && error.code === "AccessDenied" && error.status === 403 &&
      /applied: versioning; failed: encryption; not begun: nothing/.test(error.message),
  );
  assert.deepEqual(seen, ["versioning"]);
  delete fake.intercept;
  const rest = await applyPlan(fake.store, plan);
  assert.deepEqual([rest.already, rest.applied], [["versioning"], ["encryption"]]);
});

Deno.test("a server that says yes and keeps something else is found out", async () => {
  const fake = fakeBucket();
  const plan = await planBucket(fake.store, { versioning: "enabled" });
  fake.intercept = ({ method }) => method === "PUT" ? "" : undefined;
  await assert.rejects(
    applyPlan(fake.store, plan),
    (error) =>
      error instanceof UnsupportedError && /does not show .* versioning/.test(error.message),
  );
});

Deno.test("a server that answers with another document is not written to", async () => {
  const fake = fakeBucket("unknown");
  fake.intercept = () => "<ListBucketResult><Name>state</Name></ListBucketResult>";
  await assert.rejects(
    planBucket(fake.store, { versioning: "enabled" }),
    (error) => error instanceof UnsupportedError && /GetBucketVersioning/.test(error.message),
  );
});

Deno.test("a plan of one bucket is not applied to another", async () => {
  const { store } = fakeBucket();
  const plan = await planBucket(store, { versioning: "enabled" });
  await assert.rejects(applyPlan(store, { ...plan, bucket: "other" }), InvalidInputError);
});

Deno.test("a store that is no S3 store is named, and so is a layer above one", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const stores = [memoryStore(), fileStore(folder), prefixed(fakeBucket().store, "a/")];
    for (const store of stores) {
      await assert.rejects(
        planBucket(store as unknown as S3Store, { versioning: "enabled" }),
        (error) => error instanceof UnsupportedError && error.message.includes(store.name),
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what a dialect does not have is refused by its name, before anything is sent", async () => {
  const { store, requests } = fakeBucket("r2");
  for (
    const desired of [{ versioning: "enabled" }, { encryption: { algorithm: "none" } }] as const
  ) {
    await assert.rejects(
      planBucket(store, desired),
      (error) => error instanceof UnsupportedError && /R2.*dialect "r2"/.test(error.message),
    );
  }
  assert.equal(requests.length, 0);
});

Deno.test("a directory bucket has no versions, and its store is told so", async () => {
  const { store, requests } = fakeBucket();
  const directory = { ...store, api: { ...store.api, bucket: "a--use1-az4--x-s3" } };
  await assert.rejects(
    planBucket(directory, { versioning: "enabled" }),
    (error) => error instanceof UnsupportedError && /directory bucket/.test(error.message),
  );
  assert.equal(requests.length, 0);
});

Deno.test("a section that there is none of, and a value that there is none of, are refused", async () => {
  const { store, requests } = fakeBucket();
  const wrong = [
    { versions: "enabled" },
    { versioning: "off" },
    { versioning: "toString" },
    { encryption: { algorithm: "rot13" } },
    { encryption: { algorithm: "sse-s3", keyId: "k" } },
    { encryption: { algorithm: "sse-kms", keyId: "" } },
    { encryption: { algorithm: "dsse-kms", bucketKey: true } },
  ];
  for (const desired of wrong) {
    await assert.rejects(planBucket(store, desired as object), InvalidInputError);
  }
  await assert.rejects(planBucket(store, {}, { prefix: "../x" }), InvalidInputError);
  assert.equal(requests.length, 0);
});

Deno.test("a cancelled plan and a cancelled application reject with the signal's reason", async () => {
  const { api } = fakeBucket().store;
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  const store = {
    ...fakeBucket().store,
    api: {
      ...api,
      request: (_: unknown, { signal }: { signal?: AbortSignal } = {}) => {
        signal?.throwIfAborted();
        return Promise.reject(new Error("not cancelled"));
      },
    },
  };
  await assert.rejects(
    planBucket(store, { versioning: "enabled" }, { signal }),
    (error) => error === reason,
  );
  const plan = await planBucket(fakeBucket().store, { versioning: "enabled" });
  await assert.rejects(applyPlan(store, plan, { signal }), (error) => error === reason);
});

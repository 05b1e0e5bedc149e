import {
  AccessError,
  InvalidInputError,
  memoryStore,
  NotFoundError,
  PreconditionFailedError,
  UnsupportedError,
} from "@cairn/checkpoint";
import { checkAccess, createBucket } from "@cairn/checkpoint/bucket";
import type { S3Request, S3Store } from "@cairn/checkpoint/edge";
import { faultyStore } from "@cairn/checkpoint/testing";
import assert from "node:assert/strict";
import { fakeBucket } from "./_fake.ts";

/** A bucket that is there, or not, in a region. */
function bucketIn(
  region: string,
  answers: (request: S3Request) => string | Error,
  dialect: Parameters<typeof fakeBucket>[0] = "aws",
) {
  const fake = fakeBucket(dialect);
  fake.intercept = (request) => {
    const answer = answers(request);
    if (typeof answer === "string") return answer;
    throw answer;
  };
  const store: S3Store = { ...fake.store, api: { ...fake.store.api, region } };
  return { store, requests: fake.requests };
}

const MISSING = new NotFoundError("No bucket", { status: 404 });
const OWN = new InvalidInputError("Yours", { status: 409, code: "BucketAlreadyOwnedByYou" });
const OTHERS = new InvalidInputError("Taken", { status: 409, code: "BucketAlreadyExists" });
const DENIED = new AccessError("No", { status: 403, code: "AccessDenied" });
const CLOSED = new AccessError("Closed", { status: 403 });

Deno.test("a bucket is made with its region, and in us-east-1 and on R2 without", async () => {
  for (const [region, sent] of [["eu-west-1", "eu-west-1"], ["us-east-1"], ["auto"]] as const) {
    const answers = ({ method }: S3Request) => method === "HEAD" ? MISSING : "";
    const { store, requests } = bucketIn(region, answers);
    assert.deepEqual(await createBucket(store), { created: true, region });
    const [, { method, body }] = requests as [S3Request, S3Request];
    assert.equal(method, "PUT");
    assert.equal(/<LocationConstraint>(.*)<\/LocationConstraint>/.exec(body ?? "")?.[1], sent);
  }
});

Deno.test("a bucket of one's own is fine, unless it must be new", async () => {
  const answers = ({ method }: S3Request) => method === "HEAD" ? "" : OWN;
  const { store } = bucketIn("eu-west-1", answers);
  assert.deepEqual(await createBucket(store), { created: false, region: "eu-west-1" });
  await assert.rejects(createBucket(store, { ifAbsent: false }), PreconditionFailedError);
});

Deno.test("a bucket that two make at once is fine for both, unless it must be new", async () => {
  const answers = ({ method }: S3Request) => method === "HEAD" ? MISSING : OWN;
  const { store } = bucketIn("eu-west-1", answers);
  assert.equal((await createBucket(store)).created, false);
  await assert.rejects(createBucket(store, { ifAbsent: false }), PreconditionFailedError);
});

Deno.test("a bucket that is somebody else's is an error, whether it is open or closed", async () => {
  for (const head of [CLOSED, ""]) {
    const { store } = bucketIn("eu-west-1", ({ method }) => method === "HEAD" ? head : OTHERS);
    await assert.rejects(
      createBucket(store),
      (error) =>
        error instanceof PreconditionFailedError && /somebody else/.test(error.message) &&
        error.code === "BucketAlreadyExists",
    );
  }
});

Deno.test("on R2, where names are one's own, a bucket that exists is yours", async () => {
  const { store } = bucketIn("auto", ({ method }) => method === "HEAD" ? MISSING : OTHERS, "r2");
  assert.equal((await createBucket(store)).created, false);
});

Deno.test("a bucket in us-east-1 with grants is not made again, which would take them away", async () => {
  for (const [grants, puts] of [[1, 1], [2, 0]] as const) {
    const { store, requests } = bucketIn("us-east-1", ({ method, query }) => {
      if (method === "PUT" || !query) return "";
      return `<AccessControlPolicy><AccessControlList>${
        "<Grant/>".repeat(grants)
      }</AccessControlList></AccessControlPolicy>`;
    });
    assert.equal((await createBucket(store)).created, false);
    assert.equal(requests.filter(({ method }) => method === "PUT").length, puts);
  }
});

Deno.test("an owner is asked for by name, and nothing is made where another has the bucket", async () => {
  const mine = bucketIn("us-east-1", () => "");
  const result = await createBucket(mine.store, { owner: "123456789012" });
  assert.equal(result.created, false);
  assert.deepEqual(mine.requests.map(({ method, headers }) => [method, headers]), [
    ["HEAD", { "x-amz-expected-bucket-owner": "123456789012" }],
  ]);
  const { store, requests } = bucketIn("us-east-1", () => CLOSED);
  await assert.rejects(
    createBucket(store, { owner: "123456789012" }),
    (error) => error instanceof AccessError && /123456789012/.test(error.message),
  );
  assert.equal(requests.length, 1);
});

Deno.test("what cannot be a bucket of S3 is refused", async () => {
  const { store } = fakeBucket();
  await assert.rejects(createBucket(store, { owner: "me" }), InvalidInputError);
  const directory = { ...store, api: { ...store.api, bucket: "a--use1-az4--x-s3" } };
  await assert.rejects(createBucket(directory), UnsupportedError);
  await assert.rejects(createBucket(memoryStore() as unknown as S3Store), UnsupportedError);
});

Deno.test("access is checked by doing it, and nothing is left behind", async () => {
  const store = memoryStore();
  const report = await checkAccess(store);
  assert.deepEqual(new Set(Object.values(report)), new Set(["allowed"]));
  for await (const page of store.list()) assert.equal(page.objects.length, 0);
});

Deno.test("each refusal is told from the others", async () => {
  for (const operation of ["list", "put", "get", "delete"] as const) {
    const store = faultyStore(
      memoryStore(),
      (call) => call.operation === operation ? { kind: "fail", error: DENIED } : undefined,
    );
    const report = await checkAccess(store);
    for (const [name, permission] of Object.entries(report)) {
      if (name === "left") continue;
      assert.equal(permission, name === operation ? "denied" : "allowed");
    }
    assert.equal(report.left !== undefined, operation === "delete");
  }
});

Deno.test("where nothing is allowed, reading what is not there cannot be told", async () => {
  const store = faultyStore(memoryStore(), () => ({ kind: "fail", error: DENIED }));
  assert.deepEqual(await checkAccess(store), {
    list: "denied",
    put: "denied",
    get: "unknown",
    delete: "denied",
  });
});

Deno.test("a wrong credential and a missing bucket are errors, not permissions", async () => {
  const errors = [
    new AccessError("Who?", { status: 403, code: "InvalidAccessKeyId" }),
    new NotFoundError("No bucket", { what: "bucket" }),
  ];
  for (const expected of errors) {
    await assert.rejects(
      checkAccess(faultyStore(memoryStore(), () => ({ kind: "fail", error: expected }))),
      (error) => error === expected,
    );
  }
});

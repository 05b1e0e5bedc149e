import { UnsupportedError } from "@cairn/checkpoint";
import { applyPlan, type DefaultEncryption, planBucket } from "@cairn/checkpoint/bucket";
import assert from "node:assert/strict";
import fc from "fast-check";
import { encryption } from "../../src/bucket/sections/encryption.ts";
import { parseXml, textOf } from "../../src/s3/xml.ts";
import { fakeBucket } from "./_fake.ts";
import { contextOf } from "./_trees.ts";

const KEY = fc.option(fc.constantFrom("alias/state", "1234abcd-12ab-34cd-56ef-1234567890ab"), {
  nil: undefined,
});

const DESIRED: fc.Arbitrary<DefaultEncryption> = fc.oneof(
  fc.constant({ algorithm: "sse-s3" } as const),
  fc.record({
    algorithm: fc.constant("sse-kms" as const),
    keyId: KEY,
    bucketKey: fc.option(fc.boolean(), { nil: undefined }),
  }),
  fc.record({ algorithm: fc.constant("dsse-kms" as const), keyId: KEY }),
);

/** What AWS says beside the default: which ways to encrypt are refused. */
const BLOCKED =
  "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>";

Deno.test("a default encryption merged twice is merged once, and what else the rule says stays", () => {
  const current = parseXml(
    "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>" +
      "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>" +
      `<BucketKeyEnabled>true</BucketKeyEnabled>${BLOCKED}</Rule>` +
      "</ServerSideEncryptionConfiguration>",
  );
  fc.assert(fc.property(DESIRED, DESIRED, (earlier, desired) => {
    const before = encryption.merge(current, earlier, contextOf());
    const once = encryption.merge(before, desired, contextOf());
    assert.deepEqual(encryption.merge(once, desired, contextOf()), once);
    const blocked = once!.children[0]!.children.find(({ name }) => /^Blocked/.test(name));
    assert.equal(textOf(blocked!, "EncryptionType"), "SSE-C");
    assert.equal(encryption.items(once, contextOf()).length, 1);
  }));
});

Deno.test("a bucket key that is off and one that is not named are the same", async () => {
  const { store, documents } = fakeBucket();
  documents.set(
    "encryption",
    "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>" +
      "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>" +
      "<BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>",
  );
  for (const algorithm of ["sse-s3", "none"] as const) {
    assert.deepEqual((await planBucket(store, { encryption: { algorithm } })).steps, []);
  }
});

Deno.test("no default encryption takes the document away where objects may lie in the clear", async () => {
  const { store, documents } = fakeBucket("ceph");
  await applyPlan(store, await planBucket(store, { encryption: { algorithm: "sse-s3" } }));
  assert(documents.has("encryption"));
  const plan = await planBucket(store, { encryption: { algorithm: "none" } });
  assert.deepEqual(plan.changes.map(({ action }) => action), ["remove"]);
  await applyPlan(store, plan);
  assert(!documents.has("encryption"));
});

Deno.test("a key of KMS comes with what its users need to know", async () => {
  const { store } = fakeBucket();
  const desired = { encryption: { algorithm: "dsse-kms", keyId: "alias/k" } } as const;
  const { notes, changes } = await planBucket(store, desired);
  assert.match(notes[0]!, /kms:GenerateDataKey/);
  assert.equal(changes[0]!.text, "new objects are encrypted with aws:kms:dsse under alias/k");
});

Deno.test("MinIO encrypts no object twice", async () => {
  const { store } = fakeBucket("minio");
  await assert.rejects(
    planBucket(store, { encryption: { algorithm: "dsse-kms" } }),
    (error) => error instanceof UnsupportedError && /dsse-kms.*"minio"/.test(error.message),
  );
});

import { KMS } from "@aws-sdk/client-kms";
import assert from "node:assert/strict";
import {
  AccessError,
  aesGcm,
  awsKmsKeys,
  CorruptError,
  type KmsClient,
  rewrap,
  S3Checkpointer,
} from "@cairn/checkpoint";
import { edgeStore, kmsClient } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { keysOf } from "../checkpoint/_stores.ts";
import { serverOptions } from "../conformance/_server.ts";
import { requireServer } from "../servers/env.ts";

/** Runs with both clients of the server's KMS, each beside the store of its transport, and two keys. */
async function withKms(
  use: (
    sites: readonly { name: string; client: KmsClient; open: () => ReturnType<typeof edgeStore> }[],
    keyIds: [string, string],
    admin: KMS,
  ) => Promise<void>,
): Promise<void> {
  const { endpoint, region, accessKeyId, secretAccessKey } = requireServer();
  const credentials = { accessKeyId, secretAccessKey };
  const sdk = new KMS({ endpoint, region, credentials });
  try {
    const made = await Promise.all([sdk.createKey({}), sdk.createKey({})]);
    const [a, b] = made.map(({ KeyMetadata }) => KeyMetadata!.Arn!);
    await use(
      [
        { name: "sdk", client: sdk, open: () => sdkStore(serverOptions()) },
        {
          name: "edge",
          client: kmsClient({ endpoint, region, credentials }),
          open: () => edgeStore(serverOptions()),
        },
      ],
      [a!, b!],
      sdk,
    );
  } finally {
    sdk.destroy();
  }
}

Deno.test("KMS wraps the data keys of a thread through the AWS SDK and through kmsClient, and either reads the other's", async () => {
  await withKms(async (sites, [keyId]) => {
    for (const thread of ["t", "", "né/ü 😀"]) {
      for (const { client, open } of sites) {
        const prefix = `kms/${crypto.randomUUID()}/`;
        const keys = awsKmsKeys({ client, keyId, context: { app: "tests" } });
        const writer = new S3Checkpointer(open(), { prefix, encryption: aesGcm({ keys }) });
        await writer.save(thread, { step: 1, large: "x".repeat(100_000) });
        for (const other of sites) {
          const keys = awsKmsKeys({ client: other.client, keyId, context: { app: "tests" } });
          const store = other.open();
          const reader = new S3Checkpointer(store, { prefix, encryption: aesGcm({ keys }) });
          assert.deepEqual(
            (await reader.load(thread))?.state,
            { step: 1, large: "x".repeat(100_000) },
          );
        }
        await writer.delete(thread);
      }
    }
  });
});

Deno.test("KMS refuses a data key of another thread, another context or another key, and one that was altered", async () => {
  await withKms(async (sites, [keyId, otherId]) => {
    for (const { client } of sites) {
      const keys = awsKmsKeys({ client, keyId });
      const made = await keys.generate({ thread: "t" });
      assert.equal(made.key.length, 32);
      assert.deepEqual(await keys.unwrap(made, { thread: "t" }), made.key);
      await assert.rejects(keys.unwrap(made, { thread: "u" }), CorruptError);
      const elsewhere = awsKmsKeys({ client, keyId, context: { app: "other" } });
      await assert.rejects(elsewhere.unwrap(made, { thread: "t" }), CorruptError);
      const altered = new Uint8Array(made.wrapped);
      altered[altered.length - 1]! ^= 1;
      const cut = { id: keyId, wrapped: altered };
      await assert.rejects(keys.unwrap(cut, { thread: "t" }), CorruptError);
      const both = awsKmsKeys({ client, keyId, formerKeyIds: [otherId] });
      const moved = { id: otherId, wrapped: made.wrapped };
      await assert.rejects(both.unwrap(moved, { thread: "t" }), AccessError);
    }
  });
});

Deno.test("KMS that has no such key, or has it disabled, is an AccessError that names it", async () => {
  await withKms(async (sites, [keyId], admin) => {
    const absent = keyId.replace(/[^/]+$/, crypto.randomUUID());
    const wrapped = await awsKmsKeys({ client: admin, keyId }).generate({ thread: "t" });
    await admin.disableKey({ KeyId: keyId });
    for (const { client } of sites) {
      for (
        const work of [
          () => awsKmsKeys({ client, keyId: absent }).generate({ thread: "t" }),
          () => awsKmsKeys({ client, keyId }).generate({ thread: "t" }),
          () => awsKmsKeys({ client, keyId }).unwrap(wrapped, { thread: "t" }),
        ]
      ) {
        await assert.rejects(work(), (error) => {
          assert(error instanceof AccessError, String(error));
          assert.match(error.message, /with the KMS key "arn:aws:kms/);
          return true;
        });
      }
    }
  });
});

Deno.test("rewrap() moves a prefix from one KMS key to another, after which the first may be disabled", async () => {
  await withKms(async (sites, [oldId, newId], admin) => {
    for (const { client, open } of sites) {
      await admin.enableKey({ KeyId: oldId });
      const prefix = `kms/${crypto.randomUUID()}/`;
      const store = open();
      const before = aesGcm({ keys: awsKmsKeys({ client, keyId: oldId }) });
      const writer = new S3Checkpointer(store, { prefix, encryption: before });
      await writer.save("t", { step: 1, large: "x".repeat(100_000) });
      const keys = awsKmsKeys({ client, keyId: newId, formerKeyIds: [oldId] });
      const { rewrapped } = await rewrap(store, { keys, prefix });
      assert.equal(rewrapped, (await keysOf(store, prefix)).length);
      await admin.disableKey({ KeyId: oldId });
      const reader = new S3Checkpointer<{ step: number }>(store, {
        prefix,
        encryption: aesGcm({ keys: awsKmsKeys({ client, keyId: newId }) }),
      });
      assert.equal((await reader.load("t"))?.state.step, 1);
      await reader.delete("t");
    }
  });
});

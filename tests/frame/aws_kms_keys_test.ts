import assert from "node:assert/strict";
import {
  AccessError,
  aesGcm,
  awsKmsKeys,
  type AwsKmsKeysOptions,
  CairnError,
  CorruptError,
  InvalidInputError,
  type KmsClient,
  memoryStore,
  NotFoundError,
  S3Checkpointer,
  ThrottledError,
  TimeoutError,
  UnavailableError,
} from "@cairn/checkpoint";
import { keyOf } from "./_keys.ts";

/** KMS, played: what it wraps says what it was asked with, and what it was asked is noted. */
function playedKms() {
  const asked: [operation: string, input: Record<string, unknown>][] = [];
  const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const wrap = (KeyId: string, key: Uint8Array, context: unknown) =>
    encode([KeyId, [...key].map((byte) => byte ^ 255), context]);
  const client: KmsClient = {
    generateDataKey(input) {
      asked.push(["generateDataKey", { ...input }]);
      const Plaintext = crypto.getRandomValues(new Uint8Array(32));
      const CiphertextBlob = wrap(input.KeyId, Plaintext, input.EncryptionContext);
      return Promise.resolve({ Plaintext, CiphertextBlob });
    },
    encrypt(input) {
      asked.push(["encrypt", { ...input }]);
      const CiphertextBlob = wrap(input.KeyId, input.Plaintext, input.EncryptionContext);
      return Promise.resolve({ CiphertextBlob });
    },
    decrypt(input) {
      asked.push(["decrypt", { ...input }]);
      const [id, key, context] = JSON.parse(new TextDecoder().decode(input.CiphertextBlob));
      const fits = JSON.stringify(context) === JSON.stringify(input.EncryptionContext);
      if (!fits) return Promise.reject(named("InvalidCiphertextException"));
      if (id !== input.KeyId) return Promise.reject(named("IncorrectKeyException"));
      return Promise.resolve({ Plaintext: Uint8Array.from(key as number[], (byte) => byte ^ 255) });
    },
  };
  return { client, asked };
}

/** An error as the AWS SDK names it. */
function named(name: string): Error {
  return Object.assign(new Error("It failed"), { name });
}

Deno.test("awsKmsKeys() asks KMS once to write a thread and once to read it, bound to the thread and the context", async () => {
  const { client, asked } = playedKms();
  const keys = () => awsKmsKeys({ client, keyId: "k1", context: { app: "agents" } });
  const store = memoryStore();
  const writer = new S3Checkpointer(store, { encryption: aesGcm({ keys: keys() }) });
  for (const step of [1, 2, 3]) await writer.save("né/1", { step, large: "x".repeat(100_000) });
  const reader = new S3Checkpointer(store, { encryption: aesGcm({ keys: keys() }) });
  assert.equal((await Array.fromAsync(reader.list())).length, 3);
  assert(await reader.load("né/1"));
  const EncryptionContext = { app: "agents", "cairn:thread": "né/1" };
  assert.deepEqual(
    asked.map(([operation, { CiphertextBlob: _, ...input }]) => [operation, input]),
    [
      ["generateDataKey", { KeyId: "k1", KeySpec: "AES_256", EncryptionContext }],
      ["decrypt", { KeyId: "k1", EncryptionContext }],
    ],
  );
});

Deno.test("awsKmsKeys() reads what former keys wrapped, and wraps anew under the current one", async () => {
  const { client } = playedKms();
  const context = { thread: "t" };
  const old = await awsKmsKeys({ client, keyId: "k1" }).generate(context);
  const keys = awsKmsKeys({ client, keyId: "k2", formerKeyIds: ["k1"] });
  assert.deepEqual(await keys.unwrap(old, context), old.key);
  const anew = await keys.wrap(old.key, context);
  assert.equal(anew.id, "k2");
  assert.deepEqual(await keys.unwrap(anew, context), old.key);
});

Deno.test("awsKmsKeys() uses no key that an object names and it was not told of, and asks nobody", async () => {
  const { client, asked } = playedKms();
  const foreign = await awsKmsKeys({ client, keyId: "the-attackers" }).generate({ thread: "t" });
  asked.length = 0;
  await assert.rejects(
    awsKmsKeys({ client, keyId: "k1", formerKeyIds: ["k0"] }).unwrap(foreign, { thread: "t" }),
    (error) => {
      assert(error instanceof AccessError);
      assert.match(error.message, /"the-attackers" is not among .*"k1", "k0".*formerKeyIds/);
      return true;
    },
  );
  assert.deepEqual(asked, []);
});

Deno.test("awsKmsKeys() refuses a data key of another thread or another context as corrupt", async () => {
  const { client } = playedKms();
  const made = await awsKmsKeys({ client, keyId: "k1" }).generate({ thread: "t" });
  for (
    const [context, thread] of [[{}, "u"], [{ app: "other" }, "t"]] as [
      Record<string, string>,
      string,
    ][]
  ) {
    const keys = awsKmsKeys({ client, keyId: "k1", context });
    await assert.rejects(keys.unwrap(made, { thread }), (error) => {
      assert(error instanceof CorruptError);
      assert.match(error.message, /wrapped for another thread or context/);
      return true;
    });
  }
});

for (
  const [failure, Class] of [
    [named("AccessDeniedException"), AccessError],
    [named("NotFoundException"), AccessError],
    [named("DisabledException"), AccessError],
    [named("KMSInvalidStateException"), AccessError],
    [named("IncorrectKeyException"), AccessError],
    [named("ExpiredTokenException"), AccessError],
    [named("CredentialsProviderError"), AccessError],
    [named("InvalidCiphertextException"), CorruptError],
    [named("ThrottlingException"), ThrottledError],
    [named("LimitExceededException"), ThrottledError],
    [named("KMSInternalException"), UnavailableError],
    [named("TypeError"), UnavailableError],
    [new NotFoundError("no such key", { code: "NotFound" }), AccessError],
    [new AccessError("no", { code: "AccessDenied" }), AccessError],
    [new InvalidInputError("no", { code: "InvalidCiphertext" }), CorruptError],
    [new TimeoutError("late"), TimeoutError],
  ] as const
) {
  const said = "code" in failure && failure.code ? `kmsClient's ${failure.code}` : failure.name;
  Deno.test(`awsKmsKeys() gives a ${Class.name} for ${said}, with the key's id and no key`, async () => {
    const failing = () => Promise.reject(failure);
    const client = { generateDataKey: failing, encrypt: failing, decrypt: failing };
    const keys = awsKmsKeys({ client, keyId: "k1" });
    const wrapped = { id: "k1", wrapped: keyOf(3) };
    for (
      const work of [
        () => keys.generate({ thread: "t" }),
        () => keys.wrap(keyOf(3), { thread: "t" }),
        () => keys.unwrap(wrapped, { thread: "t" }),
      ]
    ) {
      await assert.rejects(work(), (error) => {
        assert(error instanceof Class, String(error));
        assert(error instanceof CairnError);
        if (error !== failure) {
          assert.match(error.message, /the KMS key "k1" \(\w+\)/);
          assert.equal(error.cause, failure);
        }
        assert(
          !Deno.inspect(error, { depth: 9 }).includes([...keyOf(3).subarray(0, 3)].join(", ")),
        );
        return true;
      });
    }
  });
}

Deno.test("awsKmsKeys() refuses an answer without a key, and keeps no array of the client's", async () => {
  const empty = () => Promise.resolve({ Plaintext: new Uint8Array(0) });
  const lacking = { generateDataKey: empty, encrypt: empty, decrypt: empty } as KmsClient;
  const keys = awsKmsKeys({ client: lacking, keyId: "k1" });
  await assert.rejects(keys.generate({ thread: "t" }), CorruptError);
  await assert.rejects(keys.wrap(keyOf(1), { thread: "t" }), CorruptError);
  await assert.rejects(keys.unwrap({ id: "k1", wrapped: keyOf(1) }, { thread: "t" }), CorruptError);
  const Plaintext = keyOf(1);
  const client = { ...lacking, decrypt: () => Promise.resolve({ Plaintext }) };
  const given = await awsKmsKeys({ client, keyId: "k1" })
    .unwrap({ id: "k1", wrapped: keyOf(1) }, { thread: "t" });
  given.fill(0);
  assert.deepEqual(Plaintext, keyOf(1));
});

Deno.test("awsKmsKeys() refuses options that cannot be meant", () => {
  const { client } = playedKms();
  for (
    const wrong of [
      { keyId: "k1" },
      { client: {}, keyId: "k1" },
      { client },
      { client, keyId: "" },
      { client, keyId: "k1", formerKeyIds: [""] },
      { client, keyId: "k1", context: { "cairn:thread": "t" } },
      { client, keyId: "k1", context: { app: 1 } },
    ]
  ) {
    assert.throws(() => awsKmsKeys(wrong as unknown as AwsKmsKeysOptions), InvalidInputError);
  }
});

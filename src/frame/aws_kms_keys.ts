import {
  AccessError,
  CairnError,
  CorruptError,
  ThrottledError,
  UnavailableError,
} from "../errors.ts";
import { refuse } from "../store/_options.ts";
import { quote } from "../store/key.ts";
import { checkKeyId } from "./_envelope.ts";
import type { KeyContext, KeyProvider } from "./key_provider.ts";

/** What KMS is asked with, as the AWS SDK names it. */
export interface KmsInput {
  /** The KMS key, by its ARN, its id or an alias. */
  KeyId: string;
  /** What it binds to the data key: the same must be given to unwrap it. */
  EncryptionContext: Record<string, string>;
}

/**
 * The part of a KMS client that `awsKmsKeys` uses: the AWS SDK's `KMS` of
 * `@aws-sdk/client-kms` has it, and so has `kmsClient` of `./edge`.
 */
export interface KmsClient {
  /** Makes a data key, and wraps it. */
  generateDataKey(
    input: KmsInput & { KeySpec: "AES_256" },
  ): Promise<{ Plaintext?: Uint8Array | undefined; CiphertextBlob?: Uint8Array | undefined }>;
  /** Wraps a data key. */
  encrypt(
    input: KmsInput & { Plaintext: Uint8Array },
  ): Promise<{ CiphertextBlob?: Uint8Array | undefined }>;
  /** Unwraps a data key. */
  decrypt(
    input: KmsInput & { CiphertextBlob: Uint8Array },
  ): Promise<{ Plaintext?: Uint8Array | undefined }>;
}

/** Options of {@link awsKmsKeys}. */
export interface AwsKmsKeysOptions {
  /** The client: `new KMS({ region })` of the AWS SDK, or `kmsClient` of `./edge`. */
  readonly client: KmsClient;
  /**
   * The KMS key that wraps new data keys: a symmetric one, by its ARN or its id.
   * An alias works until it points to another key: then what was wrapped before
   * is read no more.
   */
  readonly keyId: string;
  /** Other KMS keys whose data keys are read: those that were `keyId` before. @default none */
  readonly formerKeyIds?: readonly string[] | undefined;
  /**
   * What to bind each data key to beside its thread, which is `cairn:thread`
   * there. It is no secret: CloudTrail logs it, and policies can ask for it.
   *
   * @default {}
   */
  readonly context?: Readonly<Record<string, string>> | undefined;
}

/** The name of the thread in KMS's encryption context. */
const THREAD = "cairn:thread";

/**
 * Wraps data keys by AWS KMS, which never gives out the key that wraps them. It
 * is asked once for a data key that a process makes or meets, not for each
 * object: `kms:GenerateDataKey` to write, `kms:Decrypt` to read and to go on
 * with a thread, `kms:Encrypt` for `rewrap`.
 *
 * Only the keys that are named are used, whatever an object says: one that
 * somebody else wrapped under a key of his own is refused.
 *
 * @throws {InvalidInputError} where there is no client, or a key id cannot be stored.
 *
 * @example
 * ```ts
 * import { aesGcm, awsKmsKeys } from "@cairn/checkpoint";
 * import { kmsClient } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const client = kmsClient({
 *   region: "eu-central-1",
 *   credentials: { accessKeyId: "id", secretAccessKey: "secret" },
 * }); // or, of @aws-sdk/client-kms: new KMS({ region: "eu-central-1" })
 * const keyId = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
 * const keys = awsKmsKeys({ client, keyId, context: { app: "agents" } });
 * assert.equal(keys.current, keyId);
 * const encryption = aesGcm({ keys });
 * ```
 */
export function awsKmsKeys(options: AwsKmsKeysOptions): KeyProvider {
  const { client, keyId, formerKeyIds = [], context = {} } = options;
  if (typeof client?.decrypt !== "function") {
    refuse("client", client, "a KMS client: new KMS() of @aws-sdk/client-kms, or kmsClient()");
  }
  const known = [keyId, ...formerKeyIds];
  known.forEach(checkKeyId);
  for (const [name, value] of Object.entries(context)) {
    if (typeof value !== "string" || name === THREAD) {
      refuse(`context.${name}`, value, `a string, under another name than ${THREAD}`);
    }
  }
  const inputOf = (KeyId: string, { thread }: KeyContext): KmsInput => ({
    KeyId,
    EncryptionContext: { ...context, [THREAD]: thread },
  });
  return {
    current: keyId,
    async generate(where) {
      const input = { ...inputOf(keyId, where), KeySpec: "AES_256" } as const;
      const answer = await ask("make a data key", keyId, () => client.generateDataKey(input));
      return {
        id: keyId,
        wrapped: bytesOf(answer.CiphertextBlob, "CiphertextBlob"),
        key: bytesOf(answer.Plaintext, "Plaintext"),
      };
    },
    async wrap(key, where) {
      const input = { ...inputOf(keyId, where), Plaintext: key };
      const answer = await ask("wrap a data key", keyId, () => client.encrypt(input));
      return { id: keyId, wrapped: bytesOf(answer.CiphertextBlob, "CiphertextBlob") };
    },
    async unwrap({ id, wrapped }, where) {
      if (!known.includes(id)) {
        throw new AccessError(
          `Cannot unwrap a data key: the KMS key ${quote(id)} is not among those to be used ` +
            `(${known.map(quote).join(", ")}); add it to \`formerKeyIds\``,
        );
      }
      const input = { ...inputOf(id, where), CiphertextBlob: wrapped };
      const answer = await ask("unwrap a data key", id, () => client.decrypt(input));
      return bytesOf(answer.Plaintext, "Plaintext");
    },
  };
}

/** What KMS calls its refusals, without `Exception` at their end: the key, or the right to it, is not there. */
const REFUSED =
  /^(AccessDenied|NotFound|Disabled|KMSInvalidState|IncorrectKey|InvalidKeyUsage|InvalidGrantToken|UnrecognizedClient|InvalidSignature|ExpiredToken|CredentialsProviderError)/;

/** Asks KMS. The AWS SDK names its errors; `kmsClient` says the same as the error's code. */
async function ask<T>(what: string, id: string, question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    const { name, code = name } = error as { name?: string; code?: string };
    const said = String(code).replace(/Exception$/, "");
    const message = `Cannot ${what} with the KMS key ${quote(id)} (${said})`;
    const options = { cause: error, code: said };
    if (said === "InvalidCiphertext") {
      throw new CorruptError(
        `${message}: it was altered, or wrapped for another thread or context`,
        options,
      );
    }
    if (REFUSED.test(said)) throw new AccessError(message, options);
    if (error instanceof CairnError) throw error;
    if (/Throttl|LimitExceeded/.test(said)) throw new ThrottledError(message, options);
    throw new UnavailableError(message, options);
  }
}

/** Bytes of an answer, in an array that is the caller's own. */
function bytesOf(bytes: Uint8Array | undefined, name: string): Uint8Array {
  if (bytes instanceof Uint8Array && bytes.length > 0) return new Uint8Array(bytes);
  throw new CorruptError(`The answer of KMS has no ${name}`);
}

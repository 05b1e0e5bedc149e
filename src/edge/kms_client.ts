import { CorruptError } from "../errors.ts";
import { base64 } from "../s3/md5.ts";
import type { CallOptions } from "../store/store.ts";
import { awsCaller, type AwsClientOptions } from "./_aws_call.ts";

/** Options of {@link kmsClient}. */
export type KmsClientOptions = AwsClientOptions;

/** Names and values that KMS binds to what it encrypts; they are no secret. */
export type EncryptionContext = Record<string, string>;

/** The part of AWS KMS that wraps data keys, with inputs and answers as the AWS SDK names them. */
export interface EdgeKmsClient {
  /** Makes a data key, and wraps it under a key of KMS. */
  generateDataKey(
    input: { KeyId: string; KeySpec: "AES_256"; EncryptionContext?: EncryptionContext },
    options?: CallOptions,
  ): Promise<{ KeyId?: string; Plaintext: Uint8Array; CiphertextBlob: Uint8Array }>;
  /** Wraps bytes under a key of KMS. */
  encrypt(
    input: { KeyId: string; Plaintext: Uint8Array; EncryptionContext?: EncryptionContext },
    options?: CallOptions,
  ): Promise<{ KeyId?: string; CiphertextBlob: Uint8Array }>;
  /** Unwraps what either of the others wrapped. */
  decrypt(
    input: { KeyId?: string; CiphertextBlob: Uint8Array; EncryptionContext?: EncryptionContext },
    options?: CallOptions,
  ): Promise<{ KeyId?: string; Plaintext: Uint8Array }>;
}

/**
 * AWS KMS by `fetch` and WebCrypto alone, for `awsKmsKeys` where the AWS SDK is
 * too heavy. It has three of its operations, called as the SDK's `KMS` class has them.
 *
 * Its methods reject with an `AccessError` where KMS refuses, a `NotFoundError`
 * where it has no such key, and the package's other errors by what KMS answers;
 * `code` is KMS's own word, without `Exception` at its end.
 *
 * @throws {InvalidInputError} where an option cannot be used.
 *
 * @example
 * ```ts
 * import { kmsClient } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const kms = kmsClient({
 *   region: "eu-central-1",
 *   credentials: { accessKeyId: "id", secretAccessKey: "secret" },
 *   fetch: () => Promise.resolve(Response.json({ CiphertextBlob: "AQID" })), // KMS, played
 * });
 * const { CiphertextBlob } = await kms.encrypt({
 *   KeyId: "alias/state",
 *   Plaintext: new Uint8Array(32),
 * });
 * assert.deepEqual(CiphertextBlob, new Uint8Array([1, 2, 3]));
 * ```
 */
export function kmsClient(options: KmsClientOptions): EdgeKmsClient {
  const send = awsCaller("kms", options);
  const call = async (operation: string, input: object, options?: CallOptions) => {
    const answer = await send({
      operation,
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": `TrentService.${operation}`,
      },
      body: JSON.stringify(Object.fromEntries(
        Object.entries(input).map(([name, value]) => [
          name,
          value instanceof Uint8Array ? base64(value) : value,
        ]),
      )),
    }, options);
    return answerOf(operation, answer);
  };
  return {
    async generateDataKey(input, options) {
      const answer = await call("GenerateDataKey", input, options);
      return {
        ...answer.key,
        Plaintext: answer.bytes("Plaintext"),
        CiphertextBlob: answer.bytes("CiphertextBlob"),
      };
    },
    async encrypt(input, options) {
      const answer = await call("Encrypt", input, options);
      return { ...answer.key, CiphertextBlob: answer.bytes("CiphertextBlob") };
    },
    async decrypt(input, options) {
      const answer = await call("Decrypt", input, options);
      return { ...answer.key, Plaintext: answer.bytes("Plaintext") };
    },
  };
}

/** Reads an answer; what is wrong with it is said without what it holds. */
function answerOf(operation: string, text: string) {
  const malformed = () => new CorruptError(`The answer of kms ${operation} is malformed`);
  let answer: Record<string, unknown>;
  try {
    answer = Object(JSON.parse(text));
  } catch {
    throw malformed();
  }
  const { KeyId } = answer;
  return {
    key: typeof KeyId === "string" ? { KeyId } : {},
    bytes(name: string): Uint8Array<ArrayBuffer> {
      const value = answer[name];
      if (typeof value !== "string") throw malformed();
      try {
        return Uint8Array.from(atob(value), (char) => char.charCodeAt(0));
      } catch {
        throw malformed();
      }
    },
  };
}

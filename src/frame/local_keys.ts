import { AccessError, CorruptError, InvalidInputError } from "../errors.ts";
import { concat } from "../store/body.ts";
import { quote } from "../store/key.ts";
import { utf8 } from "../store/utf8.ts";
import {
  decrypt,
  encrypt,
  importMaterial,
  IV_LENGTH,
  KEY_LENGTH,
  randomBytes,
  SALT_LENGTH,
  TAG_LENGTH,
} from "./_aes.ts";
import { checkKeyId } from "./_envelope.ts";
import type { KeyContext, KeyProvider, WrappedKey } from "./key_provider.ts";

/** Options of {@link localKeys}. */
export interface LocalKeysOptions {
  /** The id of the key that wraps new data keys. */
  readonly current: string;
  /** The keys by their ids, 32 bytes each: the current one, and those that old data needs. */
  readonly keys: Readonly<Record<string, Uint8Array>>;
}

/** What the key that wraps a data key is derived for. */
const INFO = "cairn key 1";

/**
 * Wraps data keys under keys of one's own: 32 random bytes each, from a secret
 * store, or from `passphraseKey`. To rotate, add a key and make it the current
 * one: what the others wrapped stays readable, until `rewrap` has wrapped it
 * anew and the old key can go. A key's id is stored beside what it wraps, and is
 * never given to another key.
 *
 * @throws {InvalidInputError} where a key is not 32 bytes long, an id cannot be
 * stored, or the current key is not among the keys.
 *
 * @example Rotation
 * ```ts
 * import { aesGcm, localKeys, memoryStore, S3Checkpointer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const store = memoryStore();
 * const old = crypto.getRandomValues(new Uint8Array(32));
 * const before = aesGcm({ keys: localKeys({ current: "2025", keys: { "2025": old } }) });
 * await new S3Checkpointer(store, { encryption: before }).save("thread-1", { step: 1 });
 *
 * const fresh = crypto.getRandomValues(new Uint8Array(32));
 * const both = localKeys({ current: "2026", keys: { "2025": old, "2026": fresh } });
 * const checkpointer = new S3Checkpointer(store, { encryption: aesGcm({ keys: both }) });
 * assert.deepEqual((await checkpointer.load("thread-1"))?.state, { step: 1 });
 * ```
 */
export function localKeys(options: LocalKeysOptions): KeyProvider {
  const { current } = options;
  const keys = new Map(
    Object.entries(options.keys ?? {}).map(([id, key]) => {
      checkKeyId(id);
      return [id, materialOf(id, key)] as const;
    }),
  );
  checkKeyId(current);
  if (!keys.has(current)) throw new InvalidInputError(`Cannot use localKeys: ${lacks(current)}`);

  function material(id: string): Promise<CryptoKey> {
    const find = keys.get(id);
    if (find === undefined) throw new AccessError(`Cannot unwrap a data key: ${lacks(id)}`);
    return find();
  }
  async function wrap(key: Uint8Array, context: KeyContext): Promise<WrappedKey> {
    const salt = randomBytes(SALT_LENGTH), iv = randomBytes(IV_LENGTH);
    const parameters = { info: INFO, salt, iv, aad: bound(current, context) };
    const sealed = await encrypt(await material(current), parameters, key);
    return { id: current, wrapped: concat([salt, iv, sealed]) };
  }
  return {
    current,
    wrap,
    async generate(context) {
      const key = randomBytes(KEY_LENGTH);
      return { ...await wrap(key, context), key };
    },
    async unwrap({ id, wrapped }, context) {
      const from = await material(id);
      const salt = wrapped.subarray(0, SALT_LENGTH);
      const iv = wrapped.subarray(SALT_LENGTH, SALT_LENGTH + IV_LENGTH);
      try {
        if (wrapped.length !== SALT_LENGTH + IV_LENGTH + KEY_LENGTH + TAG_LENGTH) {
          throw new RangeError("The length is another");
        }
        const parameters = { info: INFO, salt, iv, aad: bound(id, context) };
        return await decrypt(from, parameters, wrapped.subarray(SALT_LENGTH + IV_LENGTH));
      } catch (cause) {
        throw new CorruptError(
          `The data key does not unwrap with the key ${quote(id)}: it was altered or is another ` +
            "thread's, or another key had this id when it was wrapped",
          { cause },
        );
      }
    },
  };

  function lacks(id: string): string {
    const known = [...keys.keys()].map(quote).join(", ") || "none";
    return `there is no key ${quote(id)} among its keys (${known}); add it to \`keys\``;
  }
}

/** Takes a key at once, and imports it when it is first needed: a Worker may do nothing at its start. */
function materialOf(id: string, key: unknown): () => Promise<CryptoKey> {
  if (!(key instanceof Uint8Array) || key.length !== KEY_LENGTH) {
    const is = key instanceof Uint8Array ? `it has ${key.length} bytes` : "it is no Uint8Array";
    throw new InvalidInputError(
      `Cannot use the key ${quote(id)}: ${is}; give a Uint8Array of ${KEY_LENGTH} bytes`,
    );
  }
  const raw = new Uint8Array(key);
  let imported: Promise<CryptoKey> | undefined;
  return () => imported ??= importMaterial(raw).finally(() => raw.fill(0));
}

/** What a wrapped data key is bound to: the id of its key, and the thread it is for. */
function bound(id: string, { thread }: KeyContext): Uint8Array {
  const name = utf8(id);
  return concat([Uint8Array.of(name.length), name, utf8(thread)]);
}

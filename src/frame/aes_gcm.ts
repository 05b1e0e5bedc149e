import { CorruptError } from "../errors.ts";
import { checkPart, checkWhole } from "../store/_options.ts";
import { concat } from "../store/body.ts";
import { toHex } from "../store/hex.ts";
import { utf8 } from "../store/utf8.ts";
import { decrypt, encrypt, IV_LENGTH, randomBytes, SALT_LENGTH } from "./_aes.ts";
import { type DataKeyLimits, DataKeys } from "./_data_keys.ts";
import { boundPart, joinBody, parseBody } from "./_envelope.ts";
import { isEncrypted, seal, unseal } from "./_header.ts";
import { HEAD_LENGTH, HEADER_LENGTH } from "./layout.ts";
import type { Encryption, FramePlace } from "./encryption.ts";
import type { KeyProvider } from "./key_provider.ts";

/** Options of {@link aesGcm}. All times are in milliseconds. */
export interface AesGcmOptions {
  /** What makes, wraps and unwraps data keys. */
  readonly keys: KeyProvider;
  /**
   * How many objects of this process a data key seals before another takes its
   * place: at most 2^32. Each object has a key of its own, derived from the data
   * key, so this bounds what hangs on one data key, not GCM.
   *
   * @default 1_048_576
   */
  readonly maxObjects?: number | undefined;
  /** How long a data key seals new objects, since it was made, by whichever process. @default 86_400_000, one day */
  readonly maxAge?: number | undefined;
  /** How many data keys are held unwrapped; a thread in use needs one or a few. @default 1_000 */
  readonly cachedKeys?: number | undefined;
  /**
   * How long a data key is held before the provider is asked for it again: how
   * long a key that was forgotten or taken away serves on in this process.
   *
   * @default 3_600_000, one hour
   */
  readonly cacheAge?: number | undefined;
  /**
   * Whether objects that are not encrypted are read all the same. Only for the
   * time until `rewrap` has sealed them: whoever can write to the bucket can
   * put one there.
   *
   * @default false
   */
  readonly acceptPlaintext?: boolean | undefined;
}

/** Parts of an encryption that tests replace. */
export interface AesGcmComponents {
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

/** What the key of an object is derived for. */
const INFO = "cairn frame 1";

/**
 * AES-256-GCM by WebCrypto for the `encryption` option of `S3Checkpointer` and
 * `S3Saver`: everything but each frame's header is encrypted, under a data key
 * of the thread that the provider wraps, and bound to the object's key. What was
 * altered, cut, swapped or copied to another key is refused, and so is what
 * is not encrypted. docs/encryption.md says what it protects, and what not.
 *
 * Make one for all that share the keys: it holds what the provider unwrapped.
 *
 * @throws {InvalidInputError} where there is no provider, or a limit is not one.
 *
 * @example
 * ```ts
 * import { aesGcm, getBytes, localKeys, memoryStore, S3Checkpointer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const store = memoryStore();
 * const key = crypto.getRandomValues(new Uint8Array(32)); // a secret, kept elsewhere
 * const encryption = aesGcm({ keys: localKeys({ current: "2026", keys: { "2026": key } }) });
 * const checkpointer = new S3Checkpointer<{ note: string }>(store, { encryption });
 * await checkpointer.save("thread-1", { note: "for my eyes" });
 * assert.equal((await checkpointer.load("thread-1"))?.state.note, "for my eyes");
 *
 * for await (const { objects } of store.list()) {
 *   for (const { key } of objects) {
 *     const { bytes } = await getBytes(store, key);
 *     assert(!new TextDecoder().decode(bytes).includes("my eyes"));
 *   }
 * }
 * ```
 */
export function aesGcm(options: AesGcmOptions, components: AesGcmComponents = {}): Encryption {
  const {
    keys,
    maxObjects = 2 ** 20,
    maxAge = 24 * 60 * 60 * 1000,
    cachedKeys = 1000,
    cacheAge = 60 * 60 * 1000,
    acceptPlaintext = false,
  } = options;
  checkPart("keys", keys, "unwrap", "localKeys(), or another key provider,");
  checkWhole({ maxObjects }, 1, 2 ** 32);
  checkWhole({ maxAge, cachedKeys, cacheAge }, 1);
  const limits: DataKeyLimits = { maxObjects, maxAge, cachedKeys, cacheAge };
  const dataKeys = new DataKeys(keys, limits, components.now ?? Date.now);

  async function open({ thread, key }: FramePlace, frame: Uint8Array): Promise<Uint8Array> {
    const body = frame.subarray(HEADER_LENGTH);
    if (!isEncrypted(frame)) {
      if (acceptPlaintext) return body;
      throw new CorruptError(
        "This object is not encrypted, though a key is set: somebody else wrote it, or it is " +
          "from before, and rewrap() seals it",
      );
    }
    const { bound, salt, iv, ciphertext, ...wrapped } = parseBody(body);
    const { material } = await dataKeys.open(thread, wrapped);
    const aad = concat([frame.subarray(0, HEAD_LENGTH), bound, utf8(key)]);
    let packed;
    try {
      packed = await decrypt(material, { info: INFO, salt, iv, aad }, ciphertext);
    } catch (cause) {
      throw new CorruptError(
        "This object is not what was sealed for this key: it was altered, or moved here",
        { cause },
      );
    }
    dataKeys.adopt(thread, wrapped);
    return packed;
  }

  const encryption: Encryption = {
    get revision() {
      return keys.revision ?? 0;
    },
    async seal({ thread, key }, head, packed) {
      const { material, since, id, wrapped } = await dataKeys.next(thread);
      const salt = randomBytes(SALT_LENGTH), iv = randomBytes(IV_LENGTH);
      const bound = boundPart({ since, salt, iv });
      const aad = concat([head, bound, utf8(key)]);
      const ciphertext = await encrypt(material, { info: INFO, salt, iv, aad }, packed);
      return joinBody(bound, { id, wrapped }, ciphertext);
    },
    open,
    async reseal(frame, from, to) {
      const header = await unseal(frame);
      return await seal(header, await open(from, frame), { encryption, place: to });
    },
    async nameOf(thread, chunk) {
      const naming = await dataKeys.naming(thread);
      return toHex(new Uint8Array(await crypto.subtle.sign("HMAC", naming, chunk as BufferSource)));
    },
  };
  return encryption;
}

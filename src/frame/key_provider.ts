/** What a data key is bound to: it is of no use to another thread. */
export interface KeyContext {
  /** The thread whose objects the data key seals. */
  readonly thread: string;
}

/** A data key in the form in which it is stored beside what it seals. */
export interface WrappedKey {
  /** The id of the key that wraps it: 1 to 255 bytes of UTF-8, and no secret. */
  readonly id: string;
  /** The data key, which only the provider can unwrap: at most 4,096 bytes. */
  readonly wrapped: Uint8Array;
}

/** A data key. */
export interface DataKey extends WrappedKey {
  /** The key itself: 32 bytes in an array of the caller's own, which it overwrites after use. */
  readonly key: Uint8Array;
}

/**
 * Wraps data keys under keys of its own, and unwraps them: `localKeys`,
 * `awsKmsKeys` and `threadKeys` are such, and a KMS of another vendor is
 * another with three short methods.
 *
 * It rejects with an `AccessError` where it does not have the key of an id, or
 * may not use it, and with a `CorruptError` where a wrapped key is not one that
 * it made for this context. No message carries a byte of a key.
 *
 * @example A provider that counts what another one is asked
 * ```ts
 * import { aesGcm, type KeyProvider, localKeys, memoryStore, S3Checkpointer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const keys = localKeys({ current: "1", keys: { "1": new Uint8Array(32).fill(7) } });
 * let made = 0;
 * const counted: KeyProvider = {
 *   current: keys.current,
 *   generate(context) {
 *     made++;
 *     return keys.generate(context);
 *   },
 *   wrap: (key, context) => keys.wrap(key, context),
 *   unwrap: (wrapped, context) => keys.unwrap(wrapped, context),
 * };
 * const checkpointer = new S3Checkpointer(memoryStore(), { encryption: aesGcm({ keys: counted }) });
 * for (const step of [1, 2, 3]) await checkpointer.save("thread-1", { step });
 * assert.equal(made, 1);
 * ```
 */
export interface KeyProvider {
  /** The id of the key under which new data keys are wrapped. */
  readonly current: string;
  /** Changes where keys that were given must not be used on; who holds some drops them then. @default never */
  readonly revision?: number | undefined;
  /** Makes a data key and wraps it under the current key. */
  generate(context: KeyContext): Promise<DataKey>;
  /** Wraps a data key under the current key. */
  wrap(key: Uint8Array, context: KeyContext): Promise<WrappedKey>;
  /** Unwraps a data key, whichever of its keys wrapped it, into an array of the caller's own. */
  unwrap(wrapped: WrappedKey, context: KeyContext): Promise<Uint8Array>;
}

import {
  aesGcm,
  type AesGcmOptions,
  type Encryption,
  type KeyProvider,
  localKeys,
} from "@cairn/checkpoint";

/** A key that differs from those of other seeds in every byte. */
export function keyOf(seed: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 32 }, (_, at) => (at * 7 + seed * 31) & 255);
}

/** Local keys "1" to so many, of which the last is the current one. */
export function keysUpTo(count: number): KeyProvider {
  const ids = Array.from({ length: count }, (_, at) => at + 1);
  return localKeys({
    current: String(count),
    keys: Object.fromEntries(ids.map((id) => [String(id), keyOf(id)])),
  });
}

/** What a provider was asked. */
export interface Asked {
  generate: number;
  wrap: number;
  unwrap: number;
}

/** A provider that counts what it is asked, before and after another one. */
export function counted(keys: KeyProvider): { keys: KeyProvider; asked: Asked } {
  const asked: Asked = { generate: 0, wrap: 0, unwrap: 0 };
  return {
    asked,
    keys: {
      current: keys.current,
      get revision() {
        return keys.revision;
      },
      generate(context) {
        asked.generate++;
        return keys.generate(context);
      },
      wrap(key, context) {
        asked.wrap++;
        return keys.wrap(key, context);
      },
      unwrap(wrapped, context) {
        asked.unwrap++;
        return keys.unwrap(wrapped, context);
      },
    },
  };
}

/** An encryption with a key of its own. */
export function encryptionOf(options: Partial<AesGcmOptions> = {}): Encryption {
  return aesGcm({ keys: keysUpTo(1), ...options });
}

import { AccessError, CorruptError, NotFoundError, UnsupportedError } from "../errors.ts";
import type { CompressionChoice } from "../frame/compression.ts";
import type { Encryption, Sealing } from "../frame/encryption.ts";
import { decodeFrame, encodeFrame, type FrameKind } from "../frame/frame.ts";
import { toHex } from "../store/hex.ts";
import { sha256 } from "../store/sha256.ts";
import { getBytes } from "../store/body.ts";
import type { CallOptions, ObjectStore, Precondition } from "../store/store.ts";
import { RecentObjects } from "./cache.ts";
import { cachingOf } from "./caching.ts";
import type { Keys } from "./keys.ts";

/** A record of some kind as bytes: the kind of its frame, and how it is written and read. */
export interface Codec<T> {
  readonly kind: FrameKind;
  readonly encode: (record: T) => Uint8Array;
  readonly decode: (payload: Uint8Array) => T;
  /** The most bytes it may have. @default the frame's own limit */
  readonly limit?: number;
  /** Whether it is what its key says, asked before it is held. @default the decoder tells */
  readonly check?: (payload: Uint8Array, encrypted: boolean) => Promise<boolean>;
}

/** A record as it was read, with its writer's mark where that is known. */
export interface Opened<T> {
  readonly nonce: string | undefined;
  /** Whether this process has read it, or seen it listed, and has not gone on from it since. */
  isRead: boolean;
  readonly record: T;
}

/** How objects are stored. */
export interface ObjectsOptions {
  readonly compression: CompressionChoice;
  readonly cacheBytes: number;
  readonly encryption?: Encryption | undefined;
  /** The time, in milliseconds since 1970. */
  readonly now: () => number;
}

/** Objects in their frames, with those lately read or written at hand. */
export class Objects {
  readonly store: ObjectStore;
  /** Whether this process has sent a chunk. */
  hasSent = false;
  readonly #keys: Keys;
  readonly #options: ObjectsOptions;
  #recent: RecentObjects;
  #revision: number | undefined;

  constructor(store: ObjectStore, keys: Keys, options: ObjectsOptions) {
    this.store = store;
    this.#keys = keys;
    this.#options = options;
    this.#recent = new RecentObjects(options.cacheBytes);
    this.#revision = options.encryption?.revision;
  }

  /** What is at hand: nothing any more once the key of some of it was forgotten. */
  get recent(): RecentObjects {
    const { encryption, cacheBytes } = this.#options;
    if (this.#revision !== encryption?.revision) {
      this.#revision = encryption?.revision;
      this.#recent = new RecentObjects(cacheBytes);
    }
    return this.#recent;
  }

  /** The name of a chunk of a thread. */
  async nameOf(thread: string, chunk: Uint8Array): Promise<string> {
    return await this.#options.encryption?.nameOf(thread, chunk) ?? toHex(await sha256(chunk));
  }

  /** What this process holds of an object: asks nobody. */
  held<T>(key: string): T | undefined {
    return this.recent.get<Opened<T>>(key)?.record;
  }

  /** Whether an object was seen in the store, a chunk sent to it, within the last half hour and since a time. */
  isThere(key: string, since = 0): boolean {
    // With the time that a `put` takes it is less than the sweep's grace, so that no
    // chunk that was sent within it is swept before its record comes.
    const TRUST = 30 * 60 * 1000;
    return this.recent.seenAt(key) >= Math.max(since, this.#options.now() - TRUST);
  }

  /** Notes that the store has just had a held object. */
  see(key: string): void {
    this.recent.see(key, this.#options.now());
  }

  /** Reads an object; what is held counts where its ETag is the one given. */
  async get<T>(
    key: string,
    codec: Codec<T>,
    etag: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Opened<T> | undefined> {
    // That a chunk was read says nothing of how long it will be there: its record may be gone;
    // and what a copy of the store has may be gone from the store itself.
    const seen = codec.kind === "chunk" || this.store.capabilities.lags
      ? -Infinity
      : this.#options.now();
    const held = etag === undefined ? undefined : this.recent.get<Opened<T>>(key, etag);
    if (held !== undefined) {
      this.recent.see(key, seen);
      held.isRead = true;
      return held;
    }
    try {
      const { info, bytes } = await getBytes(this.store, key, { signal });
      const sealing = this.sealing(key);
      const { nonce, payload, encrypted } = await decodeFrame(bytes, { ...codec, sealing });
      if (await codec.check?.(payload, encrypted) === false) {
        throw new CorruptError("The object is not what its name says");
      }
      return this.#keep(key, info.etag, codec, nonce, payload, seen, codec.decode(payload));
    } catch (error) {
      if (error instanceof NotFoundError && error.what === "object") return undefined;
      throw named(key, error);
    }
  }

  /** Writes an object, under a mark of its writer where that wants to know it again. */
  async put<T>(
    key: string,
    codec: Codec<T>,
    record: T,
    { signal, precondition, nonce, sealed }: CallOptions & {
      precondition?: Precondition | undefined;
      nonce?: Uint8Array;
      /** Hears of the frame's length, and says whether what it was made of is gone and not to be held. */
      sealed?: (length: number) => boolean;
    },
  ): Promise<void> {
    const { kind } = codec;
    const { compression } = this.#options;
    const payload = codec.encode(record);
    const sealing = this.sealing(key);
    const frame = await encodeFrame(payload, { kind, compression, nonce, sealing });
    const isGone = sealed?.(frame.length);
    const options = { ...cachingOf(this.store, key), precondition, signal };
    const seen = this.#options.now();
    this.hasSent ||= kind === "chunk";
    this.recent.delete(key); // after a lost answer nobody knows what is there
    const { etag } = await this.store.put(key, frame, options);
    // Read back from its own bytes, once it is asked for: the caller may change what it gave.
    if (!isGone) this.#keep(key, etag, codec, nonce, payload, seen);
  }

  /** Deletes objects and forgets them. */
  async delete(keys: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    for (const key of keys) this.recent.delete(key);
    if (keys.length > 0) await this.store.delete(keys, { signal });
  }

  /** How the object of a key is sealed; `undefined` where nothing is encrypted. */
  sealing(key: string): Sealing | undefined {
    const { encryption } = this.#options;
    return encryption && { encryption, place: { key, thread: this.#keys.threadOf(key)! } };
  }

  #keep<T>(
    key: string,
    etag: string,
    codec: Codec<T>,
    nonce: Uint8Array | undefined,
    payload: Uint8Array,
    seen: number,
    record?: T,
  ): Opened<T> {
    const object = {
      nonce: nonce?.join(),
      isRead: record !== undefined,
      get record() {
        return record ??= codec.decode(payload);
      },
    };
    this.recent.set(key, etag, object, payload.length, seen);
    return object;
  }
}

/** An object that cannot be read, by its key. */
export function named(key: string, error: unknown): unknown {
  const unreadable = error instanceof CorruptError || error instanceof UnsupportedError ||
    error instanceof AccessError;
  if (!unreadable || error.key !== undefined) return error;
  const Same = error.constructor as typeof CorruptError;
  return new Same(`${key}: ${error.message}`, { cause: error, key, code: error.code });
}

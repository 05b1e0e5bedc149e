import { NotFoundError } from "../errors.ts";
import type { CompressionChoice } from "../frame/compression.ts";
import { decodeFrame, encodeFrame, type FrameKind } from "../frame/frame.ts";
import { getBytes } from "../store/body.ts";
import type { CallOptions, ObjectStore, Precondition } from "../store/store.ts";
import { RecentObjects } from "./cache.ts";
import { namingKey } from "./values.ts";

/** A record of some kind as bytes: the kind of its frame, and how it is read. */
export interface Codec<T> {
  readonly kind: FrameKind;
  readonly encode: (record: T) => Uint8Array;
  readonly decode: (payload: Uint8Array) => T;
}

/** A record as it was read, with its writer's mark. */
interface Opened<T> {
  readonly nonce: string;
  readonly record: T;
}

/** Records in their frames, with those lately read or written at hand. */
export class Objects {
  readonly store: ObjectStore;
  readonly recent: RecentObjects;
  readonly #compression: CompressionChoice;

  constructor(store: ObjectStore, compression: CompressionChoice, cacheBytes: number) {
    this.store = store;
    this.recent = new RecentObjects(cacheBytes);
    this.#compression = compression;
  }

  /** What this process holds of a record: asks nobody. */
  held<T>(key: string): T | undefined {
    return this.recent.get<Opened<T>>(key, this.recent.etagOf(key) ?? "")?.record;
  }

  /** Reads a record; what is held counts where its ETag is the one given. */
  async get<T>(
    key: string,
    codec: Codec<T>,
    etag: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Opened<T> | undefined> {
    const held = etag === undefined ? undefined : this.recent.get<Opened<T>>(key, etag);
    if (held !== undefined) return held;
    try {
      const { info, bytes } = await getBytes(this.store, key, { signal });
      return await namingKey(key, async () => {
        const { nonce, payload } = await decodeFrame(bytes, { kind: codec.kind });
        return this.#keep(key, info.etag, codec, nonce, payload);
      });
    } catch (error) {
      if (error instanceof NotFoundError && error.what === "object") return undefined;
      throw error;
    }
  }

  /** Writes a record under a mark of its writer. */
  async put<T>(
    key: string,
    codec: Codec<T>,
    record: T,
    { signal, precondition, nonce = newNonce() }: CallOptions & {
      precondition?: Precondition;
      nonce?: Uint8Array;
    },
  ): Promise<void> {
    const payload = codec.encode(record);
    const frame = await encodeFrame(payload, {
      kind: codec.kind,
      compression: this.#compression,
      nonce,
    });
    const { etag } = await this.store.put(key, frame, { precondition, signal });
    // Read back from its own bytes: the caller may change what it gave.
    this.#keep(key, etag, codec, nonce, payload);
  }

  /** Deletes objects and forgets them. */
  async delete(keys: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    for (const key of keys) this.recent.delete(key);
    if (keys.length > 0) await this.store.delete(keys, { signal });
  }

  #keep<T>(
    key: string,
    etag: string,
    codec: Codec<T>,
    nonce: Uint8Array,
    payload: Uint8Array,
  ): Opened<T> {
    const object = { nonce: nonce.join(), record: codec.decode(payload) };
    this.recent.set(key, etag, object, payload.length);
    return object;
  }
}

/** A new mark of a writer. */
export function newNonce(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(16));
}

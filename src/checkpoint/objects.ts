import { CorruptError, NotFoundError, UnsupportedError } from "../errors.ts";
import type { CompressionChoice } from "../frame/compression.ts";
import { decodeFrame, encodeFrame, type FrameKind } from "../frame/frame.ts";
import { getBytes } from "../store/body.ts";
import type { CallOptions, ObjectStore, Precondition } from "../store/store.ts";
import { RecentObjects } from "./cache.ts";

/** A record of some kind as bytes: the kind of its frame, and how it is written and read. */
export interface Codec<T> {
  readonly kind: FrameKind;
  readonly encode: (record: T) => Uint8Array;
  readonly decode: (payload: Uint8Array) => T;
  /** The most bytes it may have. @default the frame's own limit */
  readonly limit?: number;
  /** Whether it is what its key says, asked before it is held. @default the decoder tells */
  readonly check?: (payload: Uint8Array) => Promise<boolean>;
}

/** A record as it was read, with its writer's mark where that is known. */
interface Opened<T> {
  readonly nonce: string | undefined;
  readonly record: T;
}

/** Objects in their frames, with those lately read or written at hand. */
export class Objects {
  readonly store: ObjectStore;
  readonly recent: RecentObjects;
  readonly #compression: CompressionChoice;

  constructor(store: ObjectStore, compression: CompressionChoice, cacheBytes: number) {
    this.store = store;
    this.recent = new RecentObjects(cacheBytes);
    this.#compression = compression;
  }

  /** What this process holds of an object: asks nobody. */
  held<T>(key: string): T | undefined {
    return this.recent.get<Opened<T>>(key, this.recent.etagOf(key) ?? "")?.record;
  }

  /** Reads an object; what is held counts where its ETag is the one given. */
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
      const { nonce, payload } = await decodeFrame(bytes, codec);
      if (await codec.check?.(payload) === false) {
        throw new CorruptError("The object is not what its name says");
      }
      return this.#keep(key, info.etag, codec, nonce, payload);
    } catch (error) {
      if (error instanceof NotFoundError && error.what === "object") return undefined;
      const unreadable = error instanceof CorruptError || error instanceof UnsupportedError;
      if (!unreadable || error.key !== undefined) throw error;
      const Same = error.constructor as typeof CorruptError;
      throw new Same(`${key}: ${error.message}`, { cause: error, key });
    }
  }

  /** Writes an object, under a mark of its writer where that wants to know it again. */
  async put<T>(
    key: string,
    codec: Codec<T>,
    record: T,
    { signal, precondition, nonce }: CallOptions & {
      precondition?: Precondition | undefined;
      nonce?: Uint8Array;
    },
  ): Promise<void> {
    const { kind } = codec;
    const payload = codec.encode(record);
    const frame = await encodeFrame(payload, { kind, compression: this.#compression, nonce });
    const { etag } = await this.store.put(key, frame, { precondition, signal });
    // Read back from its own bytes: the caller may change what it gave.
    this.#keep(key, etag, codec, nonce, payload);
  }

  /** Copies an object to another key, on the server where it can. */
  async copy(
    from: string,
    to: string,
    options: CallOptions & { precondition?: Precondition } = {},
  ): Promise<void> {
    await this.store.copy(from, to, options);
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
    nonce: Uint8Array | undefined,
    payload: Uint8Array,
  ): Opened<T> {
    const object = { nonce: nonce?.join(), record: codec.decode(payload) };
    this.recent.set(key, etag, object, payload.length);
    return object;
  }
}

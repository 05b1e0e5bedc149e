import { CairnError, CorruptError, NotFoundError, UnsupportedError } from "../errors.ts";
import { cut } from "../frame/chunker.ts";
import type { CompressionChoice } from "../frame/compression.ts";
import { decodeFrame, encodeFrame } from "../frame/frame.ts";
import { sha256, toHex } from "../frame/hash.ts";
import { concat, getBytes } from "../store/body.ts";
import { mapParallel } from "../store/parallel.ts";
import type { ObjectStore } from "../store/store.ts";
import { attach, type Attachment, detach } from "./attachments.ts";
import type { RecentObjects } from "./cache.ts";
import type { Keys } from "./keys.ts";
import { type ChunkRef, chunksOf, type Segment, type StoredValue } from "./record.ts";
import type { Serializer } from "./serializer.ts";

/** A value as a serializer gave it, its byte arrays beside it. */
export interface SerializedValue {
  /** The serializer's type. */
  readonly type: string;
  /** The serializer's bytes. */
  readonly bytes: Uint8Array;
  /** The byte arrays taken out of the value. */
  readonly attachments: readonly Attachment[];
}

/** Serializes a value, byte arrays kept as bytes. */
export async function serialize(serializer: Serializer, value: unknown): Promise<SerializedValue> {
  const { value: rest, attachments } = detach(value);
  const [type, bytes] = await serializer.dumpsTyped(rest);
  return { type, bytes, attachments };
}

/** The value of what {@link serialize} gave. */
export async function deserialize(serializer: Serializer, from: SerializedValue): Promise<unknown> {
  // Copies, so that what the caller does to them reaches no cached object.
  const attachments = from.attachments.map(({ path, bytes }) => ({ path, bytes: copyOf(bytes) }));
  return attach(await serializer.loadsTyped(from.type, copyOf(from.bytes)), attachments);
}

/** What {@link Values} needs to know. */
export interface ValuesOptions {
  /** How chunks are packed. */
  readonly compression: CompressionChoice;
  /** Up to how many bytes a value travels in its record. */
  readonly inlineLimit: number;
  /** How many chunks are under way at once. */
  readonly parallel: number;
}

/** Keeps large values as chunks named by their hash, and gives them back checked. */
export class Values {
  readonly #store: ObjectStore;
  readonly #keys: Keys;
  readonly #recent: RecentObjects;
  readonly #options: ValuesOptions;

  constructor(store: ObjectStore, keys: Keys, recent: RecentObjects, options: ValuesOptions) {
    this.#store = store;
    this.#keys = keys;
    this.#recent = recent;
    this.#options = options;
  }

  /**
   * Stores values' chunks and gives what a record says of each. Chunks in
   * `known` are there already and are not sent.
   */
  async store(
    thread: string,
    values: readonly SerializedValue[],
    known: ReadonlySet<string>,
    signal?: AbortSignal,
  ): Promise<StoredValue[]> {
    const pieces: { bytes: Uint8Array; place: Segment[]; at: number }[] = [];
    const body = (bytes: Uint8Array): Segment[] => {
      if (bytes.length <= this.#options.inlineLimit) return [bytes];
      const place: Segment[] = [];
      for (const piece of cut(bytes)) {
        pieces.push({ bytes: piece, place, at: place.length });
        place.push(piece);
      }
      return place;
    };
    const stored = values.map(({ type, bytes, attachments }): StoredValue => ({
      type,
      body: body(bytes),
      attachments: attachments.map(({ path, bytes }) => ({ path, body: body(bytes) })),
    }));
    const sent = new Set(known);
    await mapParallel(
      pieces,
      this.#options.parallel,
      async ({ bytes: piece, place, at }, inner) => {
        // What is hashed, sent and held must be the same, whatever the caller does to it meanwhile.
        const bytes = copyOf(piece);
        const hash = toHex(await sha256(bytes));
        place[at] = { hash, length: bytes.length };
        if (sent.has(hash)) return;
        sent.add(hash);
        const key = this.#keys.chunk(thread, hash);
        const frame = await encodeFrame(bytes, {
          kind: "chunk",
          compression: this.#options.compression,
        });
        await this.#store.put(key, frame, { signal: inner });
        this.#recent.set(key, "", bytes, bytes.length);
      },
      signal,
    );
    return stored;
  }

  /** Reads values back, all their chunks in parallel. */
  async load(
    thread: string,
    values: readonly StoredValue[],
    signal?: AbortSignal,
  ): Promise<SerializedValue[]> {
    const refs = new Map<string, ChunkRef>();
    for (const value of values) for (const ref of chunksOf(value)) refs.set(ref.hash, ref);
    const chunks = new Map(
      await mapParallel(
        refs.values(),
        this.#options.parallel,
        async (ref, inner) => [ref.hash, await this.#chunk(thread, ref, inner)] as const,
        signal,
      ),
    );
    const join = (body: readonly Segment[]) =>
      concat(body.map((segment) => {
        if (segment instanceof Uint8Array) return segment;
        const chunk = chunks.get(segment.hash)!;
        if (chunk.length === segment.length) return chunk;
        throw new CorruptError(`A record gives the chunk ${segment.hash} two lengths`);
      }));
    return values.map(({ type, body, attachments }) => ({
      type,
      bytes: join(body),
      attachments: attachments.map(({ path, body }) => ({ path, bytes: join(body) })),
    }));
  }

  async #chunk(thread: string, ref: ChunkRef, signal: AbortSignal): Promise<Uint8Array> {
    const key = this.#keys.chunk(thread, ref.hash);
    const held = this.#recent.get<Uint8Array>(key, "");
    if (held !== undefined) return held;
    const { bytes } = await getBytes(this.#store, key, { signal }).catch((cause) => {
      if (!(cause instanceof NotFoundError) || cause.what !== "object") throw cause;
      throw new CorruptError(
        `A record refers to a chunk that is not there: ${key}; its thread was deleted meanwhile, ` +
          "or something else removed the object",
        { cause, key },
      );
    });
    const { payload } = await namingKey(
      key,
      () => decodeFrame(bytes, { kind: "chunk", limit: ref.length }),
    );
    if (payload.length !== ref.length || toHex(await sha256(payload)) !== ref.hash) {
      throw new CorruptError(`The chunk at ${key} is not what its name says`, { key });
    }
    this.#recent.set(key, "", payload, payload.length);
    return payload;
  }
}

/** A copy with memory of its own; `slice` of a Node Buffer would give none. */
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

/** Runs a decoder, and names the key in what it throws. */
export async function namingKey<T>(key: string, decode: () => T | Promise<T>): Promise<T> {
  try {
    return await decode();
  } catch (error) {
    if (!(error instanceof CairnError) || error.key !== undefined) throw error;
    const message = `${key}: ${error.message}`;
    if (error instanceof CorruptError) throw new CorruptError(message, { cause: error, key });
    if (error instanceof UnsupportedError) {
      throw new UnsupportedError(message, { cause: error, key });
    }
    throw error;
  }
}

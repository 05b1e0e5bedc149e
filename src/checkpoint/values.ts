import { CorruptError } from "../errors.ts";
import { cut } from "../frame/chunker.ts";
import { sha256, toHex } from "../frame/hash.ts";
import { concat } from "../store/body.ts";
import { mapParallel, weighed } from "../store/parallel.ts";
import { attach, type Attachment, detach } from "./attachments.ts";
import type { Keys } from "./keys.ts";
import type { Codec, Objects } from "./objects.ts";
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

/** A chunk in its frame: nothing but its bytes. */
const chunkOf = ({ hash, length }: ChunkRef): Codec<Uint8Array> => ({
  kind: "chunk",
  encode: (bytes) => bytes,
  decode: (bytes) => bytes,
  limit: length,
  // An encrypted one is bound to its name, which only its writer's key could make.
  check: async (bytes, encrypted) =>
    bytes.length === length && (encrypted || toHex(await sha256(bytes)) === hash),
});

/** Up to how many bytes of chunks are packed and sent at once: each is in memory some three times over. */
const UNDER_WAY = 12 * 1024 * 1024;

/** Keeps large values as chunks named by their hash, and gives them back checked. */
export class Values {
  readonly #keys: Keys;
  readonly #objects: Objects;
  readonly #inlineLimit: number;
  readonly #parallel: number;

  constructor(keys: Keys, objects: Objects, inlineLimit: number, parallel: number) {
    this.#keys = keys;
    this.#objects = objects;
    this.#inlineLimit = inlineLimit;
    this.#parallel = parallel;
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
    const pieces: { body: Segment[]; at: number; piece: Uint8Array }[] = [];
    const bodyOf = (bytes: Uint8Array): Segment[] => {
      if (bytes.length <= this.#inlineLimit) return [bytes];
      const body: Segment[] = cut(bytes);
      body.forEach((piece, at) => pieces.push({ body, at, piece: piece as Uint8Array }));
      return body;
    };
    const stored = values.map(({ type, bytes, attachments }): StoredValue => ({
      type,
      body: bodyOf(bytes),
      attachments: attachments.map(({ path, bytes }) => ({ path, body: bodyOf(bytes) })),
    }));
    const sent = new Set(known);
    const through = weighed(UNDER_WAY);
    const send = async ({ body, at, piece }: typeof pieces[number], inner: AbortSignal) => {
      // What is hashed, sent and held must be the same, whatever the caller does to it meanwhile.
      const bytes = copyOf(piece);
      const hash = await this.#objects.nameOf(thread, bytes);
      const ref = body[at] = { hash, length: bytes.length };
      if (sent.has(hash)) return;
      sent.add(hash);
      const key = this.#keys.chunk(thread, hash);
      await this.#objects.put(key, chunkOf(ref), bytes, { signal: inner });
    };
    await mapParallel(
      pieces,
      this.#parallel,
      (piece, inner) => through(piece.piece.length, () => send(piece, inner)),
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
        this.#parallel,
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
    const bytes = this.#objects.held<Uint8Array>(key) ??
      (await this.#objects.get(key, chunkOf(ref), undefined, signal))?.record;
    if (bytes !== undefined) return bytes;
    throw new CorruptError(
      `A chunk is gone: ${key}; its thread was deleted meanwhile, or it was removed`,
      { key },
    );
  }
}

/** A copy with memory of its own; `slice` of a Node Buffer would give none. */
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

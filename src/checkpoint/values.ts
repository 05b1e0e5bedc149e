import { CairnError, CorruptError } from "../errors.ts";
import { cut } from "../frame/chunker.ts";
import { toHex } from "../store/hex.ts";
import { sha256 } from "../store/sha256.ts";
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

/**
 * The value of what {@link serialize} gave.
 *
 * @throws {CorruptError} where the serializer cannot load it.
 */
export async function deserialize(serializer: Serializer, from: SerializedValue): Promise<unknown> {
  // Copies, so that what the caller does to them reaches no cached object.
  const attachments = from.attachments.map(({ path, bytes }) => ({ path, bytes: copyOf(bytes) }));
  try {
    return attach(await serializer.loadsTyped(from.type, copyOf(from.bytes)), attachments);
  } catch (cause) {
    if (cause instanceof CairnError) throw cause;
    throw new CorruptError(
      "A stored value cannot be loaded: it is damaged, or another serializer saved it",
      { cause },
    );
  }
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
   * Stores values' chunks and gives what a record says of each. The chunks of
   * `base`, stored values of the thread, are there already and are not sent, nor
   * are those that this process has sent since a time and not long ago.
   */
  async store(
    thread: string,
    values: readonly SerializedValue[],
    base: readonly StoredValue[],
    since: number,
    signal?: AbortSignal,
  ): Promise<StoredValue[]> {
    // How many times the inline limit the last piece of a large value may have, to stay in its record.
    const LAST_PIECE = 6;
    // Up to how many bytes of chunks are packed and sent at once: in memory some three times over until they are packed.
    const PACKING = 8 * 1024 * 1024;
    const pieces: { body: Segment[]; at: number; piece: Uint8Array }[] = [];
    let total = 0;
    const known = knownOf(base);
    const bodyOf = async (bytes: Uint8Array): Promise<Segment[]> => {
      if (bytes.length <= this.#inlineLimit) return [bytes];
      const body = await this.#cut(thread, bytes, known);
      body.forEach((piece, at) => {
        if (!(piece instanceof Uint8Array)) return;
        // The end of a value that grows is another one at each step, and a request costs more than its bytes.
        const stays = at === body.length - 1 && piece.length <= LAST_PIECE * this.#inlineLimit &&
          isNew(piece, body.slice(0, -1), known);
        if (stays) body[at] = copyOf(piece);
        else {
          pieces.push({ body, at, piece });
          total += piece.length;
        }
      });
      return body;
    };
    const stored: StoredValue[] = [];
    for (const { type, bytes, attachments } of values) {
      const body = await bodyOf(bytes);
      const rest = [];
      for (const { path, bytes } of attachments) rest.push({ path, body: await bodyOf(bytes) });
      stored.push({ type, body, attachments: rest });
    }
    const sent = new Set(known.chunks.keys());
    // Of more than fits in there, the last would push out all else, and the first of it.
    const isHeld = total <= this.#objects.recent.limit;
    const through = weighed(PACKING);
    await mapParallel(
      pieces,
      this.#parallel,
      ({ body, at, piece }, inner) =>
        through(piece.length, async (weigh) => {
          // What is hashed, sent and held must be the same, whatever the caller does to it meanwhile.
          const bytes = copyOf(piece);
          const hash = await this.#objects.nameOf(thread, bytes);
          const ref = body[at] = { hash, length: bytes.length };
          const key = this.#keys.chunk(thread, hash);
          if (sent.has(hash) || this.#objects.isThere(key, since)) return;
          sent.add(hash);
          const sealed = (length: number) => {
            weigh(length);
            // Given back at once: garbage of 64 MiB would stand before it is collected.
            if (!isHeld) bytes.buffer.transfer?.(0);
            return !isHeld;
          };
          await this.#objects.put(key, chunkOf(ref), bytes, { signal: inner, sealed });
        }),
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
    // Up to how many bytes of chunks are fetched and opened at once: as they are stored they are in memory beside the value.
    const READ_AHEAD = 32 * 1024 * 1024;
    const refs = new Map<string, ChunkRef>();
    for (const value of values) for (const ref of chunksOf(value)) refs.set(ref.hash, ref);
    const through = weighed(READ_AHEAD);
    const chunks = new Map(
      await mapParallel(
        refs.values(),
        this.#parallel,
        async (ref, inner) => {
          const chunk = await through(ref.length, () => this.#chunk(thread, ref, inner));
          return [ref.hash, chunk] as const;
        },
        signal,
      ),
    );
    const join = (body: readonly Segment[]) => {
      const pieces = body.map((segment) => {
        if (segment instanceof Uint8Array) return segment;
        const chunk = chunks.get(segment.hash)!;
        if (chunk.length === segment.length) return chunk;
        throw new CorruptError(`A record gives the chunk ${segment.hash} two lengths`);
      });
      try {
        return concat(pieces);
      } catch (cause) {
        throw new CorruptError("A record claims more bytes than memory can hold", { cause });
      }
    };
    return values.map(({ type, body, attachments }) => ({
      type,
      bytes: join(body),
      attachments: attachments.map(({ path, body }) => ({ path, bytes: join(body) })),
    }));
  }

  /**
   * Cuts a large value. Where the base has several pieces as one, that one takes
   * their place: a value that has shrunk would be cut finer, and sent again.
   */
  async #cut(
    thread: string,
    bytes: Uint8Array,
    { chunks, lengths }: Known,
  ): Promise<Segment[]> {
    const pieces = cut(bytes);
    const ends: number[] = [];
    for (const { length } of pieces) ends.push((ends.at(-1) ?? 0) + length);
    const body: Segment[] = [];
    for (let at = 0; at < pieces.length; at++) {
      const start = ends[at - 1] ?? 0;
      let segment: Segment = pieces[at]!;
      for (let last = pieces.length - 1; last > at; last--) {
        const length = ends[last]! - start;
        if (!lengths.has(length)) continue;
        const hash = await this.#objects.nameOf(thread, bytes.subarray(start, ends[last]));
        if (chunks.get(hash) !== length) continue;
        segment = { hash, length };
        at = last;
      }
      body.push(segment);
    }
    return body;
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

/** What stored values tell of those that come after them. */
interface Known {
  /** The chunks with their lengths. */
  readonly chunks: ReadonlyMap<string, number>;
  readonly lengths: ReadonlySet<number>;
  /** The ends that are in the record. */
  readonly ends: readonly Uint8Array[];
}

function knownOf(values: readonly StoredValue[]): Known {
  const chunks = new Map<string, number>();
  const ends: Uint8Array[] = [];
  for (const value of values) {
    for (const { hash, length } of chunksOf(value)) chunks.set(hash, length);
    for (const { body } of [value, ...value.attachments]) {
      const last = body.at(-1);
      if (last instanceof Uint8Array) ends.push(last);
    }
  }
  return { chunks, lengths: new Set(chunks.values()), ends };
}

/** Whether a value's last piece is what it has grown by, as far as can be told without hashing. */
function isNew(last: Uint8Array, others: readonly Segment[], { lengths, ends }: Known): boolean {
  const isThere = lengths.has(last.length) ||
    ends.some((end) => end.length === last.length && shared(end, last) === end.length);
  return !isThere &&
    (others.some(({ length }) => lengths.has(length)) || ends.some((end) => goesOn(end, last)));
}

/** Whether bytes go on from others, the last few of which may close what goes on. */
function goesOn(from: Uint8Array, to: Uint8Array): boolean {
  // How many bytes may close a value that goes on before them, as brackets do.
  const CLOSING = 64;
  return to.length > from.length && from.length > CLOSING &&
    shared(from, to) >= from.length - CLOSING;
}

/** With how many bytes two begin alike. */
function shared(a: Uint8Array, b: Uint8Array): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

/** A copy with memory of its own; `slice` of a Node Buffer would give none. */
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

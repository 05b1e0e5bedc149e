/**
 * What a record holds, and its bytes: a 4-byte length, an index in JSON, and
 * after it the inline bytes that the index points into. `docs/format.md` has
 * the layout.
 *
 * @module
 */

import { CorruptError } from "../errors.ts";
import { tooNew } from "../frame/too_new.ts";
import { concat } from "../store/body.ts";
import { utf8 } from "../store/utf8.ts";
import type { Path } from "./attachments.ts";

/** The record version that this package writes, and the newest it reads. */
export const RECORD_VERSION = 1;

/** A chunk of a large value: the SHA-256 of its bytes in hex, and their length. */
export interface ChunkRef {
  /** The SHA-256 of the chunk's bytes, in lower-case hex. */
  readonly hash: string;
  /** Their length. */
  readonly length: number;
}

/** A piece of a value: inline bytes, or a chunk. */
export type Segment = Uint8Array | ChunkRef;

/** A serialized value as it is stored: each run of bytes in segments. */
export interface StoredValue {
  /** The type that the serializer gave. */
  readonly type: string;
  /** The serialized value. */
  readonly body: readonly Segment[];
  /** The byte arrays that were taken out of it. */
  readonly attachments: readonly { readonly path: Path; readonly body: readonly Segment[] }[];
}

/** A channel's version; absent where the channel has none. */
export type ChannelVersion = number | string | undefined;

/** A channel of a checkpoint. */
export interface Channel<Value = StoredValue> {
  /** The name: any string. */
  readonly name: string;
  /** The version of the value. */
  readonly version: ChannelVersion;
  /** The value. */
  readonly value: Value;
}

/**
 * How long a checkpoint lasts, in milliseconds since 1970: since when the oldest
 * of what it depends on is stored (0 where that is not known), when it was
 * written, and when it ends.
 */
export type Life = readonly [since: number, written: number, ends: number];

/** A checkpoint's record. */
export interface CheckpointRecord<Value = StoredValue> {
  /** The id, as in the key. */
  readonly id: string;
  /** The id of the checkpoint before it. */
  readonly parent: string | undefined;
  /** How long it lasts; absent where that has no end. */
  readonly life?: Life | undefined;
  /** The metadata. */
  readonly metadata: Value;
  /** What the checkpoint holds beside its channels. */
  readonly head: Value;
  /** The channels, in order. */
  readonly channels: readonly Channel<Value>[];
}

/** A write that waits for the next step. */
export interface PendingWrite<Value = StoredValue> {
  /** The place among the task's writes; below zero for a special one. */
  readonly index: number;
  /** The channel written to. */
  readonly channel: string;
  /** What is written. */
  readonly value: Value;
}

/** One object of a task's writes. */
export interface WritesRecord<Value = StoredValue> {
  /** The task's id, as in the key. */
  readonly task: string;
  /** The task's path, by which writes are ordered; `""` where none was given. */
  readonly path: string;
  /** The writes, in order. */
  readonly writes: readonly PendingWrite<Value>[];
}

/** All chunks that a value refers to. */
export function* chunksOf(value: StoredValue): Generator<ChunkRef> {
  for (const body of [value.body, ...value.attachments.map((attachment) => attachment.body)]) {
    for (const segment of body) if (!(segment instanceof Uint8Array)) yield segment;
  }
}

/** All values of a record. */
export function valuesOf<Value>(record: CheckpointRecord<Value> | WritesRecord<Value>): Value[] {
  return "writes" in record
    ? record.writes.map((write) => write.value)
    : [record.metadata, record.head, ...record.channels.map((channel) => channel.value)];
}

/** Gives a checkpoint's record its bytes. */
export function encodeCheckpoint(record: CheckpointRecord): Uint8Array<ArrayBuffer> {
  const blob: Uint8Array[] = [];
  return join({
    v: RECORD_VERSION,
    id: record.id,
    parent: record.parent,
    life: record.life,
    metadata: indexValue(record.metadata, blob),
    head: indexValue(record.head, blob),
    channels: record.channels.map(({ name, version, value }) => [
      name,
      version ?? null,
      indexValue(value, blob),
    ]),
  }, blob);
}

/** Gives a task's writes their bytes. */
export function encodeWrites(record: WritesRecord): Uint8Array<ArrayBuffer> {
  const blob: Uint8Array[] = [];
  return join({
    v: RECORD_VERSION,
    task: record.task,
    path: record.path,
    writes: record.writes.map(({ index, channel, value }) => [
      index,
      channel,
      indexValue(value, blob),
    ]),
  }, blob);
}

/**
 * Reads a checkpoint's record.
 *
 * @throws {CorruptError} where the bytes are none.
 * @throws {UnsupportedError} where a newer version wrote them.
 */
export function decodeCheckpoint(bytes: Uint8Array): CheckpointRecord {
  return decode(bytes, (index, value) => ({
    id: text(index.id),
    parent: index.parent === undefined ? undefined : text(index.parent),
    ...(index.life !== undefined && { life: lifeOf(list(index.life)) }),
    metadata: value(index.metadata),
    head: value(index.head),
    channels: list(index.channels).map((entry) => {
      const [name, version, content] = list(entry);
      must(version === null || typeof version === "number" || typeof version === "string");
      return {
        name: text(name),
        version: (version ?? undefined) as ChannelVersion,
        value: value(content),
      };
    }),
  }));
}

/**
 * Reads a task's writes.
 *
 * @throws {CorruptError} where the bytes are none.
 * @throws {UnsupportedError} where a newer version wrote them.
 */
export function decodeWrites(bytes: Uint8Array): WritesRecord {
  return decode(bytes, (index, value) => ({
    task: text(index.task),
    path: text(index.path),
    writes: list(index.writes).map((entry) => {
      const [position, channel, content] = list(entry);
      must(Number.isSafeInteger(position));
      return { index: position as number, channel: text(channel), value: value(content) };
    }),
  }));
}

type IndexedBody = (number | [hash: string, length: number])[];
type IndexedValue = [type: string, body: IndexedBody, attachments?: [Path, IndexedBody][]];

function indexValue(value: StoredValue, blob: Uint8Array[]): IndexedValue {
  const body = indexBody(value.body, blob);
  if (value.attachments.length === 0) return [value.type, body];
  const attachments = value.attachments.map(
    ({ path, body }): [Path, IndexedBody] => [path, indexBody(body, blob)],
  );
  return [value.type, body, attachments];
}

function indexBody(body: readonly Segment[], blob: Uint8Array[]): IndexedBody {
  return body.map((segment) => {
    if (!(segment instanceof Uint8Array)) return [segment.hash, segment.length];
    blob.push(segment);
    return segment.length;
  });
}

function join(index: unknown, blob: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const json = utf8(JSON.stringify(index));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, json.length);
  return concat([length, json, ...blob]);
}

/** Reads an index, and the values that it names in the order in which `read` asks for them. */
function decode<T>(
  bytes: Uint8Array,
  read: (index: Record<string, unknown>, value: (entry: unknown) => StoredValue) => T,
): T {
  must(bytes.length >= 4);
  let at = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  must(at <= bytes.length);
  let index;
  try {
    index = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(4, at)));
  } catch (cause) {
    throw malformed(cause);
  }
  must(Number.isSafeInteger(index?.v) && index.v > 0);
  if (index.v > RECORD_VERSION) throw tooNew(`record version ${index.v}`);
  const body = (entries: unknown): Segment[] =>
    list(entries).map((segment) => {
      if (typeof segment === "number") {
        must(size(segment) <= bytes.length - at);
        return bytes.subarray(at, at += segment);
      }
      const [hash, length] = list(segment);
      must(/^[0-9a-f]{64}$/.test(text(hash)));
      return { hash: hash as string, length: size(length) };
    });
  const record = read(index, (entry) => {
    const [type, content, attachments = []] = list(entry);
    return {
      type: text(type),
      body: body(content),
      attachments: list(attachments).map((attachment) => {
        const [path, content] = list(attachment);
        const steps = list(path) as (string | number)[];
        must(steps.every((step) => typeof step === "string" || Number.isSafeInteger(step)));
        return { path: steps, body: body(content) };
      }),
    };
  });
  must(at === bytes.length);
  return record;
}

function lifeOf([since, written, ends]: unknown[]): Life {
  return [size(since), size(written), size(ends)];
}

function list(value: unknown): unknown[] {
  must(Array.isArray(value));
  return value as unknown[];
}

function text(value: unknown): string {
  must(typeof value === "string");
  return value as string;
}

function size(value: unknown): number {
  must(Number.isSafeInteger(value) && value as number >= 0);
  return value as number;
}

function must(holds: boolean): void {
  if (!holds) throw malformed();
}

function malformed(cause?: unknown): CorruptError {
  return new CorruptError("A record is malformed", { cause });
}

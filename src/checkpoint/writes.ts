/**
 * Pending writes: what the tasks of a step have written before the next
 * checkpoint. Only LangGraph's face has them.
 *
 * @module
 */

import { PreconditionFailedError } from "../errors.ts";
import { compareKeys } from "../store/key.ts";
import { mapParallel } from "../store/parallel.ts";
import type { CallOptions } from "../store/store.ts";
import type { Group, WritesObject } from "./groups.ts";
import { type Place, writesKey } from "./keys.ts";
import { type CheckpointLog, type ReadOptions, recordAt, requireOwn } from "./log.ts";
import type { Codec } from "./objects.ts";
import {
  type CheckpointRecord,
  chunksOf,
  decodeWrites,
  encodeWrites,
  type PendingWrite,
  valuesOf,
  type WritesRecord,
} from "./record.ts";
import { trusted } from "./trust.ts";
import type { SerializedValue } from "./values.ts";

/** A pending write with where it comes from. */
export interface OrderedWrite extends PendingWrite {
  /** The task's id. */
  readonly task: string;
  /** The task's path. */
  readonly path: string;
}

/** A checkpoint with its pending writes. */
export interface Found {
  /** Where it stands. */
  readonly place: Place;
  /** Its record. */
  readonly record: CheckpointRecord;
  /** Its pending writes by task path, task id and index. */
  readonly writes: readonly OrderedWrite[];
  /** What a listing showed of it, where one did. */
  readonly group?: Group | undefined;
}

/** How a task's writes are written and read; those that are another's are refused. */
function codecOf(task: string): Codec<WritesRecord> {
  return {
    kind: "writes",
    encode: encodeWrites,
    decode(payload) {
      const record = decodeWrites(payload);
      requireOwn(record.task, task);
      return record;
    },
  };
}

/**
 * Adds a task's writes to a checkpoint, which need not be there yet. Of
 * regular writes the first for an index stays, whoever races; a special one,
 * of an index below zero, replaces what was there.
 */
export async function putWrites(
  log: CheckpointLog,
  place: Place,
  { task, path, writes }: WritesRecord<SerializedValue>,
  { signal }: CallOptions = {},
): Promise<void> {
  writesKey(log.keys, place, task, "r0"); // refuses ids that fit no key before anything is sent
  const base = trusted(log, place);
  // Under a time to live they must depend on nothing that is older than what their checkpoint depends on.
  const oldest = base && !log.ttl ? 0 : Infinity;
  const values = writes.map(({ value }) => value);
  const stored = await log.store(place.thread, values, { base, oldest, signal });
  const regular: PendingWrite[] = [];
  const special = new Map<number, PendingWrite>();
  writes.forEach((write, at) => {
    const pending = { ...write, value: stored[at]! };
    if (write.index < 0) special.set(write.index, pending);
    else regular.push(pending);
  });
  const puts = [...special.values()].map((write) => () =>
    log.objects.put(
      writesKey(log.keys, place, task, `s${-write.index}`),
      codecOf(task),
      { task, path, writes: [write] },
      { signal },
    )
  );
  if (regular.length > 0) {
    puts.push(() => insert(log, place, { task, path, writes: regular }, signal));
  }
  await mapParallel(puts, log.parallel, (put) => put(), signal);
}

/** Inserts what no slot of the task holds yet. Slots are never changed, so what one holds stays. */
async function insert(
  log: CheckpointLog,
  place: Place,
  record: WritesRecord,
  signal: AbortSignal | undefined,
): Promise<void> {
  let { writes } = record;
  for (let slot = 0; writes.length > 0; slot++) {
    const key = writesKey(log.keys, place, record.task, `r${slot}`);
    const there = await create(log, key, { ...record, writes }, signal);
    if (there === undefined) return;
    const taken = new Set(there.writes.map(({ index }) => index));
    writes = writes.filter(({ index }) => !taken.has(index));
  }
}

/** Creates an object of writes; where there is one already, gives it. */
async function create(
  { objects }: CheckpointLog,
  key: string,
  record: WritesRecord,
  signal: AbortSignal | undefined,
): Promise<WritesRecord | undefined> {
  const codec = codecOf(record.task);
  const read = () => objects.get(key, codec, undefined, signal);
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  // A store that knows no conditions is asked first, which leaves a race: probe() and the docs say so.
  if (!objects.store.capabilities.conditionalCreate) {
    const there = await read();
    if (there !== undefined) return there.record;
    await objects.put(key, codec, record, { nonce, signal });
    return undefined;
  }
  try {
    await objects.put(key, codec, record, { precondition: "create", nonce, signal });
    return undefined;
  } catch (error) {
    if (!(error instanceof PreconditionFailedError)) throw error;
    const there = await read();
    if (there === undefined) throw error;
    // One's own object: a first attempt arrived and only its answer was lost.
    return there.nonce === nonce.join() ? undefined : there.record;
  }
}

/** The pending writes that a listing showed, in order. */
export async function writesOf(
  log: CheckpointLog,
  { writes: objects }: Group,
  { signal }: CallOptions = {},
): Promise<OrderedWrite[]> {
  // Of regular writes the earliest object's stands; its slot says which came first.
  const inOrder = [...objects].sort((a, b) => slotNumber(a.slot) - slotNumber(b.slot));
  const records = await mapParallel(
    inOrder,
    log.parallel,
    (object, inner) => recordOf(log, object, inner),
    signal,
  );
  const writes = new Map<string, OrderedWrite>();
  for (const record of records) {
    if (record === undefined) continue;
    const { task, path } = record;
    for (const write of record.writes) {
      const id = `${write.index} ${task}`;
      if (!writes.has(id)) writes.set(id, { ...write, task, path });
    }
  }
  return [...writes.values()].sort((a, b) =>
    compareKeys(a.path, b.path) || compareKeys(a.task, b.task) || a.index - b.index
  );
}

/** What a listing showed, read, but for a record that was read before; `undefined` where there is none, or no longer. */
export async function open(
  log: CheckpointLog,
  group: Group | undefined,
  { record: read, ...options }: ReadOptions & { record?: CheckpointRecord | undefined } = {},
): Promise<Found | undefined> {
  if (group?.record === undefined) return undefined;
  const [record, writes] = await Promise.all([
    read ?? log.recordOf(group, options),
    writesOf(log, group, options),
  ]);
  return record && { place: group.place, record, writes, group };
}

/** The checkpoint of an id with its writes. */
export async function find(
  log: CheckpointLog,
  place: Place,
  options: ReadOptions = {},
): Promise<Found | undefined> {
  if (log.held(place)) return await open(log, await log.group(place, options), options);
  const [record, group] = await Promise.all([
    recordAt(log, place, options),
    log.group(place, options),
  ]);
  if (record === undefined) return undefined;
  return { place, record, writes: group ? await writesOf(log, group, options) : [], group };
}

/** The newest checkpoint of a namespace with its writes: one LIST, however long the history. */
export async function latest(
  log: CheckpointLog,
  thread: string,
  namespace: string,
  options: CallOptions = {},
): Promise<Found | undefined> {
  for await (const group of log.newest(thread, namespace, options)) {
    const found = await open(log, group, options);
    if (found !== undefined) return found;
  }
}

/** All chunks that a checkpoint and its writes refer to, by their hashes. */
export async function chunksOfGroup(
  log: CheckpointLog,
  group: Group,
  { signal }: CallOptions = {},
): Promise<string[]> {
  const found = await Promise.all([
    log.recordOf(group, { ended: true, signal }),
    ...group.writes.map((object) => recordOf(log, object, signal)),
  ]);
  return found.flatMap((record) =>
    record === undefined
      ? []
      : valuesOf(record).flatMap((value) => [...chunksOf(value)].map(({ hash }) => hash))
  );
}

async function recordOf(
  { objects }: CheckpointLog,
  { info, task }: WritesObject,
  signal: AbortSignal | undefined,
): Promise<WritesRecord | undefined> {
  return (await objects.get(info.key, codecOf(task), info.etag, signal))?.record;
}

function slotNumber(slot: string): number {
  return Number(slot.slice(1));
}

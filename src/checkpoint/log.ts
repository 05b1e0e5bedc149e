import {
  CorruptError,
  InvalidInputError,
  NotFoundError,
  PreconditionFailedError,
} from "../errors.ts";
import type { CompressionChoice } from "../frame/compression.ts";
import { decodeFrame, encodeFrame, type FrameKind } from "../frame/frame.ts";
import { getBytes } from "../store/body.ts";
import { compareKeys } from "../store/key.ts";
import { mapParallel } from "../store/parallel.ts";
import type { CallOptions, ObjectStore } from "../store/store.ts";
import { RecentObjects } from "./cache.ts";
import { type Group, listGroups, type WritesObject } from "./groups.ts";
import { Keys, type Place } from "./keys.ts";
import {
  type CheckpointRecord,
  chunksOf,
  decodeCheckpoint,
  decodeWrites,
  encodeCheckpoint,
  encodeWrites,
  type PendingWrite,
  type StoredValue,
  valuesOf,
  type WritesRecord,
} from "./record.ts";
import { namingKey, type SerializedValue, Values } from "./values.ts";

/** Options that both faces take beside their store. */
export interface CheckpointOptions {
  /** The folder that everything is kept under. @default "cairn/" */
  readonly prefix?: string | undefined;
  /** How objects are packed. @default "gzip" */
  readonly compression?: CompressionChoice | undefined;
  /** Up to how many bytes a value travels in its checkpoint's record; a larger one is kept in chunks. @default 16_384 */
  readonly inlineLimit?: number | undefined;
  /** How many bytes of objects lately read or written are held in memory. @default 16_777_216, 16 MiB */
  readonly cacheBytes?: number | undefined;
  /** How many requests of one call run at once. @default 6, a Worker's bound */
  readonly maxOpenRequests?: number | undefined;
}

/** A pending write with where it comes from. */
export interface OrderedWrite extends PendingWrite {
  /** The task's id. */
  readonly task: string;
  /** The task's path. */
  readonly path: string;
}

/** A checkpoint that was found. */
export interface Found {
  /** Where it stands. */
  readonly place: Place;
  /** Its record. */
  readonly record: CheckpointRecord;
  /** Its pending writes by task path, task id and index. */
  readonly writes: readonly OrderedWrite[];
}

/** How many keys the listing for the latest checkpoint asks for: its record, its writes, and some to spare. */
const FIRST_PAGE = 128;

/** The records, writes and values of all threads under one prefix: what both faces stand on. */
export class CheckpointLog {
  readonly store: ObjectStore;
  readonly keys: Keys;
  readonly parallel: number;
  readonly #compression: CompressionChoice;
  readonly #recent: RecentObjects;
  readonly #values: Values;

  constructor(store: ObjectStore, options: CheckpointOptions = {}) {
    const {
      prefix = "cairn/",
      compression = "gzip",
      inlineLimit = 16_384,
      cacheBytes = 16 * 1024 * 1024,
      maxOpenRequests = 6,
    } = options;
    requireWhole({ inlineLimit, cacheBytes }, 0);
    requireWhole({ maxOpenRequests }, 1);
    this.store = store;
    this.keys = new Keys(prefix);
    this.parallel = maxOpenRequests;
    this.#compression = compression;
    this.#recent = new RecentObjects(cacheBytes);
    this.#values = new Values(store, this.keys, this.#recent, {
      compression,
      inlineLimit,
      parallel: maxOpenRequests,
    });
  }

  /**
   * Writes a checkpoint: the chunks of its large values first, then the record,
   * so that a record that can be seen can be read. Values that are stored
   * already are carried over as they are; `base` is a record of the thread
   * whose chunks are known to be there.
   */
  async put(
    place: Place,
    input: CheckpointRecord<SerializedValue | StoredValue>,
    { base, signal }: CallOptions & { base?: CheckpointRecord | undefined } = {},
  ): Promise<void> {
    const key = this.keys.record(place);
    const values = [input.metadata, input.head, ...input.channels.map(({ value }) => value)];
    const [metadata, head, ...channels] = await this.#store(place.thread, values, base, signal);
    const record: CheckpointRecord = {
      ...input,
      metadata: metadata!,
      head: head!,
      channels: input.channels.map((channel, at) => ({ ...channel, value: channels[at]! })),
    };
    const payload = encodeCheckpoint(record);
    const frame = await this.#frame("checkpoint", payload);
    const { etag } = await this.store.put(key, frame.bytes, { signal });
    // Read back from its own bytes: the caller may change what it gave.
    this.#keep(key, etag, { nonce: frame.nonce, record: decodeCheckpoint(payload) }, payload);
  }

  /**
   * Adds a task's writes to a checkpoint, which need not be there yet. Of
   * regular writes the first for an index stays, whoever races; a special one,
   * of an index below zero, replaces what was there.
   */
  async putWrites(
    place: Place,
    input: WritesRecord<SerializedValue>,
    { signal }: CallOptions = {},
  ): Promise<void> {
    const { task, path } = input;
    this.keys.writes(place, task, "r0"); // refuses ids that fit no key before anything is sent
    const stored = await this.#store(
      place.thread,
      input.writes.map(({ value }) => value),
      undefined,
      signal,
    );
    const regular: PendingWrite[] = [];
    const special = new Map<number, PendingWrite>();
    input.writes.forEach((write, at) => {
      const pending = { ...write, value: stored[at]! };
      if (write.index < 0) special.set(write.index, pending);
      else regular.push(pending);
    });
    const puts: (() => Promise<void>)[] = [...special.values()].map((write) => async () => {
      const key = this.keys.writes(place, task, `s${-write.index}`);
      await this.#putWritesObject(key, { task, path, writes: [write] }, signal);
    });
    if (regular.length > 0) puts.push(() => this.#insert(place, task, path, regular, signal));
    await mapParallel(puts, this.parallel, (put) => put(), signal);
  }

  /** The checkpoint of this id with its writes. */
  async find(place: Place, { signal }: CallOptions = {}): Promise<Found | undefined> {
    const key = this.keys.record(place);
    const listing = this.#group(place, signal);
    if (this.#recent.has(key)) return await this.open(await listing, { signal });
    const [record, group] = await Promise.all([this.#record(place, undefined, signal), listing]);
    if (record === undefined) return undefined;
    return { place, record, writes: await this.#writes(group?.writes ?? [], signal) };
  }

  /** The newest checkpoint of a namespace with its writes: one LIST, however long the history. */
  async latest(
    thread: string,
    namespace: string,
    { signal }: CallOptions = {},
  ): Promise<Found | undefined> {
    const prefix = this.keys.namespace(thread, namespace);
    const groups = listGroups(this.store, this.keys, { prefix, firstPage: FIRST_PAGE, signal });
    for await (const group of groups) {
      const found = await this.open(group, { signal });
      if (found !== undefined) return found;
    }
  }

  /** What a listing showed, read; `undefined` where there is no record, or no longer. */
  async open(group: Group | undefined, { signal }: CallOptions = {}): Promise<Found | undefined> {
    if (group?.record === undefined) return undefined;
    const { place } = group;
    const [record, writes] = await Promise.all([
      this.#record(place, group.record.etag, signal),
      this.#writes(group.writes, signal),
    ]);
    return record && { place, record, writes };
  }

  /** A checkpoint's record alone; what this process holds of it counts without asking. */
  async record(place: Place, { signal }: CallOptions = {}): Promise<CheckpointRecord | undefined> {
    return this.held(place) ?? await this.#record(place, undefined, signal);
  }

  /** A checkpoint's record where this process holds it: asks nobody. */
  held(place: Place): CheckpointRecord | undefined {
    const key = this.keys.record(place);
    return this.#recent.get<Opened<CheckpointRecord>>(key, this.#recent.etagOf(key) ?? "")?.record;
  }

  /** A checkpoint's record alone, as a listing showed it. */
  async recordOf(group: Group, { signal }: CallOptions = {}): Promise<
    CheckpointRecord | undefined
  > {
    return group.record && await this.#record(group.place, group.record.etag, signal);
  }

  /** The pending writes that a listing showed. */
  async writesOf(group: Group, { signal }: CallOptions = {}): Promise<OrderedWrite[]> {
    return await this.#writes(group.writes, signal);
  }

  /** The bytes of stored values, all their chunks in parallel. */
  async load(
    thread: string,
    values: readonly StoredValue[],
    { signal }: CallOptions = {},
  ): Promise<SerializedValue[]> {
    return await this.#values.load(thread, values, signal);
  }

  /**
   * Checkpoints of a thread by their keys, newest first: of one namespace as
   * they are read, of all namespaces once their keys are known.
   */
  async *groups(
    thread: string,
    namespace: string | undefined,
    { before, firstPage, signal }: CallOptions & {
      before?: string | undefined;
      firstPage?: number | undefined;
    } = {},
  ): AsyncGenerator<Group> {
    if (namespace !== undefined) {
      const prefix = this.keys.namespace(thread, namespace);
      const startAfter = before === undefined
        ? undefined
        : this.keys.afterCheckpoint({ thread, namespace, id: before });
      yield* listGroups(this.store, this.keys, { prefix, startAfter, firstPage, signal });
      return;
    }
    const prefix = this.keys.namespaces(thread);
    const all: Group[] = [];
    for await (const group of listGroups(this.store, this.keys, { prefix, signal })) {
      if (before === undefined || compareKeys(group.place.id, before) < 0) all.push(group);
    }
    yield* all.sort((a, b) => compareKeys(b.place.id, a.place.id));
  }

  /** The threads under the prefix, in the order of their keys. */
  async *threads({ signal }: CallOptions = {}): AsyncGenerator<string> {
    const { prefix } = this.keys;
    for await (const page of this.store.list({ prefix, delimiter: "/", signal })) {
      for (const folder of page.prefixes) {
        const thread = this.keys.parseThread(folder);
        if (thread !== undefined) yield thread;
      }
    }
  }

  /**
   * Deletes a thread: every namespace, record, write and chunk. Records sort
   * before chunks, so that what is left at any moment can be read.
   */
  async deleteThread(thread: string, { signal }: CallOptions = {}): Promise<void> {
    const prefix = this.keys.thread(thread);
    this.#recent.deleteUnder(prefix);
    for await (const page of this.store.list({ prefix, signal })) {
      await this.store.delete(page.objects.map(({ key }) => key), { signal });
    }
    this.#recent.deleteUnder(prefix);
  }

  /** Deletes checkpoints with their writes, the records first. Their chunks stay for {@link sweep}. */
  async deleteCheckpoints(groups: readonly Group[], { signal }: CallOptions = {}): Promise<void> {
    const records = groups.flatMap(({ record }) => record ? [record.key] : []);
    const writes = groups.flatMap((group) => group.writes.map(({ info }) => info.key));
    await this.delete(records, { signal });
    await this.delete(writes, { signal });
  }

  /** Deletes objects and forgets them. */
  async delete(keys: readonly string[], { signal }: CallOptions = {}): Promise<void> {
    for (const key of keys) this.#recent.delete(key);
    if (keys.length > 0) await this.store.delete(keys, { signal });
  }

  /** The group of one checkpoint, by a listing of its folder. */
  async group(place: Place, { signal }: CallOptions = {}): Promise<Group | undefined> {
    return await this.#group(place, signal);
  }

  /** A record and all that it and its writes refer to, as the hashes of chunks. */
  async chunksOf(group: Group, { signal }: CallOptions = {}): Promise<string[]> {
    const found = await Promise.all([
      this.recordOf(group, { signal }),
      ...group.writes.map((object) => this.#writesRecord(object, signal)),
    ]);
    return found.flatMap((record) =>
      record === undefined
        ? []
        : valuesOf(record).flatMap((value) => [...chunksOf(value)].map(({ hash }) => hash))
    );
  }

  async #group(place: Place, signal: AbortSignal | undefined): Promise<Group | undefined> {
    const prefix = this.keys.checkpoint(place);
    for await (const group of listGroups(this.store, this.keys, { prefix, signal })) return group;
  }

  async #record(
    place: Place,
    etag: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<CheckpointRecord | undefined> {
    const key = this.keys.record(place);
    const object = await this.#get(key, etag, "checkpoint", decodeCheckpoint, signal);
    if (object === undefined) return undefined;
    requireOwn(object.record.id, place.id, key);
    return object.record;
  }

  async #writesRecord(
    { info, task }: WritesObject,
    signal: AbortSignal | undefined,
  ): Promise<WritesRecord | undefined> {
    const object = await this.#get(info.key, info.etag, "writes", decodeWrites, signal);
    if (object === undefined) return undefined;
    requireOwn(object.record.task, task, info.key);
    return object.record;
  }

  async #writes(
    objects: readonly WritesObject[],
    signal: AbortSignal | undefined,
  ): Promise<OrderedWrite[]> {
    // Of regular writes the earliest object's stands; its slot says which came first.
    const inOrder = [...objects].sort((a, b) => slotNumber(a.slot) - slotNumber(b.slot));
    const records = await mapParallel(
      inOrder,
      this.parallel,
      (object, inner) => this.#writesRecord(object, inner),
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

  /** Inserts what no slot of the task holds yet. Slots are never changed, so what one holds stays. */
  async #insert(
    place: Place,
    task: string,
    path: string,
    writes: PendingWrite[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    for (let slot = 0; writes.length > 0; slot++) {
      const key = this.keys.writes(place, task, `r${slot}`);
      const there = await this.#createWritesObject(key, { task, path, writes }, signal);
      if (there === undefined) return;
      const taken = new Set(there.writes.map(({ index }) => index));
      writes = writes.filter(({ index }) => !taken.has(index));
    }
  }

  /** Creates an object of writes; where there is one already, gives it. */
  async #createWritesObject(
    key: string,
    record: WritesRecord,
    signal: AbortSignal | undefined,
  ): Promise<WritesRecord | undefined> {
    const read = () => this.#get(key, undefined, "writes", decodeWrites, signal);
    // A store that knows no conditions is asked first, which leaves a race: probe() and the docs say so.
    const { conditionalCreate } = this.store.capabilities;
    if (!conditionalCreate) {
      const there = await read();
      if (there !== undefined) return there.record;
    }
    const payload = encodeWrites(record);
    const frame = await this.#frame("writes", payload);
    try {
      const { etag } = await this.store.put(key, frame.bytes, {
        precondition: conditionalCreate ? "create" : "overwrite",
        signal,
      });
      this.#keep(key, etag, { nonce: frame.nonce, record: decodeWrites(payload) }, payload);
      return undefined;
    } catch (error) {
      if (!(error instanceof PreconditionFailedError)) throw error;
      const there = await read();
      if (there === undefined) throw error;
      // One's own object: a first attempt arrived and only its answer was lost.
      return there.nonce === frame.nonce ? undefined : there.record;
    }
  }

  async #putWritesObject(
    key: string,
    record: WritesRecord,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const payload = encodeWrites(record);
    const frame = await this.#frame("writes", payload);
    const { etag } = await this.store.put(key, frame.bytes, { signal });
    this.#keep(key, etag, { nonce: frame.nonce, record: decodeWrites(payload) }, payload);
  }

  async #store(
    thread: string,
    values: readonly (SerializedValue | StoredValue)[],
    base: CheckpointRecord | undefined,
    signal: AbortSignal | undefined,
  ): Promise<StoredValue[]> {
    const known = new Set<string>();
    for (const value of base ? valuesOf(base) : []) {
      for (const { hash } of chunksOf(value)) known.add(hash);
    }
    const fresh = values.filter((value) => "bytes" in value);
    const stored = (await this.#values.store(thread, fresh, known, signal)).values();
    return values.map((value) => "bytes" in value ? stored.next().value! : value);
  }

  async #frame(
    kind: FrameKind,
    payload: Uint8Array,
  ): Promise<{ bytes: Uint8Array; nonce: string }> {
    const nonce = crypto.getRandomValues(new Uint8Array(16));
    const bytes = await encodeFrame(payload, { kind, compression: this.#compression, nonce });
    return { bytes, nonce: nonce.join() };
  }

  async #get<T>(
    key: string,
    etag: string | undefined,
    kind: FrameKind,
    decode: (payload: Uint8Array) => T,
    signal: AbortSignal | undefined,
  ): Promise<Opened<T> | undefined> {
    const held = etag === undefined ? undefined : this.#recent.get<Opened<T>>(key, etag);
    if (held !== undefined) return held;
    try {
      const { info, bytes } = await getBytes(this.store, key, { signal });
      return await namingKey(key, async () => {
        const { nonce, payload } = await decodeFrame(bytes, { kind });
        const object = { nonce: nonce.join(), record: decode(payload) };
        this.#keep(key, info.etag, object, payload);
        return object;
      });
    } catch (error) {
      if (error instanceof NotFoundError && error.what === "object") return undefined;
      throw error;
    }
  }

  #keep<T>(key: string, etag: string, object: Opened<T>, payload: Uint8Array): void {
    this.#recent.set(key, etag, object, payload.length);
  }
}

/** A record with its writer's mark. */
interface Opened<T> {
  readonly nonce: string;
  readonly record: T;
}

function requireWhole(values: Record<string, number>, least: number): void {
  for (const [name, value] of Object.entries(values)) {
    if (Number.isSafeInteger(value) && value >= least) continue;
    throw new InvalidInputError(
      `Cannot use ${name}: current value is ${value}; give a whole number from ${least}`,
    );
  }
}

function slotNumber(slot: string): number {
  return Number(slot.slice(1));
}

function requireOwn(found: string, expected: string, key: string): void {
  if (found === expected) return;
  throw new CorruptError(
    `The object at ${key} belongs to another checkpoint or task: somebody moved it`,
    { key },
  );
}

import { CorruptError, NotFoundError } from "../errors.ts";
import type { CompressionChoice } from "../frame/compression.ts";
import type { Encryption } from "../frame/encryption.ts";
import { checkPart, checkWhole } from "../store/_options.ts";
import { compareKeys } from "../store/key.ts";
import { openRequests } from "../store/open_requests.ts";
import type { CallOptions, ObjectStore, Precondition } from "../store/store.ts";
import { type Group, listGroups, notOver } from "./groups.ts";
import { Keys, type Place, requireCheckpointId } from "./keys.ts";
import { type Codec, Objects } from "./objects.ts";
import {
  type CheckpointRecord,
  chunksOf,
  decodeCheckpoint,
  encodeCheckpoint,
  type StoredValue,
  valuesOf,
} from "./record.ts";
import type { Spread } from "./spread.ts";
import type { Ttl } from "./ttl.ts";
import { type SerializedValue, Values } from "./values.ts";

/** Options that both faces take beside their store. */
export interface CheckpointOptions {
  /** The folder that everything is kept under. @default "cairn/" */
  readonly prefix?: string | undefined;
  /** How objects are packed: `{ readers: ["gzip", "zstd"] }` where all who read have both. @default "auto" */
  readonly compression?: CompressionChoice | undefined;
  /**
   * How objects are encrypted, as `aesGcm({ keys })`; one that is not is refused then.
   *
   * @default not at all
   */
  readonly encryption?: Encryption | undefined;
  /**
   * Up to how many bytes a value travels in its checkpoint's record; a larger one
   * is kept in chunks, but for the end of one that grows: up to six times as much of it.
   *
   * @default 16_384
   */
  readonly inlineLimit?: number | undefined;
  /** How many bytes of objects lately read or written are held in memory. @default 16_777_216, 16 MiB */
  readonly cacheBytes?: number | undefined;
  /**
   * How many chunks or writes of one call are under way at once. What is open
   * in all, `list` with its reading ahead included, the store bounds by its own
   * `maxOpenRequests`: of the two the smaller holds, so give a larger one to both.
   *
   * @default 6 in a Cloudflare Worker, else 50: as the stores have it
   */
  readonly maxOpenRequests?: number | undefined;
  /**
   * How long a thread that is left alone can be seen: `expireAfter({ days: 30 })`.
   * A lifecycle rule of `lifecycleDays(ttl)` days removes what is over.
   *
   * @default no end
   */
  readonly ttl?: Ttl | undefined;
  /**
   * Whether threads are spread over folders, as `spread(256)`, so that a store
   * that splits its load by prefixes can split it evenly: for thousands of
   * requests a second (`docs/scale.md`). All that share a prefix must be given the same.
   *
   * @default not at all
   */
  readonly spread?: Spread | undefined;
}

/** Parts of a checkpointer that tests replace. */
export interface CheckpointComponents {
  /** The time, in milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

/** Which records to read. */
export interface ReadOptions extends CallOptions {
  /** Whether to read one that is over, too: others may depend on it. @default false */
  readonly ended?: boolean | undefined;
}

/**
 * How many keys a listing for the newest checkpoint asks for first: its record,
 * its writes, and the next one's, which tells that there are no more. Some servers
 * open a file for each, so that a page with much to spare is slow.
 */
export const FIRST_PAGE = 24;

/** How the record of a checkpoint is written and read; one that is another's is refused. */
function codecOf({ id }: Place): Codec<CheckpointRecord> {
  return {
    kind: "checkpoint",
    encode: encodeCheckpoint,
    decode(payload) {
      const record = decodeCheckpoint(payload);
      requireOwn(record.id, id);
      return record;
    },
  };
}

/** The checkpoints and values of all threads under one prefix: what both faces stand on. */
export class CheckpointLog {
  readonly keys: Keys;
  readonly objects: Objects;
  readonly parallel: number;
  readonly now: () => number;
  /** The time to live of what is written. */
  readonly ttl: Ttl | undefined;
  readonly #values: Values;

  constructor(
    store: ObjectStore,
    options: CheckpointOptions = {},
    { now = Date.now }: CheckpointComponents = {},
  ) {
    const {
      prefix = "cairn/",
      compression = "auto",
      inlineLimit = 16_384,
      cacheBytes = 16 * 1024 * 1024,
      maxOpenRequests: parallel = openRequests(),
      ttl,
      encryption,
      spread,
    } = options;
    checkWhole({ inlineLimit, cacheBytes }, 0);
    checkWhole({ maxOpenRequests: parallel }, 1);
    checkPart("store", store, "put", "edgeStore() or another store");
    if (encryption !== undefined) checkPart("encryption", encryption, "seal", "aesGcm()");
    if (ttl !== undefined) checkPart("ttl", ttl, "life", "expireAfter()");
    if (spread !== undefined) checkPart("spread", spread, "folderOf", "spread()");
    this.keys = new Keys(prefix, spread);
    this.objects = new Objects(store, this.keys, { compression, cacheBytes, encryption, now });
    this.parallel = parallel;
    this.now = now;
    this.ttl = ttl;
    this.#values = new Values(this.keys, this.objects, inlineLimit, parallel);
  }

  /**
   * Writes a checkpoint: the chunks of its large values first, then the record,
   * so that a record that can be seen can be read. Values that are stored
   * already are carried over as they are; `base` is a record of the thread
   * whose chunks are known to be there, and `oldest` since when what this process
   * has sent counts: never by default. Nothing that it depends on is older than `since`.
   */
  async put(
    place: Place,
    input: CheckpointRecord<SerializedValue | StoredValue>,
    options: CallOptions & {
      base?: CheckpointRecord | undefined;
      since?: number | undefined;
      oldest?: number;
      precondition?: Precondition | undefined;
    } = {},
  ): Promise<void> {
    const { base, since = base?.life?.[0] ?? this.now(), signal, precondition } = options;
    const key = this.keys.record(place); // refuses ids that fit no key before anything is sent
    const stored = await this.store(place.thread, valuesOf(input), options);
    const [metadata, head, ...channels] = stored;
    const record: CheckpointRecord = {
      ...input,
      life: this.ttl?.life(since, this.now()),
      metadata: metadata!,
      head: head!,
      channels: input.channels.map((channel, at) => ({ ...channel, value: channels[at]! })),
    };
    await this.objects.put(key, codecOf(place), record, { precondition, signal });
  }

  /** A record that another one may build on without storing again what it depends on. */
  fresh(record: CheckpointRecord | undefined): CheckpointRecord | undefined {
    return this.ttl?.isFresh(record?.life?.[0], this.now()) === false ? undefined : record;
  }

  /**
   * A checkpoint's record, asked for anew, but for one that is held under the
   * ETag given; `undefined` where there is none.
   */
  async read(
    place: Place,
    { ended, signal }: ReadOptions = {},
    etag?: string,
  ): Promise<CheckpointRecord | undefined> {
    const key = this.keys.record(place);
    const record = (await this.objects.get(key, codecOf(place), etag, signal))?.record;
    return !ended && this.ended(record) ? undefined : record;
  }

  /** A checkpoint's record where this process holds it, over or not: asks nobody. */
  held(place: Place): CheckpointRecord | undefined {
    return this.objects.held(this.keys.record(place));
  }

  /**
   * What this process holds of a checkpoint's record, where it has no chunks or the
   * store still has it: another process may have deleted the thread since.
   */
  async confirmed(
    place: Place,
    options: CallOptions = {},
  ): Promise<CheckpointRecord | undefined> {
    const held = this.fresh(this.held(place));
    if (!held || valuesOf(held).every((value) => chunksOf(value).next().done)) return held;
    const key = this.keys.record(place);
    try {
      const { etag } = await this.objects.store.head(key, options);
      if (etag !== this.objects.recent.etagOf(key)) return undefined;
      this.objects.see(key);
      return held;
    } catch (error) {
      if (error instanceof NotFoundError && error.what === "object") return undefined;
      throw error;
    }
  }

  /** A checkpoint's record as a listing showed it; `undefined` where there is none, or no longer. */
  async recordOf(
    group: Group,
    { ended, signal }: ReadOptions = {},
  ): Promise<CheckpointRecord | undefined> {
    const { place, record: info } = group;
    const record = info && await this.read(place, { ended: true, signal }, info.etag);
    if (ended || !this.ended(record)) return record;
    group.ended = record!.life![1];
  }

  /**
   * Stores the chunks of values; gives what a record says of each. Left out are
   * those that `base` refers to, and those that this process has sent since
   * `oldest` and not long ago: none by default.
   */
  async store(
    thread: string,
    values: readonly (SerializedValue | StoredValue)[],
    { base, oldest = Infinity, signal }: CallOptions & {
      base?: CheckpointRecord | undefined;
      oldest?: number | undefined;
    },
  ): Promise<StoredValue[]> {
    const known = base ? valuesOf(base) : [];
    const fresh = values.filter((value) => "bytes" in value);
    const stored = (await this.#values.store(thread, fresh, known, oldest, signal)).values();
    return values.map((value) => "bytes" in value ? stored.next().value! : value);
  }

  /** The bytes of stored values, all their chunks in parallel. */
  load(
    thread: string,
    values: readonly StoredValue[],
    { signal }: CallOptions = {},
  ): Promise<SerializedValue[]> {
    return this.#values.load(thread, values, signal);
  }

  /** The newest checkpoints of a namespace by their keys, where the first that can be seen is wanted. */
  newest(thread: string, namespace: string, { signal }: CallOptions = {}): AsyncGenerator<Group> {
    const { keys, objects: { store } } = this;
    const prefix = keys.namespace(thread, namespace);
    return notOver(listGroups(store, keys, { prefix, firstPage: FIRST_PAGE, signal }));
  }

  /**
   * Checkpoints of a thread by their keys, newest first: of one namespace as
   * they are read, of all namespaces once their keys are known. Of all threads,
   * thread by thread, in one listing.
   */
  async *groups(
    thread: string | undefined,
    namespace: string | undefined,
    { before, firstPage, signal }: CallOptions & {
      before?: string | undefined;
      firstPage?: number | undefined;
    } = {},
  ): AsyncGenerator<Group> {
    const { keys, objects: { store } } = this;
    if (thread !== undefined && namespace !== undefined) {
      const prefix = keys.namespace(thread, namespace);
      const startAfter = before === undefined
        ? undefined
        : keys.afterCheckpoint({ thread, namespace, id: before });
      yield* listGroups(store, keys, { prefix, startAfter, firstPage, signal });
      return;
    }
    const prefix = thread === undefined ? keys.prefix : keys.namespaces(thread);
    if (before !== undefined) requireCheckpointId(before);
    const newestFirst = (groups: Group[]) =>
      groups.sort((a, b) => compareKeys(b.place.id, a.place.id));
    let all: Group[] = [];
    for await (const group of listGroups(store, keys, { prefix, signal })) {
      const { place } = group;
      if (place.thread !== thread) {
        yield* newestFirst(all);
        all = [];
        thread = place.thread;
      }
      if (before === undefined || compareKeys(place.id, before) < 0) all.push(group);
    }
    yield* newestFirst(all);
  }

  /** The threads under the prefix, in the order of their keys. */
  async *threads({ signal }: CallOptions = {}): AsyncGenerator<string> {
    const { objects: { store }, keys } = this;
    const options = { prefix: keys.prefix, delimiter: "/", signal } as const;
    const unordered: string[] = [];
    for await (const page of keys.spread?.list(store, options) ?? store.list(options)) {
      if (store.capabilities.orderedList) yield* threadsOf(keys, page.prefixes);
      else unordered.push(...page.prefixes);
    }
    yield* threadsOf(keys, unordered.sort(compareKeys));
  }

  /** The listing of one checkpoint's folder. */
  async group(place: Place, { signal }: CallOptions = {}): Promise<Group | undefined> {
    const prefix = this.keys.checkpoint(place);
    for await (const group of listGroups(this.objects.store, this.keys, { prefix, signal })) {
      return group;
    }
  }

  /**
   * Deletes a thread: every namespace, record, write and chunk. Records go
   * before writes, and these before chunks, so that what is left between pages
   * is whole: they are listed like that, or else one kind after the other.
   */
  async deleteThread(thread: string, { signal }: CallOptions = {}): Promise<void> {
    const whole = this.keys.thread(thread);
    const { store } = this.objects;
    for (const kind of store.capabilities.orderedList ? [/./] : [/\/c$/, /\.\w+$/, /./]) {
      for await (const { objects } of store.list({ prefix: whole, signal })) {
        const keys = objects.map(({ key }) => key).filter((key) => kind.test(key));
        await this.objects.delete(keys, signal);
      }
    }
    this.objects.recent.deleteUnder(whole);
  }

  /**
   * Deletes checkpoints, each with its writes in one request where that takes so
   * many: without their record, nobody could tell any more whose writes were left.
   * Their chunks stay for `sweep`.
   */
  async deleteCheckpoints(groups: readonly Group[], { signal }: CallOptions = {}): Promise<void> {
    let keys: string[] = [];
    for (const { record, writes } of groups) {
      const own = [...(record ? [record] : []), ...writes.map(({ info }) => info)];
      if (keys.length + own.length > 1_000) {
        await this.objects.delete(keys, signal);
        keys = [];
      }
      keys.push(...own.map(({ key }) => key));
    }
    await this.objects.delete(keys, signal);
  }

  /** Whether a checkpoint is over, whatever may still be stored of it. */
  ended(record: CheckpointRecord | undefined): boolean {
    return record?.life?.[2]! <= this.now();
  }
}

/** A checkpoint's record; what this process holds of it counts without asking. */
export async function recordAt(
  log: CheckpointLog,
  place: Place,
  options: ReadOptions = {},
): Promise<CheckpointRecord | undefined> {
  const held = log.held(place);
  if (held === undefined) return await log.read(place, options);
  return options.ended || !log.ended(held) ? held : undefined;
}

function* threadsOf(keys: Keys, folders: readonly string[]): Generator<string> {
  for (const folder of folders) {
    const thread = keys.threadOf(folder);
    keys.requireOwn(folder);
    if (thread !== undefined) yield thread;
  }
}

/** Refuses a record that stands under another's key. */
export function requireOwn(found: string, expected: string): void {
  if (found === expected) return;
  throw new CorruptError("The object belongs to another checkpoint or task: somebody moved it");
}

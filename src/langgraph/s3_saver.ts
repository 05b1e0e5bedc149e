import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  type DeltaChannelHistory,
  getCheckpointId,
  maxChannelVersion,
  type PendingWrite,
  type SerializerProtocol,
  TASKS,
  WRITES_IDX_MAP,
} from "@langchain/langgraph-checkpoint";
import { setOwn } from "../checkpoint/attachments.ts";
import {
  copyObjects,
  type CopyResult,
  type CopyThreadOptions,
  moveObjects,
} from "../checkpoint/copies.ts";
import { insides } from "../checkpoint/faces.ts";
import type { Group } from "../checkpoint/groups.ts";
import type { Place } from "../checkpoint/keys.ts";
import {
  type CheckpointComponents,
  CheckpointLog,
  type CheckpointOptions,
} from "../checkpoint/log.ts";
import { pruneThread, SWEEP_GRACE } from "../checkpoint/maintenance.ts";
import { named } from "../checkpoint/objects.ts";
import type { Channel, CheckpointRecord, StoredValue } from "../checkpoint/record.ts";
import { scan } from "../checkpoint/scan.ts";
import { sentSince, trusted } from "../checkpoint/trust.ts";
import { deserialize, serialize, type SerializedValue } from "../checkpoint/values.ts";
import { find, type Found, latest, putWrites, writesOf } from "../checkpoint/writes.ts";
import { AccessError, CorruptError, InvalidInputError, UnsupportedError } from "../errors.ts";
import { quote } from "../store/key.ts";
import { mapParallel } from "../store/parallel.ts";
import type { ObjectStore } from "../store/store.ts";
import { deltaChannelHistory } from "./_delta_history.ts";
import { Expiry } from "./_expiry.ts";
import { headOf } from "./_head.ts";
import { list } from "./_list.ts";
import { neededAncestors } from "./_retention.ts";

/** Options of an {@link S3Saver}. */
export interface S3SaverOptions extends CheckpointOptions {
  /** Where to keep the checkpoints. */
  readonly store: ObjectStore;
  /** LangGraph's serializer. @default its own JsonPlusSerializer, with byte arrays kept as bytes */
  readonly serde?: SerializerProtocol | undefined;
}

/** Options of {@link S3Saver.prune}. */
export interface PruneOptions {
  /**
   * `keep_latest` keeps the latest checkpoint of each namespace, and those
   * before it that its delta channels and pending sends are rebuilt from;
   * `delete` keeps nothing.
   *
   * @default "keep_latest"
   */
  readonly strategy?: "keep_latest" | "delete" | undefined;
  /**
   * How long a chunk that nothing refers to is left alone, in milliseconds,
   * since the record that needs it may be on its way.
   *
   * @default 3_600_000, one hour
   */
  readonly grace?: number | undefined;
}

/**
 * Keeps every thread of a LangGraph.js graph in an object store. It takes
 * `MemorySaver`'s place, and any number of processes may share a bucket.
 *
 * @example
 * ```ts
 * import { memoryStore } from "@cairn/checkpoint";
 * import { S3Saver } from "@cairn/checkpoint/langgraph";
 * import { emptyCheckpoint } from "@langchain/langgraph-checkpoint";
 * import assert from "node:assert/strict";
 *
 * const saver = new S3Saver({ store: memoryStore(), prefix: "agents/" });
 * const config = { configurable: { thread_id: "1", checkpoint_ns: "" } };
 * const checkpoint = emptyCheckpoint();
 * await saver.put(config, checkpoint, { source: "input", step: -1, parents: {} }, {});
 * assert.equal((await saver.getTuple(config))?.checkpoint.id, checkpoint.id);
 * ```
 */
export class S3Saver extends BaseCheckpointSaver {
  readonly #log: CheckpointLog;
  readonly #expiry: Expiry;

  /**
   * Takes the store and how to use it. Nothing is sent yet.
   *
   * @throws {InvalidInputError} where there is no store, or the prefix cannot begin a key.
   */
  constructor(options: S3SaverOptions, components: CheckpointComponents = {}) {
    super(options?.serde);
    if (typeof options?.store?.put !== "function") {
      throw new InvalidInputError(
        "Cannot make an S3Saver: it needs a store; give { store: edgeStore({ … }) } or another one",
      );
    }
    this.#log = new CheckpointLog(options.store, options, components);
    this.#expiry = new Expiry(this.#log);
    insides.set(this, { log: this.#log });
  }

  /**
   * Gives the checkpoint that a config names, or the latest of its thread and
   * namespace, with its pending writes in order; `undefined` where there is none.
   */
  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const { thread_id, checkpoint_ns } = config.configurable ?? {};
    if (thread_id === undefined) return undefined;
    const place = placeOf(thread_id, checkpoint_ns, getCheckpointId(config));
    const { signal } = config;
    const found = place.id === ""
      ? await latest(this.#log, place.thread, place.namespace, { signal })
      : await find(this.#log, place, { signal });
    return found && await this.#tuple(found, signal);
  }

  /**
   * Lists checkpoints, newest first in each thread. With no `thread_id` of all
   * threads, with no `checkpoint_ns` of all namespaces. A filter matches
   * metadata fields of equal value.
   */
  override async *list(
    config: RunnableConfig,
    options: CheckpointListOptions = {},
  ): AsyncGenerator<CheckpointTuple> {
    const { thread_id, checkpoint_ns, checkpoint_id } = config.configurable ?? {};
    const { before, limit, filter } = options;
    const which = {
      thread: thread_id,
      namespace: checkpoint_ns,
      id: checkpoint_id || undefined,
      before: before?.configurable?.checkpoint_id || undefined,
      limit,
      filter,
      signal: config.signal,
    };
    yield* list(this.#log, this.serde, which, (found, signal) => this.#tuple(found, signal));
  }

  /**
   * Stores a checkpoint as the child of the one that the config names. Of the
   * channels, those in `newVersions` are stored; the others are carried over
   * from the parent, or stored where the parent does not hold them.
   *
   * @throws {InvalidInputError} where `thread_id` is missing, or an id fits no key.
   */
  override async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions?: ChannelVersions,
  ): Promise<RunnableConfig> {
    const { checkpoint_ns, checkpoint_id: parent } = config.configurable ?? {};
    const place = placeOf(threadOf(config, "put a checkpoint"), checkpoint_ns, checkpoint.id);
    const { base, since } = parent
      ? await this.#expiry.footing(
        place,
        parent,
        await this.#baseOf(place, parent, checkpoint, newVersions),
        checkpoint,
        metadata,
      )
      : {};
    const { channel_values, ...head } = checkpoint;
    const channels: Channel<SerializedValue | StoredValue>[] = [];
    for (const [name, value] of Object.entries(channel_values ?? {})) {
      const version = own(checkpoint.channel_versions, name);
      const isNew = version === undefined || newVersions === undefined ||
        Object.hasOwn(newVersions, name);
      const held = isNew ? undefined : heldBy(base, name, version);
      if (held !== undefined) channels.push({ name, version, value: held });
      // With no parent and no fork there is nothing that an unchanged channel could come from.
      else if (isNew || parent || metadata?.source === "fork") {
        const serialized = await serialize(this.serde, value);
        if (!isNothing(serialized)) channels.push({ name, version, value: serialized });
      }
    }
    const record = {
      id: place.id,
      parent: parent || undefined,
      metadata: await serialize(this.serde, metadata),
      head: await serialize(this.serde, head),
      channels,
    };
    const oldest = sentSince(this.#log, place, base, since);
    await this.#expiry.during(place, () => this.#log.put(place, record, { base, since, oldest }));
    return configOf(place);
  }

  /**
   * Adds a task's writes to a checkpoint, which may come later. The first
   * regular write for a task and an index stays; a special one (an error, an
   * interrupt, a resume) replaces the one before.
   *
   * @throws {InvalidInputError} where `thread_id` or `checkpoint_id` is missing, or an id fits no key.
   */
  override async putWrites(
    config: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
    taskPath = "",
  ): Promise<void> {
    const { checkpoint_ns, checkpoint_id } = config.configurable ?? {};
    const thread = threadOf(config, "put writes");
    if (checkpoint_id === undefined) throw missing("put writes", "checkpoint_id");
    const place = placeOf(thread, checkpoint_ns, checkpoint_id);
    const record = {
      task: taskId,
      path: taskPath,
      writes: await Promise.all(writes.map(async ([channel, value], at) => ({
        index: own(WRITES_IDX_MAP, channel) ?? at,
        channel,
        value: await this.#serializeWrite(value),
      }))),
    };
    const work = [
      () => putWrites(this.#log, place, record),
      () => this.#expiry.prolong(this.serde, place),
    ];
    await mapParallel(work, work.length, (step) => step());
  }

  /** Deletes a thread: every checkpoint, write and chunk of every namespace. */
  override async deleteThread(threadId: string): Promise<void> {
    await this.#log.deleteThread(threadId);
  }

  /**
   * Copies all checkpoints, writes and values of a thread to another id. Doing
   * it again changes nothing.
   *
   * @example
   * ```ts
   * import { memoryStore } from "@cairn/checkpoint";
   * import { S3Saver } from "@cairn/checkpoint/langgraph";
   * import { emptyCheckpoint } from "@langchain/langgraph-checkpoint";
   * import assert from "node:assert/strict";
   *
   * const saver = new S3Saver({ store: memoryStore() });
   * const config = { configurable: { thread_id: "original" } };
   * await saver.put(config, emptyCheckpoint(), { source: "input", step: -1, parents: {} }, {});
   * await saver.copyThread("original", "copy");
   * assert(await saver.getTuple({ configurable: { thread_id: "copy" } }));
   * ```
   */
  async copyThread(sourceThreadId: string, targetThreadId: string): Promise<void> {
    await copyObjects(this.#log, sourceThreadId, targetThreadId, { onto: "merge" });
  }

  /**
   * Moves a thread to another id: copies it, compares, and only then deletes the
   * source. Cut off at any point, and called again, it goes on. Move a thread
   * while nothing writes to it.
   *
   * @throws {NotFoundError} where neither thread is there.
   * @throws {PreconditionFailedError} where the target has checkpoints of its own.
   *
   * @example
   * ```ts
   * import { memoryStore } from "@cairn/checkpoint";
   * import { S3Saver } from "@cairn/checkpoint/langgraph";
   * import { emptyCheckpoint } from "@langchain/langgraph-checkpoint";
   * import assert from "node:assert/strict";
   *
   * const saver = new S3Saver({ store: memoryStore() });
   * const config = { configurable: { thread_id: "draft" } };
   * await saver.put(config, emptyCheckpoint(), { source: "input", step: -1, parents: {} }, {});
   * await saver.moveThread("draft", "final");
   * assert.equal(await saver.getTuple(config), undefined);
   * assert(await saver.getTuple({ configurable: { thread_id: "final" } }));
   * ```
   */
  async moveThread(
    sourceThreadId: string,
    targetThreadId: string,
    options: CopyThreadOptions = {},
  ): Promise<CopyResult> {
    return await moveObjects(this.#log, sourceThreadId, targetThreadId, options);
  }

  /**
   * Deletes what a thread no longer needs to go on. Prune a thread while
   * nothing writes to it.
   *
   * @throws {InvalidInputError} where the strategy is unknown.
   */
  async prune(threadIds: readonly string[], options: PruneOptions = {}): Promise<void> {
    const { strategy = "keep_latest", grace = SWEEP_GRACE } = options;
    if (strategy !== "delete" && strategy !== "keep_latest") {
      throw new InvalidInputError(
        `Cannot prune: strategy is ${quote(strategy)}; give "keep_latest" or "delete"`,
      );
    }
    for (const thread of threadIds) {
      if (strategy === "delete") await this.#log.deleteThread(thread);
      else {
        const needed = await neededAncestors(this.#log, this.serde, thread);
        await pruneThread(this.#log, thread, ({ place }) => needed(place), { grace });
      }
    }
  }

  /**
   * Deletes the checkpoints, with their writes, whose metadata names one of
   * these runs (`run_id`), in all threads: it lists every key once, and reads
   * every checkpoint's record.
   *
   * @throws {CorruptError} or another error that names the key of a record that
   * cannot be read, so that nobody can tell its run: once all others are deleted.
   */
  async deleteForRuns(runIds: readonly string[]): Promise<void> {
    const runs = new Set<unknown>(runIds);
    let unreadable: unknown;
    const doomed = scan(this.#log, {}, false, async (group, signal): Promise<Group | undefined> => {
      try {
        const record = await this.#log.recordOf(group, { ended: true, signal });
        const metadata = record && await this.#value(group.place.thread, record.metadata);
        const run = (metadata as Record<string, unknown> | undefined)?.run_id;
        return runs.has(run) && run !== undefined ? group : undefined;
      } catch (error) {
        if (!isUnreadable(error)) throw error;
        unreadable ??= named(group.record!.key, error);
      }
    });
    let batch: Group[] = [];
    for await (const group of doomed) {
      if (batch.push(group) < DELETE_BATCH) continue;
      await this.#log.deleteCheckpoints(batch);
      batch = [];
    }
    await this.#log.deleteCheckpoints(batch);
    if (unreadable !== undefined) throw unreadable;
  }

  /** Walks a checkpoint's ancestors for the writes and the seed that each delta channel is rebuilt from. */
  override async getDeltaChannelHistory(
    options: { config: RunnableConfig; channels: string[] },
  ): Promise<Record<string, DeltaChannelHistory>> {
    const { thread_id, checkpoint_ns } = options.config.configurable ?? {};
    const place = placeOf(thread_id, checkpoint_ns, getCheckpointId(options.config));
    return await deltaChannelHistory(this.#log, this.serde, place, options.channels);
  }

  async #serializeWrite(value: unknown): Promise<SerializedValue> {
    const serialized = await serialize(this.serde, value);
    return isNothing(serialized) ? await serialize(this.serde, undefined) : serialized;
  }

  /**
   * The parent's record, read only where a channel may be carried over from it.
   * One that this process holds for long is asked for first: its thread may be gone.
   */
  async #baseOf(
    place: Place,
    parent: string,
    { channel_values, channel_versions }: Checkpoint,
    newVersions: ChannelVersions | undefined,
  ): Promise<CheckpointRecord | undefined> {
    const parentPlace = { ...place, id: parent };
    const unchanged = newVersions !== undefined &&
      Object.keys(channel_values ?? {}).some((name) =>
        !Object.hasOwn(newVersions, name) && own(channel_versions, name) !== undefined
      );
    const held = trusted(this.#log, parentPlace) ?? await this.#log.confirmed(parentPlace);
    // What may come from a replica is nothing to build on.
    const asks = unchanged && !this.#log.objects.store.capabilities.lags;
    return held ?? (asks ? await this.#log.read(parentPlace, { ended: true }) : undefined);
  }

  async #tuple(
    { place, record, writes }: Found,
    signal: AbortSignal | undefined,
  ): Promise<CheckpointTuple> {
    const { thread, namespace, id } = place;
    const values = [
      record.metadata,
      record.head,
      ...record.channels.map(({ value }) => value),
      ...writes.map(({ value }) => value),
    ];
    const loaded = await this.#log.load(thread, values, { signal });
    const [metadata, head, ...rest] = await Promise.all(
      loaded.map((value) => deserialize(this.serde, value)),
    );
    const checkpoint: Checkpoint = { ...headOf(id, head), channel_values: {} };
    record.channels.forEach(({ name }, at) => setOwn(checkpoint.channel_values, name, rest[at]));
    const pending = rest.slice(record.channels.length);
    const tuple: CheckpointTuple = {
      config: configOf({ thread, namespace, id }),
      checkpoint,
      metadata: metadata as CheckpointMetadata,
      pendingWrites: writes.map(({ task, channel }, at) => [task, channel, pending[at]]),
    };
    if (record.parent !== undefined) {
      if (checkpoint.v < 4) await this.#migrateSends(checkpoint, { ...place, id: record.parent });
      tuple.parentConfig = configOf({ ...place, id: record.parent });
    }
    return tuple;
  }

  /** Before version 4 a checkpoint's pending sends were its parent's writes to the tasks channel. */
  async #migrateSends(checkpoint: Checkpoint, parent: Place): Promise<void> {
    const group = await this.#log.group(parent);
    const writes = group === undefined ? [] : await writesOf(this.#log, group);
    const sends = writes.filter(({ channel }) => channel === TASKS);
    checkpoint.channel_values[TASKS] = await Promise.all(
      (await this.#log.load(parent.thread, sends.map(({ value }) => value)))
        .map((value) => deserialize(this.serde, value)),
    );
    checkpoint.channel_versions ??= {};
    const versions = Object.values(checkpoint.channel_versions);
    checkpoint.channel_versions[TASKS] = versions.length > 0
      ? versions.reduce((one, other) => maxChannelVersion(one, other))
      : this.getNextVersion(undefined);
  }

  async #value(thread: string, value: StoredValue): Promise<unknown> {
    const [loaded] = await this.#log.load(thread, [value]);
    return await deserialize(this.serde, loaded!);
  }
}

/** How many checkpoints go together: their records, and most often their writes, fit one DeleteObjects. */
const DELETE_BATCH = 500;

/** Whether an error is of one object alone: it is damaged, a newer release's, or of a thread whose key was erased. */
function isUnreadable(error: unknown): boolean {
  return error instanceof CorruptError || error instanceof UnsupportedError ||
    (error instanceof AccessError && error.code === "KeyErased");
}

function placeOf(thread: unknown, namespace: unknown, id: unknown): Place {
  return { thread: thread as string, namespace: (namespace ?? "") as string, id: id as string };
}

function configOf({ thread, namespace, id }: Place): RunnableConfig {
  return { configurable: { thread_id: thread, checkpoint_ns: namespace, checkpoint_id: id } };
}

function threadOf(config: RunnableConfig, what: string): string {
  const thread = config.configurable?.thread_id;
  if (thread === undefined) throw missing(what, "thread_id");
  return thread;
}

function missing(what: string, field: string): InvalidInputError {
  return new InvalidInputError(
    `Cannot ${what}: config.configurable.${field} is missing; ` +
      `give it, as in graph.invoke(input, { configurable: { thread_id: "my-thread" } })`,
  );
}

/** Whether the serializer left a value out, as JSON does with functions: no bytes are no JSON. */
function isNothing({ type, bytes }: SerializedValue): boolean {
  return type === "json" && bytes.length === 0;
}

function heldBy(
  base: CheckpointRecord | undefined,
  name: string,
  version: number | string,
): StoredValue | undefined {
  return base?.channels.find((channel) => channel.name === name && channel.version === version)
    ?.value;
}

/** A field that is the object's own: a channel may be called `constructor`. */
function own<T>(record: Record<string, T> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

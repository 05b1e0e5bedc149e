import { CorruptError, InvalidInputError } from "../errors.ts";
import { checkPart, given, refuse } from "../store/_options.ts";
import { quote } from "../store/key.ts";
import type { CallOptions, ObjectStore } from "../store/store.ts";
import { setOwn } from "./attachments.ts";
import { forgetThread, insides, type Last, threadKey } from "./faces.ts";
import { uuid7 } from "./id.ts";
import { type Place, requireCheckpointId } from "./keys.ts";
import { type CheckpointComponents, CheckpointLog, type CheckpointOptions } from "./log.ts";
import { type CheckpointRecord, valuesOf } from "./record.ts";
import { matches, scan } from "./scan.ts";
import { isPlainObject, jsonSerializer, type Serializer } from "./serializer.ts";
import { deserialize, serialize, type SerializedValue } from "./values.ts";

/** Options of an {@link S3Checkpointer}. */
export interface S3CheckpointerOptions extends CheckpointOptions {
  /** Turns the state's fields to bytes and back. @default jsonSerializer() */
  readonly serializer?: Serializer | undefined;
}

/** What is known of a checkpoint without its state. */
export interface CheckpointInfo {
  /** The thread. */
  readonly thread: string;
  /** The namespace; `""` is the root. */
  readonly namespace: string;
  /** The id. */
  readonly id: string;
  /** The id of the checkpoint it was made from. */
  readonly parent?: string;
  /** What was said of it when it was saved. */
  readonly metadata: Record<string, unknown>;
  /** When it was saved, by the saver's clock. */
  readonly savedAt: Date;
}

/** A checkpoint. */
export interface Checkpoint<State = unknown> extends CheckpointInfo {
  /** The state. */
  readonly state: State;
}

/** Options of {@link S3Checkpointer.save}. */
export interface SaveOptions extends CallOptions {
  /** The namespace. @default "" */
  readonly namespace?: string | undefined;
  /** The id: any string but the empty one; the newest is the greatest. @default a UUID version 7 after the parent's */
  readonly id?: string | undefined;
  /**
   * The id of the checkpoint it was made from; `null` for none.
   *
   * @default the one of this thread and namespace that this checkpointer saved or loaded last
   */
  readonly parent?: string | null | undefined;
  /** What to say of it: JSON, by which `list` can filter. @default {} */
  readonly metadata?: Record<string, unknown> | undefined;
}

/** Options of {@link S3Checkpointer.load} and {@link S3Checkpointer.delete}. */
export interface WhichOptions extends CallOptions {
  /** The namespace. @default "" */
  readonly namespace?: string | undefined;
  /** The id. @default the latest for `load`; the whole thread for `delete` */
  readonly id?: string | undefined;
}

/** Options of {@link S3Checkpointer.list}. */
export interface ListCheckpointsOptions extends CallOptions {
  /** The thread. @default all threads, in the order of their keys */
  readonly thread?: string | undefined;
  /** The namespace. @default all namespaces */
  readonly namespace?: string | undefined;
  /** The most checkpoints to give. @default no limit */
  readonly limit?: number | undefined;
  /** Only checkpoints with a smaller, older id than this. */
  readonly before?: string | undefined;
  /** Only checkpoints whose metadata has these fields, with equal values. */
  readonly filter?: Record<string, unknown> | undefined;
}

/** What a record's head says. */
interface Head {
  /** When it was saved, in ISO 8601. */
  readonly savedAt: string;
  /** Whether the channels are the fields of the state, or one is the state. */
  readonly fields: boolean;
}

/**
 * Keeps the state of agents and workflows in any object store. A plain
 * object's top-level fields are kept each on its own: a large one that did not
 * change is not sent again.
 *
 * @example Save, and go on in another process
 * ```ts
 * import { memoryStore, S3Checkpointer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const store = memoryStore(); // or edgeStore, sdkStore, r2Store, fileStore
 * const checkpointer = new S3Checkpointer<{ step: number }>(store);
 * await checkpointer.save("thread-1", { step: 1 });
 * await checkpointer.save("thread-1", { step: 2 }, { metadata: { done: true } });
 *
 * const elsewhere = new S3Checkpointer<{ step: number }>(store);
 * const latest = await elsewhere.load("thread-1");
 * assert.equal(latest?.state.step, 2);
 * ```
 */
export class S3Checkpointer<State = unknown> {
  readonly #log: CheckpointLog;
  readonly #serializer: Serializer;
  readonly #json = jsonSerializer();
  readonly #last = new Map<string, Last>();

  /**
   * Takes the store and how to use it. Nothing is sent yet.
   *
   * @throws {InvalidInputError} where there is no store, the prefix cannot begin a
   * key, or an option is not what its function makes.
   */
  constructor(
    store: ObjectStore,
    options: S3CheckpointerOptions = {},
    components: CheckpointComponents = {},
  ) {
    requireObject(options);
    this.#log = new CheckpointLog(store, options, components);
    insides.set(this, { log: this.#log, last: this.#last });
    const { serializer = this.#json } = options;
    checkPart("serializer", serializer, "dumpsTyped", "jsonSerializer()");
    this.#serializer = serializer;
  }

  /**
   * Saves a state as a new checkpoint. The same save twice is one checkpoint.
   *
   * @throws {InvalidInputError} where an id does not fit a key, the metadata is
   * no object of JSON, or the state is not JSON and no serializer was given.
   *
   * @example A fork
   * ```ts
   * import { memoryStore, S3Checkpointer } from "@cairn/checkpoint";
   * import assert from "node:assert/strict";
   *
   * const checkpointer = new S3Checkpointer(memoryStore());
   * const first = await checkpointer.save("t", { plan: "a" });
   * await checkpointer.save("t", { plan: "b" });
   * const fork = await checkpointer.save("t", { plan: "c" }, { parent: first.id });
   * assert.equal(fork.parent, first.id);
   * ```
   */
  async save(thread: string, state: State, options: SaveOptions = {}): Promise<CheckpointInfo> {
    requireObject(options);
    const { namespace = "", metadata = {}, signal } = options;
    const parent = this.#parentOf({ thread, namespace }, options);
    const { id = uuid7(parent) } = options;
    const place = { thread, namespace, id };
    if (!isPlainObject(metadata)) {
      throw new InvalidInputError(`Cannot save the metadata ${quote(metadata)}: give an object`);
    }
    const savedAt = new Date(this.#log.now());
    const fields = isPlainObject(state) ? given(state) : [["", state] as const];
    const channels = await Promise.all(
      fields.map(
        async ([name, value]) => ({
          name,
          version: undefined,
          value: await serialize(this.#serializer, value),
        }),
      ),
    );
    const record: CheckpointRecord<SerializedValue> = {
      id,
      parent,
      metadata: await serialize(this.#json, metadata),
      head: await serialize(
        this.#json,
        { savedAt: savedAt.toISOString(), fields: isPlainObject(state) } satisfies Head,
      ),
      channels,
    };
    const base = parent === undefined
      ? undefined
      : await this.#log.confirmed({ ...place, id: parent }, { signal });
    await this.#log.put(place, record, { base, signal });
    this.#remember(record, place);
    return { ...place, ...(parent !== undefined && { parent }), metadata, savedAt };
  }

  /**
   * Loads a checkpoint: the one of an id, or the latest. `undefined` where
   * there is none.
   *
   * @throws {CorruptError} where the stored bytes are not what was written.
   *
   * @example
   * ```ts
   * import { memoryStore, S3Checkpointer } from "@cairn/checkpoint";
   * import assert from "node:assert/strict";
   *
   * const checkpointer = new S3Checkpointer(memoryStore());
   * assert.equal(await checkpointer.load("nobody"), undefined);
   * const { id } = await checkpointer.save("t", { bytes: new Uint8Array([1, 2]) });
   * const found = await checkpointer.load("t", { id });
   * assert.deepEqual(found?.state, { bytes: new Uint8Array([1, 2]) });
   * ```
   */
  async load(thread: string, options: WhichOptions = {}): Promise<Checkpoint<State> | undefined> {
    requireObject(options);
    const { namespace = "", id, signal } = options;
    const record =
      await (id === undefined
        ? this.#latest(thread, namespace, { signal })
        : this.#log.read({ thread, namespace, id }, { signal }));
    if (record === undefined) return undefined;
    const place = { thread, namespace, id: record.id };
    const { info, fields, values } = await this.#open(place, record, signal);
    const state: Record<string, unknown> = {};
    await Promise.all(record.channels.map(async ({ name }, at) => {
      setOwn(state, name, undefined); // first, so that the fields keep their order
      setOwn(state, name, await deserialize(this.#serializer, values[at]!));
    }));
    this.#remember(record, place);
    return { ...info, state: (fields ? state : state[""]) as State };
  }

  /**
   * Lists checkpoints, newest first in each thread, without their states.
   *
   * @throws {InvalidInputError} where the limit is no whole number.
   *
   * @example The newest three that are done
   * ```ts
   * import { memoryStore, S3Checkpointer } from "@cairn/checkpoint";
   * import assert from "node:assert/strict";
   *
   * const checkpointer = new S3Checkpointer(memoryStore());
   * for (const done of [true, false, true]) {
   *   await checkpointer.save("t", {}, { metadata: { done } });
   * }
   * let count = 0;
   * const options = { thread: "t", filter: { done: true }, limit: 3 };
   * for await (const { metadata } of checkpointer.list(options)) {
   *   assert.equal(metadata.done, true);
   *   count++;
   * }
   * assert.equal(count, 2);
   * ```
   */
  list(options: ListCheckpointsOptions = {}): AsyncGenerator<CheckpointInfo> {
    requireObject(options);
    const { filter, ...which } = options;
    return scan(this.#log, which, filter === undefined, async (group, signal) => {
      const record = await this.#log.recordOf(group, { signal });
      if (record === undefined) return undefined;
      const { info } = await this.#open(group.place, { ...record, channels: [] }, signal);
      return matches(info.metadata, filter) ? info : undefined;
    });
  }

  /**
   * Deletes a checkpoint, or, with no id, the whole thread with all its
   * namespaces. What is not there is no error. Chunks of a checkpoint's large
   * values stay until the thread is deleted: other checkpoints may share them.
   *
   * @example
   * ```ts
   * import { memoryStore, S3Checkpointer } from "@cairn/checkpoint";
   * import assert from "node:assert/strict";
   *
   * const checkpointer = new S3Checkpointer(memoryStore());
   * await checkpointer.save("t", { step: 1 });
   * await checkpointer.delete("t");
   * assert.equal(await checkpointer.load("t"), undefined);
   * ```
   */
  async delete(thread: string, options: WhichOptions = {}): Promise<void> {
    requireObject(options);
    const { namespace = "", id, signal } = options;
    if (id === undefined) {
      // An id that turned out to be undefined must not cost the thread.
      if ("id" in options) {
        throw new InvalidInputError("Cannot delete: id is undefined; leave it out to delete all");
      }
      if (options.namespace !== undefined) {
        throw new InvalidInputError(
          `Cannot delete the namespace ${quote(namespace)} alone: give an id, or no namespace`,
        );
      }
      await this.#log.deleteThread(thread, { signal });
      forgetThread(this.#last, thread);
      return;
    }
    const place = { thread, namespace, id };
    const group = await this.#log.group(place, { signal });
    if (group !== undefined) await this.#log.deleteCheckpoints([group], { signal });
    if (this.#last.get(threadKey(place))?.id === id) this.#last.delete(threadKey(place));
  }

  /**
   * The threads of which anything is stored, in the order of their keys.
   *
   * @example
   * ```ts
   * import { memoryStore, S3Checkpointer } from "@cairn/checkpoint";
   * import assert from "node:assert/strict";
   *
   * const checkpointer = new S3Checkpointer(memoryStore());
   * await checkpointer.save("a/b", {});
   * for await (const thread of checkpointer.threads()) assert.equal(thread, "a/b");
   * ```
   */
  threads(options: CallOptions = {}): AsyncGenerator<string> {
    return this.#log.threads(options);
  }

  /** The latest checkpoint's record. */
  async #latest(
    thread: string,
    namespace: string,
    options: CallOptions,
  ): Promise<CheckpointRecord | undefined> {
    for await (const group of this.#log.newest(thread, namespace, options)) {
      const record = await this.#log.recordOf(group, options);
      if (record !== undefined) return record;
    }
  }

  /** What is known of a checkpoint, and the values of its channels. */
  async #open(
    place: Place,
    record: CheckpointRecord,
    signal: AbortSignal | undefined,
  ): Promise<{ info: CheckpointInfo; fields: boolean; values: SerializedValue[] }> {
    const [metadata, head, ...values] = await this.#log.load(place.thread, valuesOf(record), {
      signal,
    });
    const { savedAt, fields } = (await deserialize(this.#json, head!) ?? {}) as Partial<Head>;
    const said = await deserialize(this.#json, metadata!);
    if (
      typeof savedAt !== "string" || isNaN(Date.parse(savedAt)) || typeof fields !== "boolean" ||
      !isPlainObject(said)
    ) {
      throw new CorruptError(
        `The checkpoint ${quote(place.id)} of thread ${quote(place.thread)} was not saved by ` +
          "S3Checkpointer; keep the two under different prefixes",
      );
    }
    return {
      fields,
      values,
      info: {
        ...place,
        ...(record.parent !== undefined && { parent: record.parent }),
        metadata: said,
        savedAt: new Date(savedAt),
      },
    };
  }

  /** The parent of a checkpoint to be saved: the one given, or the thread's last. */
  #parentOf(
    place: { thread: string; namespace: string },
    { id, parent }: SaveOptions,
  ): string | undefined {
    if (parent === null) return undefined;
    if (parent !== undefined) {
      requireCheckpointId(parent, "parent");
      return parent === id ? undefined : parent;
    }
    const last = this.#last.get(threadKey(place));
    // Saved again, a checkpoint stays the child of the same parent.
    return last?.id === id ? last?.parent : last?.id;
  }

  #remember({ id, parent }: Last, place: Place): void {
    // How many threads a checkpointer remembers its last checkpoint of.
    const REMEMBERED = 1000;
    const key = threadKey(place);
    this.#last.delete(key);
    this.#last.set(key, { id, parent });
    if (this.#last.size > REMEMBERED) this.#last.delete(this.#last.keys().next().value!);
  }
}

/** Refuses a text where options belong, such as an id: it would be taken for none. */
function requireObject(options: unknown): void {
  if (typeof options !== "object") refuse("options", options, "an object, as { id } or { prefix }");
}

/** Plays a history to LangGraph's MemorySaver and to S3Savers on one store, and holds each answer equal. */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  type BaseCheckpointSaver,
  type CheckpointMetadata,
  type CheckpointTuple,
  MemorySaver,
} from "@langchain/langgraph-checkpoint";
import type { ObjectStore } from "@cairn/checkpoint";
import { S3Saver, type S3SaverOptions } from "@cairn/checkpoint/langgraph";
import { compareKeys } from "../../src/store/key.ts";
import { escapeSegment } from "../../src/checkpoint/keys.ts";
import type { History, Operation } from "./_histories.ts";
import { copyOf, type ModelCheckpoint, nextCheckpoint } from "./_model.ts";

/** A thread's namespace, and what was put there. */
interface Lane {
  readonly thread: string;
  readonly namespace: string;
  readonly checkpoints: Map<string, ModelCheckpoint>;
  /** An id that has writes already and gets its checkpoint with the next put. */
  reserved: string | undefined;
}

/** What a saver is asked to do; only a read takes a signal. */
export type Work<T> = (saver: BaseCheckpointSaver, signal?: AbortSignal) => Promise<T>;

/** What one of the two processes is told beside what the history says, or one that only reads. */
export type SaverSettings = (process?: number) => Partial<S3SaverOptions>;

/** Two processes and the oracle, playing one history. */
export class Contest {
  readonly oracle = new MemorySaver();
  readonly savers: [S3Saver, S3Saver];
  readonly #lanes: Lane[];
  readonly #store: ObjectStore;
  readonly #prefix: string;
  readonly #history: History;
  readonly #options: SaverSettings;
  /** Which saver has seen a checkpoint as it stands now. */
  readonly #fresh = new Map<ModelCheckpoint, Set<S3Saver>>();
  #count = 0;

  constructor(
    store: ObjectStore,
    history: History,
    prefix = "cairn/",
    options: SaverSettings = () => ({}),
  ) {
    this.#store = store;
    this.#prefix = prefix;
    this.#options = options;
    this.#history = history;
    this.savers = [this.restarted(), this.restarted()];
    this.#lanes = history.threads.flatMap((thread) =>
      history.namespaces.map((namespace): Lane => ({
        thread,
        namespace,
        checkpoints: new Map(),
        reserved: undefined,
      }))
    );
  }

  /** Plays the whole history, and compares all that is there at its end. */
  async play(): Promise<void> {
    for (const operation of this.#history.operations) await this.#operate(operation);
    const restarted = this.restarted();
    const expected = await everything(this.oracle);
    for (const saver of [...this.savers, restarted]) {
      assert.deepEqual(await this.insist(saver, everything), expected);
    }
    for (const { thread, namespace, checkpoints } of this.#lanes) {
      if (checkpoints.size === 0) continue;
      const latest = tupleOf(configOf(thread, namespace));
      assert.deepEqual(await latest(restarted), await latest(this.oracle));
    }
  }

  /** A process that starts now and holds nothing yet: one of the two, or one that only reads. */
  restarted(store = this.#store, process?: number): S3Saver {
    const { inlineLimit, cacheBytes, compression } = this.#history;
    const settings = { prefix: this.#prefix, inlineLimit, cacheBytes, compression };
    return new S3Saver({ store, ...settings, ...this.#options(process) });
  }

  /** Does to a thread what changes nothing of it; where it gives something to be done, the thread is deleted first. */
  protected care(_saver: number, _thread: string): Promise<void | (() => Promise<void>)> {
    return Promise.resolve();
  }

  /** Does what may be refused for a while. */
  protected insist<T>(saver: S3Saver, work: Work<T>): Promise<T> {
    return work(saver);
  }

  /** Has a process answer as the oracle does. */
  protected async read<T>(saver: number, work: Work<T>): Promise<void> {
    assert.deepEqual(await work(this.savers[saver]!), await work(this.oracle));
  }

  /**
   * Has a process and the oracle do the same; gives the process that did it,
   * or nothing where it was not done, which may be only where it may stay so.
   */
  protected async write<T>(
    saver: number,
    work: Work<T>,
    _mayStay = false,
  ): Promise<S3Saver | undefined> {
    assert.deepEqual(await work(this.savers[saver]!), await work(this.oracle));
    return this.savers[saver];
  }

  async #operate(operation: Operation): Promise<void> {
    const lane = this.#lanes[operation.lane % this.#lanes.length]!;
    const { saver } = operation;
    switch (operation.kind) {
      case "put": {
        const before = operation.from === null ? undefined : pick(lane, operation.from);
        const id = this.#newId(lane, operation.id);
        return await this.#put(
          saver,
          lane,
          nextCheckpoint(before, before?.checkpoint.id, {
            ...operation,
            id,
            changes: new Map(operation.changes),
            metadata: { ...operation.metadata, parents: {} } as CheckpointMetadata,
          }),
        );
      }
      case "putAgain": {
        const there = pick(lane, operation.at);
        if (there === undefined) return;
        if (operation.changes === null) return await this.#put(saver, lane, { ...there });
        const before = there.parent === undefined ? undefined : lane.checkpoints.get(there.parent);
        const next = nextCheckpoint(before, there.parent, {
          id: there.checkpoint.id,
          version: there.checkpoint.v,
          changes: new Map(operation.changes),
          tasks: false,
          metadata: there.metadata,
          tellVersions: before !== undefined,
        });
        return await this.#put(saver, lane, next);
      }
      case "copy": {
        const copied = pick(lane, operation.at);
        if (copied === undefined || isOfAnother(copied, lane)) return;
        return await this.#put(saver, lane, copyOf(copied, this.#newId(lane, operation.id)));
      }
      case "putOnAbsent": {
        // With durability "exit" the parent may never be put; all that changed since is told.
        const before = pick(lane, 0);
        return await this.#put(
          saver,
          lane,
          nextCheckpoint(before, `absent ${operation.parent}`, {
            id: this.#newId(lane, operation.id),
            version: 4,
            changes: new Map(operation.changes),
            tasks: true,
            metadata: { ...operation.metadata, parents: {} } as CheckpointMetadata,
            tellVersions: true,
          }),
        );
      }
      case "putWrites": {
        const there = operation.at === null ? undefined : pick(lane, operation.at);
        const id = there?.checkpoint.id ?? (lane.reserved ??= this.#newId(lane, operation.id));
        const config = configOf(lane.thread, lane.namespace, id);
        await this.write(
          saver,
          (each) => each.putWrites(config, operation.writes, operation.task, operation.path),
        );
        return;
      }
      case "getTuple": {
        const id = operation.at === null ? undefined : pick(lane, operation.at)?.checkpoint.id;
        return await this.read(saver, tupleOf(configOf(lane.thread, lane.namespace, id)));
      }
      case "list": {
        const { scope, limit, filter, before } = operation;
        const configurable = {
          ...(scope !== "all" && { thread_id: lane.thread }),
          ...((scope === "namespace" || scope === "id") && { checkpoint_ns: lane.namespace }),
          ...(scope === "id" && { checkpoint_id: pick(lane, operation.at)?.checkpoint.id ?? "x" }),
        };
        const border = before === null ? undefined : pick(lane, before)?.checkpoint.id;
        return await this.read(
          saver,
          listOf(configurable, {
            ...(limit !== null && { limit }),
            ...(filter !== null && { filter }),
            ...(border !== undefined && {
              before: configOf(lane.thread, lane.namespace, border),
            }),
          }),
        );
      }
      case "history": {
        const id = operation.at === null ? undefined : pick(lane, operation.at)?.checkpoint.id;
        const options = {
          config: configOf(lane.thread, lane.namespace, id),
          channels: operation.channels,
        };
        return await this.read(saver, (each) => each.getDeltaChannelHistory(options));
      }
      case "deleteThread": {
        return await this.#delete(saver, lane.thread);
      }
      case "reset": {
        const target = this.#lanes[operation.target % this.#lanes.length]!.thread;
        if (target === lane.thread) return;
        await this.#delete(saver, target);
        if (this.#lanesOf(lane.thread).every(isEmpty)) return;
        await this.write(
          saver,
          (each) =>
            each instanceof S3Saver
              ? each.copyThread(lane.thread, target)
              : copyThread(each as MemorySaver, lane.thread, target),
        );
        const sources = this.#lanesOf(lane.thread);
        for (const [at, to] of this.#lanesOf(target).entries()) {
          to.reserved = sources[at]!.reserved;
          for (const [id, there] of sources[at]!.checkpoints) {
            const copy = { ...there };
            to.checkpoints.set(id, copy);
            this.#fresh.set(copy, new Set());
          }
        }
        return;
      }
      case "care": {
        const erase = await this.care(saver, lane.thread);
        if (!erase) return;
        await this.#delete(saver, lane.thread);
        await erase();
      }
    }
  }

  async #delete(saver: number, thread: string): Promise<void> {
    await this.write(saver, (each) => each.deleteThread(thread));
    for (const lane of this.#lanesOf(thread)) {
      lane.checkpoints.clear();
      lane.reserved = undefined;
    }
  }

  #lanesOf(thread: string): Lane[] {
    return this.#lanes.filter((lane) => lane.thread === thread);
  }

  async #put(saver: number, lane: Lane, next: ModelCheckpoint): Promise<void> {
    const { checkpoint, metadata, parent, newVersions } = next;
    const config = configOf(lane.thread, lane.namespace, parent);
    const before = parent === undefined ? undefined : lane.checkpoints.get(parent);
    const by = await this.write(saver, async (each) => {
      if (before !== undefined && each instanceof S3Saver && !this.#fresh.get(before)!.has(each)) {
        // Another process put the parent: a run starts by reading what it goes on from.
        const tuple = tupleOf(config);
        assert.deepEqual(await tuple(each), await tuple(this.oracle));
        this.#fresh.get(before)!.add(each);
      }
      return await each.put(config, checkpoint, metadata, newVersions!);
    }, true);
    if (by === undefined) return;
    lane.checkpoints.set(checkpoint.id, next);
    this.#fresh.set(next, new Set([by]));
    if (lane.reserved === checkpoint.id) lane.reserved = undefined;
  }

  /** An id that the namespace does not hold: the reserved one, or the one given, or one made of it. */
  #newId(lane: Lane, id: string): string {
    const taken = (id: string) => lane.checkpoints.has(id);
    return lane.reserved ?? (taken(id) ? `${id}-${++this.#count}` : id);
  }
}

function isEmpty({ checkpoints, reserved }: Lane): boolean {
  return checkpoints.size === 0 && reserved === undefined;
}

// deno-lint-ignore require-await -- as the saver's own does
async function copyThread(oracle: MemorySaver, from: string, to: string): Promise<void> {
  if (oracle.storage[from]) oracle.storage[to] = structuredClone(oracle.storage[from]);
  for (const [key, writes] of Object.entries(oracle.writes)) {
    const [thread, ...rest] = JSON.parse(key);
    if (thread === from) oracle.writes[JSON.stringify([to, ...rest])] = structuredClone(writes);
  }
}

/** Reads a checkpoint, or the latest. */
function tupleOf(config: RunnableConfig): Work<CheckpointTuple | undefined> {
  return async (saver, signal) => {
    const tuple = await saver.getTuple({ ...config, ...(signal && { signal }) });
    return tuple && normal(tuple);
  };
}

/** Lists checkpoints. */
function listOf(
  configurable: Record<string, unknown>,
  { limit, ...options }: Parameters<BaseCheckpointSaver["list"]>[1] & object,
): Work<CheckpointTuple[]> {
  return async (saver, signal) => {
    const config = { configurable, ...(signal && { signal }) };
    if (saver instanceof S3Saver) {
      const listed = saver.list(config, limit === undefined ? options : { ...options, limit });
      return (await collect(listed)).map(normal);
    }
    // MemorySaver goes by namespace, in the order they came; S3Saver by age over all of a thread's.
    const all = await collect(saver.list(config, options));
    return all.sort(newestFirst).slice(0, limit).map(normal);
  };
}

/** Everything that a saver has. */
export const everything: Work<CheckpointTuple[]> = listOf({}, {});

/** The config of a checkpoint, or of the latest. */
export function configOf(thread: string, namespace: string, id?: string): RunnableConfig {
  return {
    configurable: {
      thread_id: thread,
      checkpoint_ns: namespace,
      ...(id !== undefined && { checkpoint_id: id }),
    },
  };
}

export async function collect(tuples: AsyncIterable<CheckpointTuple>): Promise<CheckpointTuple[]> {
  const all: CheckpointTuple[] = [];
  for await (const tuple of tuples) all.push(tuple);
  return all;
}

function pick(lane: Lane, at: number): ModelCheckpoint | undefined {
  const all = [...lane.checkpoints.values()];
  return all[at % all.length];
}

/** Whether a checkpoint's parent was put again since, with other values of equal versions: no graph does that. */
function isOfAnother({ checkpoint, parent = "" }: ModelCheckpoint, lane: Lane): boolean {
  const { channel_values, channel_versions } = lane.checkpoints.get(parent)?.checkpoint ?? {};
  return Object.entries(channel_versions ?? {}).some(([name, version]) =>
    version === checkpoint.channel_versions[name] &&
    !isDeepStrictEqual(channel_values![name], checkpoint.channel_values[name])
  );
}

/** Threads by their keys, then newest first, then namespaces by their keys. */
function newestFirst(a: CheckpointTuple, b: CheckpointTuple): number {
  const [x, y] = [a, b].map(({ config }) => config.configurable!) as [
    Record<string, string>,
    Record<string, string>,
  ];
  return compareKeys(escapeSegment(x.thread_id!) + "/", escapeSegment(y.thread_id!) + "/") ||
    compareKeys(y.checkpoint_id!, x.checkpoint_id!) ||
    compareKeys(escapeSegment(x.checkpoint_ns!) + "/", escapeSegment(y.checkpoint_ns!) + "/");
}

/** MemorySaver gives an old checkpoint's pending sends in the order they came, S3Saver in the writes' order. */
export function normal(tuple: CheckpointTuple): CheckpointTuple {
  const { checkpoint } = tuple;
  const sends = checkpoint.channel_values.__pregel_tasks;
  if (checkpoint.v >= 4 || !Array.isArray(sends)) return tuple;
  const sorted = sends.map((send) => [show(send), send] as const).sort(([a], [b]) =>
    compareKeys(a, b)
  ).map(([, send]) => send);
  return {
    ...tuple,
    checkpoint: {
      ...checkpoint,
      channel_values: { ...checkpoint.channel_values, __pregel_tasks: sorted },
    },
  };
}

export function show(value: unknown): string {
  return Deno.inspect(value, { depth: 10, iterableLimit: 1000, strAbbreviateSize: 1000 });
}

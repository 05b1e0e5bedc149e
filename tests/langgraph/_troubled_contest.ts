/** A contest in which single requests fail, and what failed is done again. */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { type CheckpointTuple, MemorySaver } from "@langchain/langgraph-checkpoint";
import { memoryStore, type ObjectStore } from "@cairn/checkpoint";
import type { S3Saver } from "@cairn/checkpoint/langgraph";
import { etagsOfBytes } from "../checkpoint/_stores.ts";
import {
  CANCELLED,
  OUTAGE,
  type Process,
  processOn,
  type Trouble,
} from "../checkpoint/_trouble.ts";
import { Contest, everything, type SaverSettings, show, type Work } from "./_contest.ts";
import type { TroubledHistory } from "./_histories.ts";

/** How often there was trouble, by what came of it; how often what had been done in part was looked at; and how often an operation was refused. */
export type Tally = Record<Trouble["end"] | "between" | "adopted" | "refused", number>;

/** A tally to begin with. */
export function newTally(): Tally {
  return { alive: 0, dead: 0, retried: 0, cancelled: 0, between: 0, adopted: 0, refused: 0 };
}

/** What the processes stand on, and how. */
export interface Setting {
  /** The bucket. @default one whose ETags are made of the bytes */
  readonly store?: ObjectStore;
  /** What a process that begins has between itself and the bucket. */
  readonly layer?: (bucket: ObjectStore, process: number) => ObjectStore;
  /** What its saver is told; without a number, one that only reads the bucket. */
  readonly options?: SaverSettings;
  /** Does to a thread what changes nothing of it; where it gives something to be done, the thread is deleted first. */
  readonly care?: (
    world: CaredWorld,
    process: number,
    thread: string,
  ) => Promise<void | (() => Promise<void>)>;
  /** Whether an error says that nothing was done, and that it may be asked again. */
  readonly refuses?: (error: unknown) => boolean;
}

/** What care can be taken of. */
export interface CaredWorld {
  /** A process begins anew, with nothing at hand. */
  restart(process: number): void;
  /** Does something on a process's store, in which requests may fail; then it is done again. */
  write(process: number, work: (store: ObjectStore) => Promise<unknown>): Promise<void>;
}

/** Plays a history to processes whose requests fail, and to an oracle that knows no trouble. */
export class TroubledContest extends Contest {
  readonly #bucket: ObjectStore;
  readonly #setting: Setting;
  readonly #stores = new Map<S3Saver, ObjectStore>();
  readonly #troubles: readonly (Trouble | null)[];
  readonly #processes: [Process, Process];
  readonly #tally: Tally;
  #count = 0;

  constructor(history: TroubledHistory, tally: Tally, setting: Setting = {}) {
    const { store = etagsOfBytes(memoryStore()), options } = setting;
    super(store, history, "cairn/", options);
    this.#bucket = store;
    this.#setting = setting;
    this.#troubles = history.troubles;
    this.#tally = tally;
    this.#processes = [processOn(store), processOn(store)]; // both begin at once
    for (const at of [0, 1]) this.#begin(at);
  }

  protected override async read<T>(saver: number, work: Work<T>): Promise<void> {
    const expected = await work(this.oracle);
    const answer = await this.#try(saver, work, true) ??
      { value: await this.insist(this.savers[saver]!, work) };
    assert.deepEqual(answer.value, expected);
  }

  protected override async write<T>(
    saver: number,
    work: Work<T>,
    mayStay = false,
  ): Promise<S3Saver | undefined> {
    const trouble = this.#troubles[this.#count];
    const before = trouble || this.#setting.refuses ? await everything(this.oracle) : [];
    const done = await this.#try(saver, work, false);
    if (done !== undefined) {
      assert.deepEqual(done.value, await work(this.oracle));
      return this.savers[saver]!;
    }
    const copy = Object.assign(
      new MemorySaver(),
      structuredClone({ storage: this.oracle.storage, writes: this.oracle.writes }),
    );
    await work(copy);
    const after = await everything(copy);
    const seen = await everything(this.restarted());
    this.#compare(seen, before, after);
    if (mayStay && trouble?.again === "nobody") {
      // Nobody knows whether it was done; those who read from now on see that it was, or was not.
      if (!isDeepStrictEqual(seen, after)) return undefined;
      this.#tally.adopted++;
      await work(this.oracle);
      return this.savers[saver]!;
    }
    const by = trouble?.again === "another" ? 1 - saver : saver;
    assert.deepEqual(await this.insist(this.savers[by]!, work), await work(this.oracle));
    return this.savers[by];
  }

  protected override async care(
    process: number,
    thread: string,
  ): Promise<void | (() => Promise<void>)> {
    return await this.#setting.care?.(
      {
        restart: (at) => this.#begin(at),
        write: async (at, work) => {
          await this.write(at, async (each) => {
            const store = this.#stores.get(each as S3Saver);
            if (store !== undefined) await work(store);
          });
        },
      },
      process,
      thread,
    );
  }

  /** Does an operation in which nothing fails any more, and that may be refused some times. */
  protected override async insist<T>(saver: S3Saver, work: Work<T>): Promise<T> {
    for (;;) {
      try {
        return await work(saver);
      } catch (error) {
        if (!this.#setting.refuses?.(error)) throw error;
      }
    }
  }

  /** Does an operation, with the trouble that is due; gives nothing where that made it fail. */
  async #try<T>(at: number, work: Work<T>, isRead: boolean): Promise<{ value: T } | undefined> {
    const trouble = this.#troubles[this.#count++];
    const [saver, process] = [this.savers[at]!, this.#processes[at]!];
    const isRefused = (error: unknown) => this.#setting.refuses?.(error) === true;
    if (trouble == null) {
      return await work(saver).then((value) => ({ value }), (error) => {
        if (!isRefused(error)) throw error;
        this.#tally.refused++;
        return undefined;
      });
    }
    const controller = new AbortController();
    const isCancelled = isRead && trouble.end === "cancelled";
    process.arm(trouble, () => controller.abort(isCancelled ? CANCELLED : undefined));
    try {
      const value = await work(saver, isCancelled ? controller.signal : undefined);
      if (process.disarm()) this.#tally[trouble.end]++;
      return { value };
    } catch (error) {
      process.disarm();
      if (isRefused(error)) this.#tally.refused++;
      else {
        assert(error === OUTAGE || error === CANCELLED, `${(error as Error).stack}`);
        assert.notEqual(trouble.end, "retried", "what is asked again is done");
        this.#tally[trouble.end]++;
      }
      if (trouble.end === "dead") this.#begin(at);
      return undefined;
    }
  }

  /** A process begins, and holds nothing yet. */
  #begin(at: number): void {
    const process = processOn(this.#bucket);
    const store = this.#setting.layer?.(process.store, at) ?? process.store;
    this.#processes[at] = process;
    this.savers[at] = this.restarted(store, at);
    this.#stores.set(this.savers[at], store);
  }

  /** After half an operation: all else is as before, and what it is about as before, as after, or in between. */
  #compare(
    seen: readonly CheckpointTuple[],
    before: readonly CheckpointTuple[],
    after: readonly CheckpointTuple[],
  ): void {
    const [old, next] = [byPlace(before), byPlace(after)];
    for (const tuple of seen) {
      const place = placeOf(tuple);
      const allowed = [old.get(place), next.get(place)].filter((tuple) => tuple !== undefined);
      assert(allowed.length > 0, `${place} was never put`);
      if (allowed.some((other) => isDeepStrictEqual(other, tuple))) continue;
      this.#tally.between++;
      assert(allowed.some((other) => isDeepStrictEqual(settled(other), settled(tuple))), place);
      const [all, both] = [new Set<string>(), pendingOf(allowed[0]!)];
      for (const other of allowed) {
        const own = pendingOf(other);
        for (const write of own) all.add(write);
        for (const write of both) if (!own.has(write)) both.delete(write);
      }
      const pending = pendingOf(tuple);
      assert(pending.isSubsetOf(all), `${place} has writes of nobody`);
      assert(both.isSubsetOf(pending), `${place} has lost writes`);
    }
    const places = byPlace(seen);
    for (const place of old.keys()) {
      if (next.has(place)) assert(places.has(place), `${place} is gone`);
    }
  }
}

function placeOf({ config: { configurable } }: CheckpointTuple): string {
  return JSON.stringify(configurable);
}

function byPlace(tuples: readonly CheckpointTuple[]): Map<string, CheckpointTuple> {
  return new Map(tuples.map((tuple) => [placeOf(tuple), tuple]));
}

/** A checkpoint without its writes, and without those of its parent, where it takes them for its sends. */
function settled({ checkpoint, ...tuple }: CheckpointTuple): unknown {
  const { __pregel_tasks: _, ...values } = checkpoint.channel_values;
  const { __pregel_tasks: __, ...versions } = checkpoint.channel_versions;
  const rest = checkpoint.v < 4
    ? { channel_values: values, channel_versions: versions }
    : undefined;
  return { ...tuple, pendingWrites: [], checkpoint: { ...checkpoint, ...rest } };
}

/** The writes that wait, and an old checkpoint's sends. */
function pendingOf({ pendingWrites = [], checkpoint }: CheckpointTuple): Set<string> {
  const sends = checkpoint.v < 4 ? checkpoint.channel_values.__pregel_tasks : [];
  return new Set([...pendingWrites, ...(Array.isArray(sends) ? sends : [])].map(show));
}

/** Plays a life to S3Savers on a bucket whose rule removes objects, and to a MemorySaver that forgets nothing. */
import assert from "node:assert/strict";
import {
  type CheckpointMetadata,
  type CheckpointTuple,
  MemorySaver,
} from "@langchain/langgraph-checkpoint";
import { CorruptError, type Ttl } from "@cairn/checkpoint";
import { S3Saver, type S3SaverOptions } from "@cairn/checkpoint/langgraph";
import {
  Clock,
  DAY,
  type ExpiringStore,
  expiringStore,
  HOUR,
} from "../checkpoint/_expiring_store.ts";
import { OUTAGE, type Process, processOn, type Trouble } from "../checkpoint/_trouble.ts";
import { CheckpointLog } from "../../src/checkpoint/log.ts";
import { collect, configOf, normal } from "./_contest.ts";
import type { Event, Life } from "./_lives.ts";
import { type ModelCheckpoint, nextCheckpoint } from "./_model.ts";

/** How far the answers of two processes may be apart in time, clocks and margins together. */
const BLUR = 12 * HOUR;

/** A put that goes on from the latest, and changes nothing. */
const ROUTINE = { from: 0, changes: {}, snapshot: false, back: false, again: false } as const;
const ROUTINE_WRITE = { at: 0, task: "t1", channel: "log", large: true } as const;

/** What a lane knows of a checkpoint of its own. */
interface Known extends ModelCheckpoint {
  /** Until when it must be there. */
  must: number;
  /** Until when it may be there. */
  may: number;
  /** How many supersteps ago the delta channel was stored whole. */
  since: number;
  /** Whether a prune may have taken what it depends on, since it is nobody's latest. */
  pruned: boolean;
}

interface Lane {
  readonly thread: string;
  readonly namespace: string;
  readonly checkpoints: Map<string, Known>;
}

/** How the world is set up. */
export interface WorldOptions {
  readonly ttl: Ttl;
  /** The days of the bucket's rule. */
  readonly ruleDays: number;
  /** What else each process is told. */
  readonly options?: () => Partial<S3SaverOptions>;
}

/** Two threads of two namespaces each, a copy's, and all who work on them. */
export class MortalWorld {
  readonly #clock = new Clock();
  readonly #oracle = new MemorySaver();
  readonly #bucket: ExpiringStore;
  readonly #processes: Process[] = [];
  readonly #savers: S3Saver[];
  readonly #lanes: Lane[];
  readonly #life: Life;
  readonly #ttl: Ttl;
  readonly #options: () => Partial<S3SaverOptions>;
  #count = 0;
  /** How often something that had to be there was looked at. */
  looked = 0;
  /** How many operations failed. */
  troubled = 0;

  constructor(life: Life, { ttl, ruleDays, options = () => ({}) }: WorldOptions) {
    this.#options = options;
    this.#life = life;
    this.#ttl = ttl;
    this.#bucket = expiringStore(this.#clock, ruleDays, life.seed);
    this.#savers = life.off.map((_, at) => this.#start(at));
    this.#lanes = ["1", "2", "copy"].flatMap((thread) =>
      ["", "sub"].map((namespace) => ({ thread, namespace, checkpoints: new Map() }))
    );
  }

  /** How many objects the rule has removed. */
  get removed(): number {
    return this.#bucket.removed();
  }

  /** Plays it all, and looks at everything after each event. */
  async play(): Promise<void> {
    for (const [at, event] of this.#life.events.entries()) {
      await this.#happen(event);
      // In turn by a process that begins now, and by those that remember.
      const reader = at % 3 === 0 ? undefined : this.#savers[at % 2];
      await this.#look(reader ?? this.#fresh());
    }
    for (const saver of [...this.#savers, this.#fresh()]) await this.#look(saver);
  }

  #fresh(): S3Saver {
    return new S3Saver({ store: this.#bucket.store, ...this.#settings() }, this.#clock.off());
  }

  #start(process: number): S3Saver {
    const { store } = this.#processes[process] = processOn(this.#bucket.store);
    return new S3Saver(
      { store, ...this.#settings(), ttl: this.#ttl },
      this.#clock.off(this.#life.off[process]! * HOUR),
    );
  }

  #settings() {
    const { cacheBytes } = this.#life;
    return { cacheBytes, inlineLimit: 100, compression: "none" as const, ...this.#options() };
  }

  async #happen(event: Event): Promise<void> {
    if (event.kind === "wait") {
      this.#clock.now += event.hours * HOUR;
      return;
    }
    if (event.kind === "restart") {
      this.#savers[event.saver] = this.#start(event.saver);
      return;
    }
    const lane = this.#lanes[event.lane]!;
    switch (event.kind) {
      case "put":
        return await this.#put(lane, event);
      case "write":
        return await this.#write(lane, event);
      case "routine": {
        const { lane: at, saver, every, times, version } = event;
        for (let time = 0; time < times; time++) {
          await this.#happen({ kind: "wait", hours: every });
          const step = { lane: at, saver, trouble: null } as const;
          await this.#happen({ kind: "put", ...step, ...ROUTINE, version });
          await this.#happen({ kind: "write", ...step, ...ROUTINE_WRITE });
        }
        return;
      }
      case "prune": {
        const latest = new Set<Known>();
        const others = this.#lanes.filter(({ thread }) => thread === lane.thread);
        for (const other of others) {
          // One that ends at this moment may be taken for the latest, or not.
          const [newest] = [...other.checkpoints.values()].filter((known) =>
            known.may + BLUR > this.#clock.now
          ).sort(newestFirst);
          if (newest !== undefined) latest.add(newest);
        }
        await this.#twice(event, (saver) => saver.prune([lane.thread], { grace: 0 }));
        for (const { checkpoints, namespace } of others) {
          const ids = await this.#stored(lane.thread, namespace);
          for (const [id, known] of checkpoints) {
            if (ids.has(id)) known.pruned ||= !latest.has(known);
            else {
              const must = latest.has(known) && known.must - BLUR > this.#clock.now;
              assert(!must, `${id} is the latest, and was pruned`);
              checkpoints.delete(id);
            }
          }
        }
        return;
      }
      case "copy": {
        await this.#deleteThread("copy", this.#savers[event.saver]!);
        const run = (saver: S3Saver) => saver.copyThread(lane.thread, "copy");
        await this.#twice(event, run);
        this.#oracle.storage.copy = { ...this.#oracle.storage[lane.thread] };
        for (const [key, writes] of Object.entries(this.#oracle.writes)) {
          const [thread, ...rest] = JSON.parse(key);
          if (thread === lane.thread) {
            this.#oracle.writes[JSON.stringify(["copy", ...rest])] = { ...writes };
          }
        }
        for (const target of this.#lanes.filter(({ thread }) => thread === "copy")) {
          const source = this.#lanes.find(({ thread, namespace }) =>
            thread === lane.thread && namespace === target.namespace
          )!;
          for (const [id, known] of source.checkpoints) target.checkpoints.set(id, { ...known });
        }
        return;
      }
      case "deleteThread":
        return await this.#deleteThread(lane.thread, this.#savers[event.saver]!);
    }
  }

  /** The ids of the checkpoints whose records are stored, over or not. */
  async #stored(thread: string, namespace: string): Promise<Set<string>> {
    const log = new CheckpointLog(this.#bucket.store);
    const groups = await Array.fromAsync(log.groups(thread, namespace));
    return new Set(groups.filter(({ record }) => record).map(({ place }) => place.id));
  }

  async #deleteThread(thread: string, saver: S3Saver): Promise<void> {
    await saver.deleteThread(thread);
    await this.#oracle.deleteThread(thread);
    for (const lane of this.#lanes) if (lane.thread === thread) lane.checkpoints.clear();
  }

  /** Does something in which a request may fail; then it is done again. */
  async #twice(
    { saver, trouble }: { saver: number; trouble: Trouble | null },
    operation: (saver: S3Saver) => Promise<void>,
  ): Promise<void> {
    if (await this.#try(saver, trouble, operation)) return;
    await operation(this.#savers[saver]!);
  }

  /** Whether an operation in which a request may fail came to its end; a process that died of it starts anew. */
  async #try(
    saver: number,
    trouble: Trouble | null,
    work: (saver: S3Saver) => Promise<unknown>,
  ): Promise<boolean> {
    const process = this.#processes[saver]!;
    if (trouble !== null) process.arm(trouble, () => {});
    try {
      await work(this.#savers[saver]!);
      return true;
    } catch (error) {
      assert(error === OUTAGE, `${(error as Error).stack}`);
      this.troubled++;
      return false;
    } finally {
      // It dies at the end of what it does, where no request was left to tell it.
      if (process.disarm() && trouble?.end === "dead") this.#savers[saver] = this.#start(saver);
    }
  }

  async #put(lane: Lane, event: Event & { kind: "put" }): Promise<void> {
    const before = event.from === null ? undefined : this.#pick(lane, event.from);
    // What ended a while ago may be in pieces: it is taken as an input is, with all values at hand.
    const isThere = before !== undefined && !this.#isOver(before) && !before.pruned;
    const number = ++this.#count;
    const id = `${event.back ? 1 : 5}-${String(number).padStart(4, "0")}`;
    const changes = new Map(
      Object.entries(event.changes).map((
        [name, size],
      ) => [name, { value: valueOf(name, size, number, before) }]),
    ) as Map<string, { value: unknown } | null>;
    const whole = event.snapshot || (before !== undefined && !isThere);
    changes.set("log", whole ? { value: [`whole at ${number}`] } : null);
    const since = whole ? 0 : (before?.since ?? 0) + 1;
    const metadata = {
      source: "loop",
      step: number,
      parents: {},
      ...(since > 0 && { counters_since_delta_snapshot: { log: [since, since] } }),
    } as CheckpointMetadata;
    const next = nextCheckpoint(before, before?.checkpoint.id, {
      id,
      version: isThere || before === undefined ? event.version : 4,
      changes,
      tasks: false,
      metadata,
      tellVersions: true,
    });
    const config = configOf(lane.thread, lane.namespace, next.parent);
    const put = (saver: S3Saver) =>
      saver.put(config, next.checkpoint, next.metadata, next.newVersions);
    const end = this.#clock.now + this.#ttl.days * DAY;
    if (!await this.#try(event.saver, event.trouble, put)) {
      // As one whose answer was lost would: again; or nobody does, who finds out later whether it was done.
      if (event.again) await put(this.#savers[event.saver]!);
      else if (!(await this.#stored(lane.thread, lane.namespace)).has(id)) return;
    } else if (event.again) await put(this.#savers[1 - event.saver]!);
    await this.#oracle.put(config, next.checkpoint, next.metadata);
    lane.checkpoints.set(id, { ...next, must: end, may: end, since, pruned: false });
  }

  async #write(lane: Lane, event: Event & { kind: "write" }): Promise<void> {
    const there = this.#pick(lane, event.at);
    if (there === undefined || this.#isOver(there) || there.pruned) return;
    const number = ++this.#count;
    const value = event.large ? `${number} `.repeat(60) : number;
    const config = configOf(lane.thread, lane.namespace, there.checkpoint.id);
    const writes: [string, unknown][] = [[event.channel, value]];
    const started = this.#clock.now;
    await this.#twice(event, (saver) => saver.putWrites(config, writes, event.task, "p"));
    await this.#oracle.putWrites(config, writes, event.task, "p");
    const { days, refreshDays } = this.#ttl;
    // What is over stays over; what is there lasts at least so long from now on.
    if (started + BLUR < there.must) {
      there.must = Math.max(there.must, started + (days - refreshDays) * DAY);
    }
    if (started - BLUR < there.may) there.may = started + days * DAY;
  }

  /** Whether a checkpoint may have ended longer ago than clocks may be wrong. */
  #isOver({ must }: Known): boolean {
    return must + BLUR / 2 < this.#clock.now;
  }

  /** Those that must be there. */
  #visible(lane: Lane): Known[] {
    return [...lane.checkpoints.values()].filter(({ must }) => must - BLUR > this.#clock.now);
  }

  #pick(lane: Lane, at: number): Known | undefined {
    const all = [...lane.checkpoints.values()].sort(newestFirst);
    return all[at % all.length];
  }

  /** Looks at all that can be seen: it must be readable, and what it was. */
  async #look(reader: S3Saver): Promise<void> {
    for (const lane of this.#lanes) {
      const { thread, namespace, checkpoints } = lane;
      const must = this.#visible(lane).map(({ checkpoint }) => checkpoint.id);
      const config = configOf(thread, namespace);
      const listed = await collect(reader.list(config));
      const ids = listed.map(({ checkpoint }) => checkpoint.id);
      for (const id of must) assert(ids.includes(id), `${thread}/${namespace}: ${id} is gone`);
      for (const tuple of listed) {
        const known = checkpoints.get(tuple.checkpoint.id);
        assert(known, `${tuple.checkpoint.id} was never put, or was deleted`);
        assert(
          this.#clock.now < known.may + BLUR,
          `${tuple.checkpoint.id} should have ended`,
        );
        await this.#compare(reader, tuple, known);
      }
      const latest = await reader.getTuple(config);
      const id = latest?.checkpoint.id;
      // One that ends at this moment may be there once and gone the next time.
      if (id !== ids[0]) {
        assert(![id, ids[0]].some((id) => id !== undefined && must.includes(id)), "the latest");
      }
      if (latest !== undefined) await this.#compare(reader, latest, checkpoints.get(id!)!);
    }
  }

  async #compare(reader: S3Saver, tuple: CheckpointTuple, known: Known): Promise<void> {
    this.looked++;
    const { config } = tuple;
    const expected = await this.#oracle.getTuple(config);
    // What a prune has left beside the latest may lack what it needs itself of its ancestors.
    if (known.pruned && known.checkpoint.v < 4) return;
    assert.deepEqual(normal(tuple), expected && normal(expected));
    if (known.since === 0 || known.pruned) return;
    const options = { config, channels: ["log"] };
    let history;
    try {
      history = await reader.getDeltaChannelHistory(options);
    } catch (error) {
      assert(!(error instanceof CorruptError), `${error}`);
      throw error;
    }
    assert.deepEqual(history, await this.#oracle.getDeltaChannelHistory(options));
  }
}

function newestFirst(a: Known, b: Known): number {
  return a.checkpoint.id < b.checkpoint.id ? 1 : -1;
}

/** A channel's new value; a list goes on from the one before. */
function valueOf(name: string, size: string, number: number, before: ModelCheckpoint | undefined) {
  const text = size === "small"
    ? `${number}`
    : size === "large"
    ? `${name} ${number} `.repeat(30)
    : `${name} ${number} `.repeat(9_000);
  const values = before?.checkpoint.channel_values ?? {};
  const list = values.list;
  return name === "list" && Array.isArray(list)
    ? [...list.slice(-4), text]
    : name === "list"
    ? [text]
    : text;
}

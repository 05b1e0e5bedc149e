import type {
  CheckpointMetadata,
  CheckpointPendingWrite,
  DeltaChannelHistory,
  SerializerProtocol,
} from "@langchain/langgraph-checkpoint";
import type { Group } from "../checkpoint/groups.ts";
import type { Place } from "../checkpoint/keys.ts";
import type { CheckpointLog } from "../checkpoint/log.ts";
import type { CheckpointRecord, StoredValue } from "../checkpoint/record.ts";
import { deserialize } from "../checkpoint/values.ts";
import { find, type Found, open, type OrderedWrite } from "../checkpoint/writes.ts";

/** How many ancestors are read ahead at most where nothing tells how many it takes; it starts with few and doubles. */
const READ_AHEAD = 32;

/** How many are read ahead at most where the checkpoint tells how many it takes. */
const TOLD_AHEAD = 500;

/** No value that is longer than this can be a serialized `undefined`. */
const SMALL = 64;

/**
 * Walks from a checkpoint's parent to its root, or until each channel has met a
 * stored value: its seed. The walk follows parents; what is read ahead follows
 * the listing, in which a parent is nearly always next.
 */
export async function deltaChannelHistory(
  log: CheckpointLog,
  serde: SerializerProtocol,
  target: Place,
  channels: readonly string[],
): Promise<Record<string, DeltaChannelHistory>> {
  const histories = new Map(
    channels.map((name) => [name, { writes: [] as OrderedWrite[], seed: undefined as Seed }]),
  );
  const isUndefined = async (value: StoredValue) => {
    if (lengthOf(value) > SMALL) return false;
    const [loaded] = await log.load(target.thread, [value]);
    return await deserialize(serde, loaded!) === undefined;
  };
  const unseeded = new Set(channels);
  if (unseeded.size > 0) {
    for await (const { record, writes } of ancestors(log, serde, target, channels)) {
      for (const write of [...writes].reverse()) {
        if (unseeded.has(write.channel)) histories.get(write.channel)!.writes.push(write);
      }
      for (const { name, value } of record.channels) {
        if (!unseeded.has(name) || await isUndefined(value)) continue;
        unseeded.delete(name);
        histories.get(name)!.seed = value;
      }
      if (unseeded.size === 0) break;
    }
  }
  const result: Record<string, DeltaChannelHistory> = {};
  await Promise.all([...histories].map(async ([name, { writes, seed }]) => {
    const inOrder = [...writes].reverse();
    const stored = [...inOrder.map(({ value }) => value), ...(seed === undefined ? [] : [seed])];
    const loaded = await log.load(target.thread, stored);
    const values = await Promise.all(loaded.map((value) => deserialize(serde, value)));
    const history: DeltaChannelHistory = {
      writes: inOrder.map(({ task }, at): CheckpointPendingWrite => [task, name, values[at]]),
    };
    if (seed !== undefined) history.seed = values.at(-1);
    Object.defineProperty(result, name, {
      value: history,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }));
  return result;
}

type Seed = StoredValue | undefined;

/** A checkpoint's ancestors, its parent first. */
async function* ancestors(
  log: CheckpointLog,
  serde: SerializerProtocol,
  target: Place,
  channels: readonly string[],
): AsyncGenerator<Found> {
  const { thread, namespace } = target;
  const listing = new Listing(log, target);
  const reading = new Map<string, Promise<Found | undefined>>();
  const read = (group: Group) => {
    const { id } = group.place;
    const found = reading.get(id) ?? open(log, group);
    found.catch(() => {}); // it is thrown when its turn comes, if it comes
    reading.set(id, found);
    return found;
  };
  try {
    const child = target.id === ""
      ? await listing.latest()
      : (await Promise.all([log.record(target), listing.reach(1)]))[0];
    const told = child === undefined ? 0 : await supersteps(log, serde, thread, child, channels);
    const seen = new Set<string>();
    let at = -1;
    // A circle of parents, which only a foreign hand can make, ends the walk.
    for (let next = child?.parent; next !== undefined && !seen.has(next);) {
      seen.add(next);
      const width = told >= seen.size
        ? Math.min(TOLD_AHEAD, told - seen.size + 1)
        : Math.min(READ_AHEAD, 2 * seen.size);
      await listing.reach(at + 1 + width);
      const position = listing.positionOf(next);
      let found: Found | undefined;
      if (position === undefined) found = await find(log, { thread, namespace, id: next });
      else {
        at = position;
        await listing.reach(at + width);
        found = await listing.groups.slice(at, at + width).map(read)[0];
      }
      if (found === undefined) return;
      reading.delete(next);
      yield found;
      next = found.record.parent;
    }
  } finally {
    await listing.close();
    await Promise.allSettled(reading.values());
  }
}

/**
 * How many supersteps ago the longest of the channels was stored whole, where
 * LangGraph noted it: that many ancestors are needed, or fewer where not every
 * superstep has a checkpoint. Only a hint of how far to read ahead.
 */
async function supersteps(
  log: CheckpointLog,
  serde: SerializerProtocol,
  thread: string,
  { metadata }: CheckpointRecord,
  channels: readonly string[],
): Promise<number> {
  const [loaded] = await log.load(thread, [metadata]);
  const { counters_since_delta_snapshot: counters } =
    (await deserialize(serde, loaded!) ?? {}) as Partial<CheckpointMetadata>;
  const counts = channels.map((name) =>
    typeof counters === "object" && counters !== null && Object.hasOwn(counters, name)
      ? Number(counters[name]?.[1])
      : 0
  );
  return Math.max(0, ...counts.filter(Number.isSafeInteger));
}

/** The checkpoints of a namespace older than one, or all, listed as far as they are asked for. */
class Listing {
  readonly groups: Group[] = [];
  readonly #log: CheckpointLog;
  readonly #positions = new Map<string, number>();
  readonly #source: AsyncGenerator<Group>;
  #exhausted = false;

  constructor(log: CheckpointLog, { thread, namespace, id }: Place) {
    this.#log = log;
    this.#source = log.groups(thread, namespace, { before: id === "" ? undefined : id });
  }

  positionOf(id: string): number | undefined {
    return this.#positions.get(id);
  }

  /** The newest record, and from then on only what is older. */
  async latest(): Promise<CheckpointRecord | undefined> {
    for (;;) {
      await this.reach(1);
      const group = this.groups.pop();
      if (group === undefined) return undefined;
      this.#positions.delete(group.place.id);
      const record = await this.#log.recordOf(group);
      if (record !== undefined) return record;
    }
  }

  async reach(count: number): Promise<void> {
    while (!this.#exhausted && this.groups.length < count) {
      const { value, done } = await this.#source.next();
      if (done) this.#exhausted = true;
      else {
        this.#positions.set(value.place.id, this.groups.length);
        this.groups.push(value);
      }
    }
  }

  async close(): Promise<void> {
    await this.#source.return(undefined);
  }
}

function lengthOf({ body, attachments }: StoredValue): number {
  return [body, ...attachments.map(({ body }) => body)].flat()
    .reduce((sum, { length }) => sum + length, 0);
}

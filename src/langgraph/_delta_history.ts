import type {
  CheckpointPendingWrite,
  DeltaChannelHistory,
  SerializerProtocol,
} from "@langchain/langgraph-checkpoint";
import type { Group } from "../checkpoint/groups.ts";
import type { Place } from "../checkpoint/keys.ts";
import type { CheckpointLog, Found, OrderedWrite } from "../checkpoint/log.ts";
import type { StoredValue } from "../checkpoint/record.ts";
import { deserialize } from "../checkpoint/values.ts";

/** How many checkpoints before the one in hand are read ahead at most; it starts with few and doubles. */
const READ_AHEAD = 32;

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
  const open = new Set(channels);
  if (open.size > 0) {
    for await (const { record, writes } of ancestors(log, target)) {
      for (const write of [...writes].reverse()) {
        if (open.has(write.channel)) histories.get(write.channel)!.writes.push(write);
      }
      for (const { name, value } of record.channels) {
        if (!open.delete(name)) continue;
        histories.get(name)!.seed = value;
      }
      if (open.size === 0) break;
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
async function* ancestors(log: CheckpointLog, target: Place): AsyncGenerator<Found> {
  const { thread, namespace } = target;
  let child = target;
  if (target.id === "") {
    const latest = await log.latest(thread, namespace);
    if (latest === undefined) return;
    child = latest.place;
  }
  const listing = new Listing(log, child);
  const reading = new Map<string, Promise<Found | undefined>>();
  const read = (group: Group) => {
    const { id } = group.place;
    const found = reading.get(id) ?? log.open(group);
    found.catch(() => {}); // it is thrown when its turn comes, if it comes
    reading.set(id, found);
    return found;
  };
  try {
    const [record] = await Promise.all([log.record(child), listing.reach(1)]);
    const seen = new Set<string>();
    let at = -1;
    // A circle of parents, which only a foreign hand can make, ends the walk.
    for (let next = record?.parent; next !== undefined && !seen.has(next);) {
      seen.add(next);
      const width = Math.min(READ_AHEAD, 2 * seen.size);
      await listing.reach(at + 1 + width);
      const position = listing.positionOf(next);
      let found: Found | undefined;
      if (position === undefined) found = await log.find({ thread, namespace, id: next });
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

/** The checkpoints older than one, listed as far as they are asked for. */
class Listing {
  readonly groups: Group[] = [];
  readonly #positions = new Map<string, number>();
  readonly #source: AsyncGenerator<Group>;
  #exhausted = false;

  constructor(log: CheckpointLog, { thread, namespace, id }: Place) {
    this.#source = log.groups(thread, namespace, { before: id });
  }

  positionOf(id: string): number | undefined {
    return this.#positions.get(id);
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

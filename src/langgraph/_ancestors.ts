import type { CheckpointMetadata } from "@langchain/langgraph-checkpoint";
import { type Group, notOver } from "../checkpoint/groups.ts";
import type { Place } from "../checkpoint/keys.ts";
import type { CheckpointLog } from "../checkpoint/log.ts";
import type { CheckpointRecord } from "../checkpoint/record.ts";
import { find, type Found, open } from "../checkpoint/writes.ts";

/** How many ancestors a walk begins to read ahead where nothing tells how many it takes; it goes on with twice as many as it has met. */
const READ_AHEAD = 8;

/** How many are read ahead at most. */
const MOST_AHEAD = 500;

/** How many keys the first page of their listing asks for, for each of them: its record, its writes, and some to spare. */
const KEYS_EACH = 8;

/** Of how many it asks where nothing tells how many are needed: a page of a thousand takes eight times as long. */
const FIRST_PAGE = 128;

/** Up to how many bytes of them, as they are stored. */
const BYTES_AHEAD = 16 * 1024 * 1024;

/** Where a walk over ancestors begins. */
export interface Start {
  /** The id of the first. */
  readonly parent: string | undefined;
  /** How many there will be, as far as that is told: only a hint of how far to read ahead. */
  readonly told: number;
}

/**
 * A checkpoint's ancestors, its parent first, those that are over included.
 * `start` finds where to begin, and may look for it in the listing.
 */
export async function* ancestors(
  log: CheckpointLog,
  place: Place,
  start: (listing: Listing) => Promise<Start>,
): AsyncGenerator<Found> {
  const { thread, namespace } = place;
  const listing = new Listing(log, place);
  const reading = new Map<string, Promise<Found | undefined>>();
  const read = (group: Group) => {
    const { id } = group.place;
    const found = reading.get(id) ?? open(log, group, { ended: true });
    found.catch(() => {}); // it is thrown when its turn comes, if it comes
    reading.set(id, found);
    return found;
  };
  try {
    const { parent, told } = await start(listing);
    listing.expect(told);
    const seen = new Set<string>();
    let at = -1;
    // A circle of parents, which only a foreign hand can make, ends the walk.
    for (let next = parent; next !== undefined && !seen.has(next);) {
      seen.add(next);
      const left = told >= seen.size ? told - seen.size + 1 : READ_AHEAD + 2 * seen.size;
      const width = Math.min(MOST_AHEAD, left);
      await listing.reach(at + 1 + width);
      const position = listing.positionOf(next);
      let found: Found | undefined;
      if (position === undefined) {
        found = await find(log, { thread, namespace, id: next }, { ended: true });
      } else {
        at = position;
        await listing.reach(at + width);
        found = await light(listing.groups.slice(at, at + width)).map(read)[0];
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

/** The first of some checkpoints, and those after it that are not too much together. */
function light(groups: readonly Group[]): Group[] {
  let bytes = 0;
  return groups.filter(({ size }, at) => (bytes += size) <= BYTES_AHEAD || at === 0);
}

/** The delta channels whose value a checkpoint does not hold itself: its ancestors do. */
export function openChannels(
  metadata: CheckpointMetadata | undefined,
  stored: Iterable<string>,
): Set<string> {
  const open = new Set(Object.keys(metadata?.counters_since_delta_snapshot ?? {}));
  for (const name of stored) open.delete(name);
  return open;
}

/**
 * How many supersteps ago the longest of the channels was stored whole, where
 * LangGraph noted it: that many ancestors are needed, or fewer where not every
 * superstep has a checkpoint.
 */
export function supersteps(
  metadata: CheckpointMetadata | undefined,
  channels: Iterable<string>,
): number {
  const counters = metadata?.counters_since_delta_snapshot;
  let most = 0;
  if (typeof counters !== "object" || counters === null) return most;
  for (const name of channels) {
    const count = Object.hasOwn(counters, name) ? counters[name]?.[1] : 0;
    if (Number.isSafeInteger(count)) most = Math.max(most, count!);
  }
  return most;
}

/** The checkpoints of a namespace older than one, or all, listed as far as they are asked for. */
export class Listing {
  readonly groups: Group[] = [];
  readonly #log: CheckpointLog;
  readonly #positions = new Map<string, number>();
  readonly #place: Place;
  #source: AsyncGenerator<Group> | undefined;
  #firstPage = FIRST_PAGE;
  #exhausted = false;

  constructor(log: CheckpointLog, place: Place) {
    this.#log = log;
    this.#place = place;
  }

  /** Says of how many ancestors it will be, where that is told and nothing is listed yet. */
  expect(ancestors: number): void {
    if (ancestors > 0) this.#firstPage = KEYS_EACH * (ancestors + 1);
  }

  positionOf(id: string): number | undefined {
    return this.#positions.get(id);
  }

  /** The newest record that can be seen, and from then on only what is older. */
  async latest(): Promise<CheckpointRecord | undefined> {
    for await (const group of notOver(this.#taken())) {
      const record = await this.#log.recordOf(group);
      if (record !== undefined) return record;
    }
  }

  async reach(count: number): Promise<void> {
    while (!this.#exhausted && this.groups.length < count) {
      this.#source ??= this.#open();
      const { value, done } = await this.#source.next();
      if (done) this.#exhausted = true;
      else {
        this.#positions.set(value.place.id, this.groups.length);
        this.groups.push(value);
      }
    }
  }

  async close(): Promise<void> {
    await this.#source?.return(undefined);
  }

  #open(): AsyncGenerator<Group> {
    const { thread, namespace, id } = this.#place;
    const before = id === "" ? undefined : id;
    return this.#log.groups(thread, namespace, { before, firstPage: this.#firstPage });
  }

  async *#taken(): AsyncGenerator<Group> {
    for (;;) {
      await this.reach(1);
      const group = this.groups.pop();
      if (group === undefined) return;
      this.#positions.delete(group.place.id);
      yield group;
    }
  }
}

import type {
  Checkpoint,
  CheckpointMetadata,
  SerializerProtocol,
} from "@langchain/langgraph-checkpoint";
import type { Place } from "../checkpoint/keys.ts";
import { type CheckpointLog, recordAt } from "../checkpoint/log.ts";
import type { CheckpointRecord } from "../checkpoint/record.ts";
import { deserialize } from "../checkpoint/values.ts";
import { isSuperseded, renew, whileIt } from "../checkpoint/renewal.ts";
import { type Found, writesOf } from "../checkpoint/writes.ts";
import { CorruptError } from "../errors.ts";
import { quote } from "../store/key.ts";
import { ancestors, openChannels, supersteps } from "./_ancestors.ts";
import { headOf } from "./_head.ts";

/** What a new checkpoint may build on. */
export interface Footing {
  /** Its parent's record, where what that depends on is young enough to depend on, too. */
  readonly base?: CheckpointRecord | undefined;
  /** Since when the oldest of what it depends on is stored, where that is no matter of its base. */
  readonly since?: number | undefined;
}

/** What of a checkpoint tells which ancestors it needs. */
interface Need {
  readonly v: number;
  readonly metadata: CheckpointMetadata | undefined;
  /** The names of the channels that it holds itself. */
  readonly stored: readonly string[];
}

/**
 * What a saver does under a time to live beside what the log does: it sees to
 * it that all that a checkpoint depends on lasts as long as the checkpoint.
 * Chunks are sent again from the values at hand; the ancestors that delta
 * channels and old checkpoints' pending sends are rebuilt from are stored
 * again as they are. `docs/expiry.md` says why that is enough.
 */
export class Expiry {
  readonly #log: CheckpointLog;
  /** The records that are on their way to the store. */
  readonly #putting = new Set<string>();
  readonly #prolonging = new Map<string, Promise<void>>();

  constructor(log: CheckpointLog) {
    this.#log = log;
  }

  /**
   * Finds what a checkpoint may build on. Where its parent's part is too old,
   * the checkpoint gets no base, so that all its chunks are sent anew; what it
   * needs of its ancestors is stored again first.
   *
   * @throws {CorruptError} where its parent is over, and the rule has removed some of that.
   */
  async footing(
    place: Place,
    parent: string,
    base: CheckpointRecord | undefined,
    { v, channel_values }: Checkpoint,
    metadata: CheckpointMetadata,
  ): Promise<Footing> {
    const log = this.#log;
    if (log.ttl === undefined) return { base };
    const since = log.now();
    const need = { v, metadata, stored: Object.keys(channel_values ?? {}) };
    if (!needsAncestors(need)) return { base: log.fresh(base) };
    const above = base ?? await log.read({ ...place, id: parent }, { ended: true });
    // It may come later, and nobody can tell yet what that one depends on.
    if (above === undefined) return { since: 0 };
    if (log.fresh(above)) return { base: above };
    const { needed, missing } = await dependencies(log, place, parent, need);
    const whole = await renew(log, needed) && !missing;
    if (whole || !log.ended(above)) return { since };
    throw new CorruptError(
      `Cannot go on from the checkpoint ${quote(parent)} of thread ${quote(place.thread)}: it ` +
        `ended at ${new Date(above.life![2]).toISOString()}, and some of what its channels are ` +
        "rebuilt from has been removed since; go on from a checkpoint that can be seen",
    );
  }

  /** Puts a checkpoint; while that is under way, its writes need not ask how old it is. */
  async during(place: Place, put: () => Promise<void>): Promise<void> {
    if (this.#log.ttl === undefined) return await put();
    const key = this.#log.keys.record(place);
    this.#putting.add(key);
    try {
      await put();
    } finally {
      this.#putting.delete(key);
    }
  }

  /**
   * Gives a checkpoint that takes writes a new life where the old one has run
   * for a while: a thread that somebody works on shall not end though its next
   * checkpoint is long in coming. One that is over stays over.
   */
  async prolong(serde: SerializerProtocol, place: Place): Promise<void> {
    if (this.#log.ttl === undefined) return;
    const key = this.#log.keys.record(place);
    if (this.#putting.has(key)) return;
    // Its tasks write at once: one of them does it for all.
    const running = this.#prolonging.get(key) ?? prolong(this.#log, serde, place);
    this.#prolonging.set(key, running);
    try {
      await running;
    } finally {
      this.#prolonging.delete(key);
    }
  }
}

async function prolong(log: CheckpointLog, serde: SerializerProtocol, place: Place): Promise<void> {
  const isYoung = ({ life }: CheckpointRecord) => log.ttl!.isFresh(life?.[1], log.now());
  const known = await recordAt(log, place);
  if (known === undefined || isYoung(known)) return;
  const since = log.now();
  const group = await log.group(place);
  const record = group && await log.recordOf(group);
  if (record === undefined || isYoung(record)) return;
  const loaded = await log.load(place.thread, [record.head, record.metadata]);
  const [head, metadata] = await Promise.all(loaded.map((value) => deserialize(serde, value)));
  const need = {
    v: headOf(place.id, head).v,
    metadata: metadata as CheckpointMetadata,
    stored: record.channels.map(({ name }) => name),
  };
  const own = { place, record, writes: await writesOf(log, group!), group };
  const { needed, missing } = await dependencies(log, place, record.parent, need);
  // What cannot be stored again whole ends when it would.
  if (missing || !await renew(log, [own, ...needed], log.keys.record(place))) return;
  try {
    await log.put(place, record, { since, precondition: whileIt(log, group!.record!.etag) });
  } catch (error) {
    // Put again by another, or deleted: what that one has done stands.
    if (!isSuperseded(error)) throw error;
  }
}

function needsAncestors({ v, metadata, stored }: Need): boolean {
  return v < 4 || openChannels(metadata, stored).size > 0;
}

/** The ancestors that a checkpoint cannot be read without, and whether one of them is not there. */
async function dependencies(
  log: CheckpointLog,
  place: Place,
  parent: string | undefined,
  need: Need,
): Promise<{ readonly needed: Found[]; readonly missing: boolean }> {
  const needed: Found[] = [];
  if (!needsAncestors(need)) return { needed, missing: false };
  const open = openChannels(need.metadata, need.stored);
  const told = supersteps(need.metadata, open);
  for await (const found of ancestors(log, place, () => Promise.resolve({ parent, told }))) {
    needed.push(found);
    for (const { name } of found.record.channels) open.delete(name);
    if (open.size === 0) return { needed, missing: false };
  }
  // Where the walk did not end at a root, somebody's parent is not there.
  const last = needed.at(-1);
  return { needed, missing: (last === undefined ? parent : last.record.parent) !== undefined };
}

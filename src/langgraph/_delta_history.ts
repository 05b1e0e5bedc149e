import type {
  CheckpointMetadata,
  CheckpointPendingWrite,
  DeltaChannelHistory,
  SerializerProtocol,
} from "@langchain/langgraph-checkpoint";
import { setOwn } from "../checkpoint/attachments.ts";
import type { Place } from "../checkpoint/keys.ts";
import { type CheckpointLog, recordAt } from "../checkpoint/log.ts";
import type { StoredValue } from "../checkpoint/record.ts";
import { deserialize } from "../checkpoint/values.ts";
import type { OrderedWrite } from "../checkpoint/writes.ts";
import { ancestors, type Listing, openChannels, type Start, supersteps } from "./_ancestors.ts";

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
  let needed = new Set<string>();
  const start = async (listing: Listing): Promise<Start> => {
    // Where this process holds it, it tells first how much is to be listed.
    const [child] = target.id === ""
      ? [await listing.latest()]
      : await Promise.all([recordAt(log, target), log.held(target) || listing.reach(1)]);
    if (child === undefined) return { parent: undefined, told: 0 };
    const [loaded] = await log.load(target.thread, [child.metadata]);
    const metadata = await deserialize(serde, loaded!) as CheckpointMetadata | undefined;
    needed = openChannels(metadata, child.channels.map(({ name }) => name));
    return { parent: child.parent, told: supersteps(metadata, channels) };
  };
  if (unseeded.size > 0) {
    for await (const { record, writes } of ancestors(log, target, start)) {
      // What is over is there for those that depend on it, and for nobody else.
      if (log.ended(record)) {
        for (const name of unseeded) if (!needed.has(name)) unseeded.delete(name);
      }
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
  const told = [...histories].map(([name, { writes, seed }]) => ({
    name,
    seed,
    writes: [...writes].reverse(),
  }));
  const stored = told.flatMap(({ writes, seed }) => [
    ...writes.map(({ value }) => value),
    ...(seed === undefined ? [] : [seed]),
  ]);
  const loaded = await log.load(target.thread, stored);
  const values = (await Promise.all(loaded.map((value) => deserialize(serde, value)))).values();
  const next = () => values.next().value;
  const result: Record<string, DeltaChannelHistory> = {};
  for (const { name, writes, seed } of told) {
    const history: DeltaChannelHistory = {
      writes: writes.map(({ task }): CheckpointPendingWrite => [task, name, next()]),
    };
    if (seed !== undefined) history.seed = next();
    setOwn(result, name, history);
  }
  return result;
}

type Seed = StoredValue | undefined;

function lengthOf({ body, attachments }: StoredValue): number {
  return [body, ...attachments.map(({ body }) => body)].flat()
    .reduce((sum, { length }) => sum + length, 0);
}

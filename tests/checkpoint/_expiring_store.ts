/** A bucket with a lifecycle rule, on a clock of its own. */
import { memoryStore, type ObjectStore } from "@cairn/checkpoint";
import { altered } from "./_stores.ts";

export const HOUR = 60 * 60 * 1000;
export const DAY = 24 * HOUR;

/** A clock that stands still until somebody moves it. */
export class Clock {
  now = Date.UTC(2026, 0, 1);

  /** The clock as a component, off by so many milliseconds. */
  off(by = 0): { now: () => number } {
    return { now: () => this.now + by };
  }
}

/** A bucket whose rule removes objects. */
export interface ExpiringStore {
  readonly store: ObjectStore;
  /** How many objects the rule has removed. */
  readonly removed: () => number;
}

/**
 * A store under a rule that removes objects once they are so many days old.
 * S3 says only that it comes to that at some time: each object meets a fate of
 * its own, at once, late or never, which its key, the time it was written and
 * the seed decide; without a seed, at once. Every request takes a while, and the rule goes on meanwhile.
 */
export function expiringStore(clock: Clock, days: number, seed?: number): ExpiringStore {
  const inner = memoryStore(clock.off());
  const due = new Map<string, number>();
  let removed = 0;
  const meet = (key: string) => {
    const fate = seed === undefined ? 2 : hash(`${seed} ${key} ${clock.now}`);
    const late = fate % 4 === 0 ? Infinity : fate % 4 === 1 ? fate % (60 * DAY) : 0;
    due.set(key, clock.now + days * DAY + late);
  };
  const pass = async () => {
    clock.now += hash(`${seed} ${clock.now}`) % 4_000;
    for (const [key, at] of due) {
      if (at > clock.now) continue;
      due.delete(key);
      removed++;
      await inner.delete([key]);
    }
  };
  const store = altered(inner, {
    async put(key, ...rest) {
      await pass();
      const result = await inner.put(key, ...rest);
      meet(key);
      return result;
    },
    async copy(from, to, options) {
      await pass();
      const result = await inner.copy(from, to, options);
      meet(to);
      return result;
    },
    async get(...args) {
      await pass();
      return await inner.get(...args);
    },
    async head(...args) {
      await pass();
      return await inner.head(...args);
    },
    async *list(options) {
      await pass();
      for await (const page of inner.list(options)) {
        yield page;
        await pass();
      }
    },
    async delete(keys, options) {
      await pass();
      for (const key of keys) due.delete(key);
      await inner.delete(keys, options);
    },
  });
  return { store, removed: () => removed };
}

/** A number that the text alone decides (FNV-1a, finished as murmur3 does). */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) h = Math.imul(h ^ text.charCodeAt(at), 0x01000193);
  h = Math.imul(h ^ h >>> 16, 0x85ebca6b);
  h = Math.imul(h ^ h >>> 13, 0xc2b2ae35);
  return (h ^ h >>> 16) >>> 0;
}

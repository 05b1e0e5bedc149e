/** Random lives of threads under a time to live, as data that fast-check can shrink. */
import fc from "fast-check";
import { someTrouble } from "../checkpoint/_trouble.ts";

/** The days of the time to live, and those of the refresh, on which the waits turn. */
export const DAYS = 30;
export const REFRESH_DAYS = 8;

/** Mostly one and the same: what happens has to meet. */
const lane = fc.constantFrom(0, 0, 0, 0, 1, 2, 3, 4);
const saver = fc.nat(1);
const which = fc.nat(40);
/** What goes wrong, where something does. */
const trouble = fc.option(someTrouble(9), { freq: 6 });

const hours = fc.oneof(
  { arbitrary: fc.constantFrom(1, 6, 24, 24 * 3), weight: 4 },
  {
    // Around the edges: just in time, and just too late.
    arbitrary: fc.constantFrom(
      (REFRESH_DAYS - 0.5) * 24 - 2,
      REFRESH_DAYS * 24 + 1,
      REFRESH_DAYS * 24 + 5,
      (DAYS - REFRESH_DAYS) * 24,
      DAYS * 24 - 13,
      DAYS * 24 - 1,
      DAYS * 24 + 1,
      (DAYS + REFRESH_DAYS) * 24,
    ),
    weight: 5,
  },
  { arbitrary: fc.constantFrom(100 * 24, 400 * 24), weight: 1 },
);

const put = fc.record({
  kind: fc.constant("put" as const),
  lane,
  saver,
  /** From which checkpoint: the newest of the lane, or any, counted from the newest; `null` for none. */
  from: fc.option(fc.oneof(fc.constant(0), fc.constant(0), fc.constant(0), which), { freq: 9 }),
  /** Which channels change, and to what size. */
  changes: fc.dictionary(
    fc.constantFrom("a", "b", "list"),
    fc.constantFrom("small", "large", "large", "huge"),
    { noNullPrototype: true, maxKeys: 2 },
  ),
  /** Whether the delta channel is stored whole. */
  snapshot: fc.oneof({ arbitrary: fc.constant(false), weight: 4 }, {
    arbitrary: fc.constant(true),
    weight: 1,
  }),
  version: fc.constantFrom(4, 4, 4, 3),
  /** Whether its id sorts before those that are there. */
  back: fc.oneof({ arbitrary: fc.constant(false), weight: 7 }, {
    arbitrary: fc.constant(true),
    weight: 1,
  }),
  /** Whether it is put again at once, by the other process. */
  again: fc.oneof({ arbitrary: fc.constant(false), weight: 7 }, {
    arbitrary: fc.constant(true),
    weight: 1,
  }),
  trouble,
});

const write = fc.record({
  kind: fc.constant("write" as const),
  lane,
  saver,
  at: fc.oneof({ arbitrary: fc.constant(0), weight: 4 }, { arbitrary: which, weight: 1 }),
  task: fc.constantFrom("t1", "t2", "t3"),
  channel: fc.constantFrom("log", "log", "__pregel_tasks", "__interrupt__", "__resume__"),
  large: fc.boolean(),
  trouble,
});

/** A thread that somebody comes back to again and again, for months, and little in it changes. */
const routine = fc.record({
  kind: fc.constant("routine" as const),
  lane,
  saver,
  every: fc.constantFrom(30, 120, (REFRESH_DAYS - 0.5) * 24 - 2),
  times: fc.integer({ min: 2, max: 9 }),
  version: fc.constantFrom(4, 4, 4, 3),
});

/** One event of a life. */
export type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

const event = fc.oneof(
  { arbitrary: put, weight: 10 },
  { arbitrary: write, weight: 6 },
  { arbitrary: fc.record({ kind: fc.constant("wait" as const), hours }), weight: 8 },
  { arbitrary: routine, weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant("restart" as const), saver }), weight: 1 },
  {
    arbitrary: fc.record({ kind: fc.constant("prune" as const), lane, saver, trouble }),
    weight: 1,
  },
  {
    arbitrary: fc.record({ kind: fc.constant("copy" as const), lane, saver, trouble }),
    weight: 1,
  },
  {
    arbitrary: fc.record({ kind: fc.constant("deleteThread" as const), lane, saver }),
    weight: 1,
  },
);

/** A life, with what the bucket's rule and the processes are like. */
export interface Life {
  /** Decides the fate of each object. */
  readonly seed: number;
  /** By how many hours the clocks of two processes are off. */
  readonly off: readonly [number, number];
  readonly cacheBytes: number;
  readonly events: readonly Event[];
}

const off = fc.constantFrom(0, 0, -5, 5);

/** Lives of about thirty events, on two threads of two namespaces, over years. */
export const lives: fc.Arbitrary<Life> = fc.record({
  seed: fc.nat(),
  off: fc.tuple(off, off),
  cacheBytes: fc.constantFrom(0, 2_000, 16 * 1024 * 1024, 16 * 1024 * 1024),
  events: fc.array(event, { minLength: 5, maxLength: 45, size: "max" }),
});

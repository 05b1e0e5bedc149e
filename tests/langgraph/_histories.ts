/** Random histories of a saver's operations, as data that fast-check can shrink. */
import fc from "fast-check";
import { conversations, type Trouble, troubles } from "../checkpoint/_trouble.ts";
import { CHANNELS } from "./_model.ts";

/** Characters that escaping, splitting or ordering could go wrong at. */
const odd = fc.string({
  unit: fc.constantFrom(...'aZ09/|:+%.~ -_,\\"?#&é日😀\u0000\n'),
  minLength: 1,
  maxLength: 6,
});

const uuid6 = fc.nat(0xffff).map((number) =>
  `1f0${number.toString(16).padStart(5, "0")}-0000-6000-8000-000000000000`
);

const id = fc.oneof({ arbitrary: uuid6, weight: 3 }, { arbitrary: odd, weight: 1 });

const bytes = fc.uint8Array({ maxLength: 80 });

const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.integer(),
  fc.string({ maxLength: 60 }),
  fc.constantFrom(null, true, undefined, "x".repeat(200), [], {}),
  fc.record({ role: fc.constant("human"), content: fc.string({ maxLength: 20 }), image: bytes }),
  fc.array(fc.oneof(bytes, fc.string({ maxLength: 8 })), { maxLength: 3 }),
  fc.array(fc.tuple(fc.string({ maxLength: 3 }), fc.integer()), { maxLength: 3 })
    .map((entries) => ({ map: new Map(entries), set: new Set(entries.map(([key]) => key)) })),
);

const lane = fc.nat(8);
const saver = fc.nat(1);
/** Which of the checkpoints that are there, counted modulo how many there are. */
const which = fc.nat(100);
const metadata = fc.record({
  source: fc.constantFrom("input", "loop", "update", "fork"),
  step: fc.integer({ min: -1, max: 3 }),
  tag: fc.constantFrom("a", "b", 1, null),
  run_id: fc.constantFrom("run 1", "run 2"),
  // How many updates and supersteps ago a delta channel was stored: true, stale or made up.
  counters_since_delta_snapshot: fc.dictionary(
    fc.constantFrom(...CHANNELS),
    fc.tuple(fc.nat(3), fc.nat(6)),
    { noNullPrototype: true, maxKeys: 3 },
  ),
}, { requiredKeys: ["source", "step", "tag"] });

const writesChannel = fc.constantFrom(
  ...CHANNELS,
  "__pregel_tasks",
  "__error__",
  "__interrupt__",
  "__resume__",
  "__scheduled__",
);

/**
 * One operation on checkpoints with such values; a thread is deleted, and reset
 * to what another one holds, so many times as often as a checkpoint is put again.
 */
function operationOf(value: fc.Arbitrary<unknown>, deletions = 1, resets = 0) {
  const changes = fc.dictionary(
    fc.constantFrom(...CHANNELS),
    fc.oneof(
      { arbitrary: fc.record({ value }), weight: 4 },
      { arbitrary: fc.constant(null), weight: 1 },
    ),
    { noNullPrototype: true },
  ).map((record) => Object.entries(record));
  const put = fc.record({
    kind: fc.constant("put" as const),
    lane,
    saver,
    from: fc.option(which),
    id,
    changes,
    metadata,
    version: fc.constantFrom(4, 4, 4, 3),
    tasks: fc.boolean(),
    tellVersions: fc.constantFrom(true, true, true, false),
  });

  /** A top-level byte array is left to tests of their own: MemorySaver cannot read one back. */
  const putWrites = fc.record({
    kind: fc.constant("putWrites" as const),
    lane,
    saver,
    at: fc.option(which),
    id,
    task: fc.oneof(fc.constantFrom("t1", "t2", "T", "10"), odd),
    path: fc.constantFrom(
      undefined,
      "",
      "~__pregel_pull, b",
      "~__pregel_pull, a",
      "é",
      "😀",
      "\uff5e",
    ),
    writes: fc.array(fc.tuple(writesChannel, value), { maxLength: 4 }),
  });

  return fc.oneof(
    { arbitrary: put, weight: 6 },
    { arbitrary: putWrites, weight: 5 },
    {
      arbitrary: fc.record({
        kind: fc.constant("putAgain" as const),
        lane,
        saver,
        at: which,
        changes: fc.option(changes),
      }),
      weight: 1,
    },
    {
      arbitrary: fc.record({ kind: fc.constant("copy" as const), lane, saver, at: which, id }),
      weight: 1,
    },
    {
      arbitrary: fc.record({
        kind: fc.constant("putOnAbsent" as const),
        lane,
        saver,
        id,
        parent: odd,
        changes,
        metadata,
      }),
      weight: 1,
    },
    {
      arbitrary: fc.record({
        kind: fc.constant("getTuple" as const),
        lane,
        saver,
        at: fc.option(which),
      }),
      weight: 3,
    },
    {
      arbitrary: fc.record({
        kind: fc.constant("list" as const),
        lane,
        saver,
        scope: fc.constantFrom("all", "thread", "namespace", "id"),
        at: which,
        before: fc.option(which),
        limit: fc.option(fc.nat(4)),
        filter: fc.option(fc.record({
          source: fc.constantFrom("loop", "input", "fork"),
          tag: fc.constantFrom("a", 1, null, undefined),
          absent: fc.constant(undefined),
        }, { requiredKeys: [] })),
      }),
      weight: 2,
    },
    {
      arbitrary: fc.record({
        kind: fc.constant("history" as const),
        lane,
        saver,
        at: fc.option(which),
        channels: fc.subarray([...CHANNELS, "nobody's"]),
      }),
      weight: 2,
    },
    {
      arbitrary: fc.record({ kind: fc.constant("deleteThread" as const), lane, saver }),
      weight: deletions,
    },
    {
      arbitrary: fc.record({ kind: fc.constant("reset" as const), lane, saver, target: lane }),
      weight: resets,
    },
    {
      arbitrary: fc.record({ kind: fc.constant("care" as const), lane, saver }),
      weight: resets,
    },
  );
}

/** One operation of a history. */
export type Operation = ReturnType<typeof operationOf> extends fc.Arbitrary<infer T> ? T : never;

/** A history with the threads and namespaces it takes place in, and the savers' settings. */
export interface History {
  readonly threads: readonly string[];
  readonly namespaces: readonly string[];
  readonly inlineLimit: number;
  readonly cacheBytes: number;
  readonly compression: "none" | "gzip";
  readonly operations: readonly Operation[];
}

/** Histories of about fifteen operations on three threads and three namespaces. */
export const histories: fc.Arbitrary<History> = fc.record({
  threads: fc.oneof(
    fc.constant(["1", "10", "1/2"]),
    fc.uniqueArray(odd, { minLength: 3, maxLength: 3 }),
  ),
  namespaces: fc.constantFrom(["", "sub:1", "sub:1|inner:2"], ["", "a", "a|b"], ["", "%", "~"]),
  inlineLimit: fc.constantFrom(0, 48, 16_384),
  cacheBytes: fc.constantFrom(0, 600, 16 * 1024 * 1024),
  compression: fc.oneof(
    { arbitrary: fc.constant("none" as const), weight: 7 },
    { arbitrary: fc.constant("gzip" as const), weight: 1 },
  ),
  operations: fc.array(operationOf(value), { minLength: 5, maxLength: 28, size: "max" }),
});

/** A history in which operations fail. */
export interface TroubledHistory extends History {
  /** What goes wrong with each operation; nothing with those that are over its end. */
  readonly troubles: readonly (Trouble | null)[];
}

/**
 * Histories on few threads, so that two processes meet, with large values that
 * come again and again, so that many a chunk is there already.
 */
const troubledOf = (resets: number): fc.Arbitrary<TroubledHistory> =>
  fc.record({
    threads: fc.constantFrom(["1"], ["1", "10"]),
    namespaces: fc.constantFrom([""], ["", "sub:1"]),
    inlineLimit: fc.constantFrom(0, 48, 16_384),
    cacheBytes: fc.constantFrom(0, 600, 16 * 1024 * 1024, 16 * 1024 * 1024),
    compression: fc.constant("none"),
    operations: fc.array(
      operationOf(
        fc.oneof(
          { arbitrary: value, weight: 3 },
          { arbitrary: fc.constantFrom("y".repeat(100), "z".repeat(100)), weight: 6 },
          { arbitrary: fc.constantFrom(...conversations), weight: 1 },
        ),
        3,
        resets,
      ),
      { minLength: 5, maxLength: 24, size: "max" },
    ),
    troubles,
  });

/** Histories in which operations fail. */
export const troubledHistories: fc.Arbitrary<TroubledHistory> = troubledOf(0);

/** Histories in which operations fail, threads are reset to what another one holds, and somebody takes care of keys. */
export const layeredHistories: fc.Arbitrary<TroubledHistory> = troubledOf(3);

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import {
  copyThread,
  deleteMany,
  memoryStore,
  moveThread,
  type ObjectStore,
  S3Checkpointer,
  saveMany,
} from "@cairn/checkpoint";
import fc from "fast-check";
import { CANCELLED, conversations, OUTAGE, type Process, processOn, troubles } from "./_trouble.ts";
import { etagsOfBytes, noise } from "./_stores.ts";

/** A checkpoint as the model has it. */
interface Known {
  readonly parent: string | undefined;
  readonly metadata: Record<string, unknown>;
  readonly state: unknown;
}

/** What there is, by thread, namespace and id as JSON. */
type World = ReadonlyMap<string, Known>;

type Operate = (checkpointer: S3Checkpointer, signal?: AbortSignal) => Promise<unknown>;

const THREADS = ["1", "10", "1/2"] as const;
const thread = fc.constantFrom(...THREADS);
const namespace = fc.constantFrom("", "", "a");
const id = fc.nat(9).map(String);
const state: fc.Arbitrary<unknown> = fc.oneof(
  fc.integer(),
  fc.record({
    step: fc.nat(3),
    text: fc.constantFrom("y".repeat(100), "z".repeat(100), "short"),
    large: fc.constantFrom(...conversations, noise(70_000, 6), null),
  }, { requiredKeys: ["step"], noNullPrototype: true }),
);
const saving = fc.record({
  thread,
  namespace,
  id,
  parent: fc.option(id),
  metadata: fc.record({ step: fc.nat(3) }, { requiredKeys: [], noNullPrototype: true }),
  state,
});
const process = fc.nat(1);
const operation = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant("save"), process, item: saving }), weight: 6 },
  { arbitrary: fc.record({ kind: fc.constant("load"), process, thread, namespace }), weight: 2 },
  {
    arbitrary: fc.record({
      kind: fc.constant("saveMany"),
      process,
      items: fc.uniqueArray(saving, {
        maxLength: 4,
        selector: ({ thread, namespace, id }) => placeOf(thread, namespace, id),
      }),
    }),
    weight: 1,
  },
  {
    arbitrary: fc.record({ kind: fc.constant("delete"), process, thread, namespace, id }),
    weight: 1,
  },
  { arbitrary: fc.record({ kind: fc.constant("deleteThread"), process, thread }), weight: 2 },
  {
    arbitrary: fc.record({
      kind: fc.constant("deleteMany"),
      process,
      threads: fc.subarray([...THREADS]),
    }),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      kind: fc.constantFrom("copy", "move"),
      process,
      thread,
      target: thread,
    }),
    weight: 2,
  },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const histories = fc.record({
  operations: fc.array(operation, { minLength: 4, maxLength: 20, size: "max" }),
  troubles,
  inlineLimit: fc.constantFrom(48, 16_384),
  cacheBytes: fc.constantFrom(0, 600, 16 * 1024 * 1024, 16 * 1024 * 1024),
});

/** Plays a history to two processes, and to a model that knows no trouble; counts what came of the trouble. */
async function play(
  { operations, troubles, ...options }: typeof histories extends fc.Arbitrary<infer T> ? T : never,
  tally: Record<string, number>,
): Promise<void> {
  const store = etagsOfBytes(memoryStore());
  const begin = (on: ObjectStore) =>
    new S3Checkpointer(on, { ...options, compression: "none", maxOpenRequests: 3 });
  const processes: { on: Process; checkpointer: S3Checkpointer }[] = [];
  const restart = (at: number) => {
    const on = processOn(store);
    processes[at] = { on, checkpointer: begin(on.store) };
  };
  [0, 1].forEach(restart);
  let world: World = new Map();
  for (const [at, operation] of operations.entries()) {
    const trouble = troubles[at];
    const planned = planOf(operation, world);
    if (planned === undefined) continue;
    const { operate, after } = planned;
    const { on, checkpointer } = processes[operation.process]!;
    if (trouble == null) await operate(checkpointer);
    else {
      const controller = new AbortController();
      const { signal } = controller;
      on.arm(trouble, () => trouble.end === "cancelled" && controller.abort(CANCELLED));
      const error = await operate(checkpointer, signal).then(() => undefined, (error) => error);
      const isHit = on.disarm();
      if (isHit) tally[trouble.end]!++;
      if (error !== undefined) {
        assert(isHit && (error === OUTAGE || error === CANCELLED), `${error.stack}`);
        assert.notEqual(trouble.end, "retried", "what is asked again is done");
        if (trouble.end === "dead") restart(operation.process);
        const seen = await worldOf(begin(store));
        tally.between! += compare(seen, world, after, operation) ? 1 : 0;
        const { process } = operation;
        const next = trouble.again === "another" ? 1 - process : process;
        await operate(processes[next]!.checkpointer);
      }
    }
    world = after;
    assert.deepEqual(await worldOf(begin(store)), world);
  }
  for (const { checkpointer } of processes) assert.deepEqual(await worldOf(checkpointer), world);
}

/** What an operation does, and the world after it; nothing where it cannot be done in this one. */
function planOf(
  operation: Operation,
  world: World,
): { operate: Operate; after: World } | undefined {
  const without = (isGone: (thread: string) => boolean) =>
    new Map([...world].filter(([place]) => !isGone(JSON.parse(place)[0])));
  switch (operation.kind) {
    case "save": {
      const { thread, state, ...rest } = operation.item;
      return {
        operate: (checkpointer, signal) => checkpointer.save(thread, state, { ...rest, signal }),
        after: new Map([...world, knownOf(operation.item)]),
      };
    }
    case "saveMany":
      return {
        operate: async (checkpointer, signal) =>
          throwFirst(await saveMany(checkpointer, operation.items, { signal })),
        after: new Map([...world, ...operation.items.map(knownOf)]),
      };
    case "load": {
      const { thread, namespace } = operation;
      const ids = [...world.keys()].map((place) => JSON.parse(place))
        .filter(([one, other]) => one === thread && other === namespace).map(([, , id]) => id);
      const latest = ids.sort().at(-1);
      const known = world.get(placeOf(thread, namespace, latest));
      return {
        operate: async (checkpointer, signal) => {
          const found = await checkpointer.load(thread, { namespace, signal });
          assert.deepEqual(found?.id, latest);
          assert.deepEqual(found?.state, known?.state);
        },
        after: world,
      };
    }
    case "delete": {
      const { thread, namespace, id } = operation;
      const place = placeOf(thread, namespace, id);
      return {
        operate: (checkpointer, signal) => checkpointer.delete(thread, { namespace, id, signal }),
        after: new Map([...world].filter(([other]) => other !== place)),
      };
    }
    case "deleteThread": {
      const { thread } = operation;
      return {
        operate: (checkpointer, signal) => checkpointer.delete(thread, { signal }),
        after: without((other) => other === thread),
      };
    }
    case "deleteMany": {
      const { threads } = operation;
      return {
        operate: async (checkpointer, signal) =>
          throwFirst(await deleteMany(checkpointer, threads, { signal })),
        after: without((other) => threads.some((thread) => thread === other)),
      };
    }
    default: {
      const { kind, thread, target } = operation;
      const copies = [...world].flatMap(([place, known]): [string, Known][] => {
        const [own, namespace, id] = JSON.parse(place);
        return own === thread ? [[placeOf(target, namespace, id), known]] : [];
      });
      if (thread === target || copies.length === 0) return undefined;
      const run = kind === "copy" ? copyThread : moveThread;
      const rest = kind === "copy" ? world : without((other) => other === thread);
      return {
        operate: (checkpointer, signal) =>
          run(checkpointer, thread, target, { onto: "merge", signal }),
        after: new Map([...rest, ...copies]),
      };
    }
  }
}

/** After half an operation: each checkpoint is as before or as after, and what is moved is in one place at least. */
function compare(seen: World, before: World, after: World, operation: Operation): boolean {
  for (const [place, known] of seen) {
    const allowed = [before.get(place), after.get(place)];
    assert(allowed.some((other) => isDeepStrictEqual(other, known)), `${place} is neither`);
  }
  for (const [place, known] of before) {
    if (isDeepStrictEqual(after.get(place), known)) assert(seen.has(place), `${place} is gone`);
    if (operation.kind !== "move") continue;
    const [thread, namespace, id] = JSON.parse(place);
    if (thread !== operation.thread) continue;
    const moved = seen.get(placeOf(operation.target, namespace, id));
    assert(seen.has(place) || isDeepStrictEqual(moved, known), `${place} is nowhere`);
  }
  return !isDeepStrictEqual(seen, before) && !isDeepStrictEqual(seen, after);
}

/** All that there is, as a process reads it. */
async function worldOf(checkpointer: S3Checkpointer): Promise<World> {
  const world = new Map<string, Known>();
  for await (const { thread, namespace, id } of checkpointer.list()) {
    const found = await checkpointer.load(thread, { namespace, id });
    assert(found, `${placeOf(thread, namespace, id)} can be seen, so it can be read`);
    const { parent, metadata, state } = found;
    world.set(placeOf(thread, namespace, id), { parent, metadata, state });
  }
  return world;
}

function knownOf(
  { thread, namespace, id, parent, metadata, state }: {
    thread: string;
    namespace: string;
    id: string;
    parent: string | null;
    metadata: Record<string, unknown>;
    state: unknown;
  },
): [string, Known] {
  // One that is said to come of itself comes of none.
  const above = parent === null || parent === id ? undefined : parent;
  return [placeOf(thread, namespace, id), { parent: above, metadata, state }];
}

function placeOf(thread: string, namespace: string, id: string | undefined): string {
  return JSON.stringify([thread, namespace, id]);
}

function throwFirst(results: readonly { status: string; error?: unknown }[]): void {
  for (const { status, error } of results) if (status !== "done") throw error;
}

Deno.test("S3Checkpointer loses nothing whichever request fails, and what failed is done by doing it again", async () => {
  const tally = { alive: 0, dead: 0, retried: 0, cancelled: 0, between: 0 };
  await fc.assert(
    fc.asyncProperty(histories, (history) => play(history, tally)),
    { numRuns: 150, seed: 20_260_105 },
  );
  const least = { alive: 80, dead: 40, retried: 30, cancelled: 40, between: 10 };
  for (const [what, count] of Object.entries(least)) {
    assert(tally[what as keyof typeof tally] >= count, `${what}: ${JSON.stringify(tally)}`);
  }
});

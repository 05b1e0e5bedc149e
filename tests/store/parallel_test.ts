import fc from "fast-check";
import assert from "node:assert/strict";
import { mapAhead, mapParallel, weighed } from "../../src/store/parallel.ts";

/** A promise that is settled from outside. */
function deferred<T = void>() {
  return Promise.withResolvers<T>();
}

/** Lets everything run that can. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Items that tell when they are asked for and when their source is closed. */
function watched<T>(items: readonly T[]) {
  const seen = { asked: 0, closed: false };
  async function* source(): AsyncGenerator<T> {
    try {
      for (const item of items) {
        seen.asked++;
        yield item;
      }
    } finally {
      seen.closed = true;
    }
  }
  return { seen, source: source() };
}

Deno.test("mapParallel() gives the results in the items' order, whichever is ready first", async () => {
  const gates = [deferred(), deferred(), deferred()];
  const results = mapParallel([0, 1, 2], 3, async (item) => {
    await gates[item]!.promise;
    return item * 10;
  });
  for (const gate of gates.toReversed()) {
    gate.resolve();
    await settled();
  }
  assert.deepEqual(await results, [0, 10, 20]);
});

Deno.test("mapParallel() runs as many at once as it may, and no more", async () => {
  for (const limit of [1, 3, 100]) {
    let [open, most] = [0, 0];
    const results = await mapParallel(Array.from({ length: 10 }).keys(), limit, async (item) => {
      most = Math.max(most, ++open);
      await settled();
      open--;
      return item;
    });
    assert.equal(most, Math.min(limit, 10));
    assert.deepEqual(results, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
});

Deno.test("mapParallel() of nothing is nothing", async () => {
  const never = () => Promise.reject(new Error("called"));
  assert.deepEqual(await mapParallel([], 6, never), []);
});

Deno.test("mapParallel() at the first failure cancels the rest, waits for it and starts no more", async () => {
  const failure = new Error("first");
  const started: number[] = [];
  const ended: number[] = [];
  const work = mapParallel([0, 1, 2, 3, 4], 3, async (item, signal) => {
    started.push(item);
    if (item === 1) throw failure;
    const cancelled = deferred();
    signal.addEventListener("abort", () => cancelled.resolve());
    await cancelled.promise;
    assert.equal(signal.reason, failure);
    await settled();
    ended.push(item);
    throw new Error("a later failure, which is not told");
  });
  await assert.rejects(work, (error) => error === failure);
  assert.deepEqual(ended, [0, 2]);
  assert.deepEqual(started, [0, 1, 2]);
});

Deno.test("mapParallel() rejects with its signal's reason, also where operations do not heed it", async () => {
  const reason = new Error("enough");
  const controller = new AbortController();
  const gate = deferred();
  let calls = 0;
  const work = mapParallel([1, 2, 3], 2, async () => {
    calls++;
    await gate.promise;
  }, controller.signal);
  controller.abort(reason);
  gate.resolve();
  await assert.rejects(work, (error) => error === reason);
  assert.equal(calls, 2);
  const none = mapParallel([1], 1, () => Promise.resolve(calls++), controller.signal);
  await assert.rejects(none, (error) => error === reason);
  await assert.rejects(mapParallel([], 1, () => none, controller.signal), (e) => e === reason);
  assert.equal(calls, 2);
});

Deno.test("mapParallel() cancels nothing once it is done", async () => {
  const signals: AbortSignal[] = [];
  await mapParallel([1, 2], 2, (_, signal) => Promise.resolve(signals.push(signal)));
  assert.deepEqual(signals.map(({ aborted }) => aborted), [false, false]);
});

Deno.test("mapAhead() gives the results in the items' order, ahead by its width and no more", async () => {
  const { seen, source } = watched([0, 1, 2, 3, 4, 5]);
  const gates = Array.from({ length: 6 }, () => deferred());
  const started: number[] = [];
  const walk = mapAhead(() => source, () => 3, async (item) => {
    started.push(item);
    await gates[item]!.promise;
    return item;
  });
  const first = walk.next();
  await settled();
  assert.deepEqual(started, [0, 1, 2]);
  gates[2]!.resolve();
  gates[1]!.resolve();
  await settled();
  assert.deepEqual(started, [0, 1, 2], "the first one has its turn first");
  gates[0]!.resolve();
  assert.deepEqual(await first, { done: false, value: 0 });
  const second = walk.next();
  await settled();
  assert.deepEqual(started, [0, 1, 2, 3]);
  assert.deepEqual(await second, { done: false, value: 1 });
  for (const gate of gates) gate.resolve();
  assert.deepEqual(await Array.fromAsync(walk), [2, 3, 4, 5]);
  assert(seen.closed);
});

Deno.test("mapAhead() asks for nothing before it is walked", async () => {
  const { seen, source } = watched([1]);
  const walk = mapAhead(() => source, () => 2, (item) => Promise.resolve(item));
  await settled();
  assert.equal(seen.asked, 0);
  assert.deepEqual(await Array.fromAsync(walk), [1]);
});

Deno.test("mapAhead(), left early, cancels what is under way, waits for it and closes its source", async () => {
  const { seen, source } = watched([0, 1, 2, 3, 4]);
  const cancelled: number[] = [];
  for await (
    const item of mapAhead(() => source, () => 3, async (item, signal) => {
      if (item === 0) return item;
      const aborted = deferred();
      signal.addEventListener("abort", () => aborted.resolve());
      await aborted.promise;
      await settled();
      cancelled.push(item);
      throw signal.reason;
    })
  ) {
    assert.equal(item, 0);
    await settled();
    break;
  }
  assert.deepEqual(cancelled, [1, 2]);
  assert.deepEqual(seen, { asked: 3, closed: true });
});

Deno.test("mapAhead() throws a failure when its turn comes, and not before", async () => {
  const failure = new Error("second");
  const { seen, source } = watched([0, 1, 2]);
  const given: number[] = [];
  const walk = async () => {
    const results = mapAhead(
      () => source,
      () => 3,
      (item) => item === 1 ? Promise.reject(failure) : settled().then(() => item),
    );
    for await (const item of results) given.push(item);
  };
  await assert.rejects(walk(), (error) => error === failure);
  assert.deepEqual(given, [0]);
  assert(seen.closed);
});

Deno.test("mapAhead() gives each result as soon as it is there, while its source goes on", async () => {
  const more = deferred();
  async function* source() {
    yield 1;
    await more.promise;
    yield 2;
  }
  const walk = mapAhead(source, () => 10, (item) => Promise.resolve(item));
  assert.deepEqual(await walk.next(), { done: false, value: 1 });
  more.resolve();
  assert.deepEqual(await Array.fromAsync(walk), [2]);
});

Deno.test("mapAhead() begins no more while what is ahead weighs 1, but always the reader's own", async () => {
  const { seen, source } = watched([0.25, 0.5, 0.25, 3, 0.125, 0.125]);
  const gates = new Map<number, () => void>();
  const walk = mapAhead(
    () => source,
    () => 10,
    async (item) => {
      const gate = deferred();
      gates.set(seen.asked, gate.resolve);
      await gate.promise;
      return item;
    },
    undefined,
    (item) => item,
  );
  const steps = [[3, 0.25], [4, 0.5], [4, 0.25], [4, 3], [6, 0.125], [6, 0.125]] as const;
  for (const [at, [asked, value]] of steps.entries()) {
    const next = walk.next();
    await settled();
    assert.equal(seen.asked, asked, `at ${at}`);
    gates.get(at + 1)!();
    assert.deepEqual(await next, { done: false, value });
  }
  assert.deepEqual(await walk.next(), { done: true, value: undefined });
});

Deno.test("mapAhead() passes on its source's failure when its turn comes", async () => {
  const failure = new Error("no more");
  async function* source() {
    yield 1;
    await settled();
    throw failure;
  }
  const given: number[] = [];
  const walk = mapAhead(source, () => 3, async (item) => {
    await settled();
    await settled();
    return item;
  });
  const all = async () => {
    for await (const item of walk) given.push(item);
  };
  await assert.rejects(all(), (error) => error === failure);
  assert.deepEqual(given, [1]);
});

Deno.test("mapAhead(), left early, cancels its source too, and begins nothing any more", async () => {
  const cancelled = deferred();
  const started: number[] = [];
  async function* source(signal: AbortSignal) {
    yield 1;
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    cancelled.resolve();
    yield 2;
  }
  for await (const _ of mapAhead(source, () => 3, (item) => Promise.resolve(started.push(item)))) {
    break;
  }
  await cancelled.promise;
  assert.deepEqual(started, [1]);
});

Deno.test("mapAhead() that is cancelled rejects, also where its source does not heed it", async () => {
  const reason = new Error("enough");
  const controller = new AbortController();
  async function* source() {
    for (const item of [1, 2, 3]) {
      await settled();
      yield item;
    }
  }
  const same = (item: number) => Promise.resolve(item);
  const walk = mapAhead(source, () => 1, same, controller.signal);
  assert.deepEqual(await walk.next(), { done: false, value: 1 });
  controller.abort(reason);
  await assert.rejects(walk.next(), (error) => error === reason);
});

Deno.test("mapAhead() passes its signal on to the operations", async () => {
  const reason = new Error("enough");
  const controller = new AbortController();
  const { seen, source } = watched([1, 2]);
  const walk = mapAhead(() => source, () => 2, (_, signal) => {
    const end = deferred<number>();
    signal.addEventListener("abort", () => end.reject(signal.reason));
    return end.promise;
  }, controller.signal);
  const first = walk.next();
  await settled();
  controller.abort(reason);
  await assert.rejects(first, (error) => error === reason);
  assert(seen.closed);
});

Deno.test("weighed() lets through what weighs no more than the most together, and what weighs more alone", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ weight: fc.integer({ min: 0, max: 15 }), fails: fc.boolean() })),
      async (items) => {
        const through = weighed(10);
        let sum = 0, count = 0, done = 0;
        const operation = ({ weight, fails }: typeof items[number]) => async () => {
          sum += weight;
          count++;
          assert(sum <= 10 || count === 1 || sum === weight, `${sum} by ${count}`);
          for (let turn = 0; turn < weight % 4; turn++) await Promise.resolve();
          sum -= weight;
          count--;
          done++;
          if (fails) throw new Error("no");
        };
        const results = await Promise.allSettled(
          items.map((item) => through(item.weight, operation(item))),
        );
        assert.equal(done, items.length);
        assert.deepEqual(
          results.map(({ status }) => status === "rejected"),
          items.map(({ fails }) => fails),
        );
      },
    ),
  );
});

Deno.test("weighed() lets more through once what is under way weighs less", async () => {
  const through = weighed(10);
  const lighter = deferred<void>();
  const end = deferred<void>();
  const order: string[] = [];
  const first = through(8, async (weigh) => {
    await lighter.promise;
    weigh(2);
    order.push("lighter");
    await end.promise;
    order.push("end");
  });
  const second = through(8, () => Promise.resolve(order.push("second")));
  const third = through(10, () => Promise.resolve(order.push("third")));
  await settled();
  assert.deepEqual(order, []);
  lighter.resolve();
  await second;
  assert.deepEqual(order, ["lighter", "second"]);
  await settled();
  end.resolve();
  await Promise.all([first, third]);
  assert.deepEqual(order, ["lighter", "second", "end", "third"]);
});

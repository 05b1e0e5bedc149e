import assert from "node:assert/strict";
import fc from "fast-check";
import {
  AccessError,
  createPolicy,
  InvalidInputError,
  NotFoundError,
  type Policy,
  type PolicyOptions,
  type RetryOptions,
  ThrottledError,
  TimeoutError,
  UnavailableError,
} from "@cairn/checkpoint";

/** A policy on a clock of its own that only its waits move on, and those waits. */
function timed(options: PolicyOptions = {}, random: () => number = () => 1) {
  const waits: number[] = [];
  let time = 0;
  const policy = createPolicy(options, {
    random,
    now: () => time,
    sleep: (milliseconds) => {
      waits.push(milliseconds);
      time += milliseconds;
      return Promise.resolve();
    },
  });
  return { policy, waits, pass: (milliseconds: number) => void (time += milliseconds) };
}

const busy = () => new UnavailableError("busy");
const never = () => new Promise<never>(() => {});

async function attemptsOf(policy: Policy, error: unknown): Promise<number> {
  let attempts = 0;
  await assert.rejects(
    policy.run(() => {
      attempts++;
      return Promise.reject(error);
    }),
    (thrown) => thrown === error,
  );
  return attempts;
}

Deno.test("Policy.run() tries again what may succeed, and nothing else", async () => {
  const options = { retry: { maxAttempts: 3 } };
  for (const error of [busy(), new ThrottledError("slow down"), new TimeoutError("late")]) {
    assert.equal(await attemptsOf(timed(options).policy, error), 3);
  }
  const final = [new AccessError("403"), new NotFoundError("404"), new Error("busy"), "busy"];
  for (const error of final) assert.equal(await attemptsOf(timed(options).policy, error), 1);
});

Deno.test("Policy.run() numbers its attempts and stops at the first success", async () => {
  const { policy, waits } = timed();
  const numbers: number[] = [];
  const answer = await policy.run((_signal, number) => {
    numbers.push(number);
    return number === 3 ? Promise.resolve("done") : Promise.reject(busy());
  });
  assert.equal(answer, "done");
  assert.deepEqual(numbers, [1, 2, 3]);
  assert.equal(waits.length, 2);
});

Deno.test("Policy.run() doubles the ceiling of its waits up to the longest", async () => {
  const { policy, waits } = timed({ retry: { maxAttempts: 7, baseDelay: 100, maxDelay: 1_000 } });
  await attemptsOf(policy, busy());
  assert.deepEqual(waits, [100, 200, 400, 800, 1_000, 1_000]);
});

Deno.test("Policy.run() waits a random time between nothing and the ceiling", async () => {
  const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  await fc.assert(
    fc.asyncProperty(fc.array(fraction, { minLength: 4, maxLength: 4 }), async (all) => {
      let index = 0;
      const { policy, waits } = timed(
        { retry: { baseDelay: 50, maxDelay: 300 } },
        () => all[index++]!,
      );
      await attemptsOf(policy, busy());
      assert.deepEqual(
        waits,
        [50, 100, 200, 300].map((ceiling, i) => ceiling * all[i]!),
      );
    }),
  );
});

Deno.test("Policy.run() waits at least as long as the store asks, also past the longest wait", async () => {
  for (
    const error of [
      new ThrottledError("slow down", { retryAfter: 30_000 }),
      new UnavailableError("down", { retryAfter: 30_000 }),
    ]
  ) {
    const { policy, waits } = timed({ retry: { maxAttempts: 3, maxDelay: 1_000 } });
    await attemptsOf(policy, error);
    assert.deepEqual(waits, [30_000, 30_000]);
  }
});

Deno.test("Policy.run() gives up at once where the next wait would pass the deadline", async () => {
  const late = new ThrottledError("slow down", { retryAfter: 10_000 });
  const asked = timed({ timeout: 10_000 });
  assert.equal(await attemptsOf(asked.policy, late), 1);
  assert.deepEqual(asked.waits, []);

  const slow = timed({ timeout: 1_000, retry: { baseDelay: 100, maxAttempts: 50 } });
  let attempts = 0;
  await assert.rejects(
    slow.policy.run(() => {
      attempts++;
      slow.pass(300);
      return Promise.reject(busy());
    }),
    UnavailableError,
  );
  // 300 + 100 + 300 + 200 = 900; the third ends at 1,200.
  assert.equal(attempts, 3);
});

Deno.test("Policy.run() ends an attempt that takes too long, and tries again", async () => {
  const { policy } = timed({ attemptTimeout: 5, retry: { maxAttempts: 2 } });
  const signals: AbortSignal[] = [];
  await assert.rejects(
    policy.run((signal) => {
      signals.push(signal);
      return never();
    }),
    (error) => error instanceof TimeoutError && error.limit === 5,
  );
  assert.equal(signals.length, 2);
  for (const { aborted, reason } of signals) assert(aborted && reason instanceof TimeoutError);
});

Deno.test("Policy.run() bounds an attempt by what is left of the whole time", async () => {
  const { policy } = timed({ attemptTimeout: 60_000, timeout: 5, retry: { maxAttempts: 1 } });
  await assert.rejects(
    policy.run(never),
    (error) => error instanceof TimeoutError && error.limit === 5,
  );
});

Deno.test("Policy.run() takes times without an end", async () => {
  const policy = createPolicy({ attemptTimeout: Infinity, timeout: Infinity });
  const answer = policy.run(() => new Promise((resolve) => setTimeout(() => resolve("done"), 5)));
  assert.equal(await answer, "done");
});

Deno.test("Policy.run() rejects with the reason of its signal", async () => {
  const reason = { why: "enough" };
  const policy = createPolicy({ retry: { baseDelay: 60_000 } });
  const before = policy.run(never, AbortSignal.abort(reason));
  await assert.rejects(before, (error) => error === reason);

  const during = new AbortController();
  let inner: AbortSignal | undefined;
  const running = policy.run((signal) => {
    inner = signal;
    return never();
  }, during.signal);
  queueMicrotask(() => during.abort(reason));
  await assert.rejects(running, (error) => error === reason);
  assert.equal(inner?.reason, reason);

  const waiting = new AbortController();
  const delayed = createPolicy({ retry: { baseDelay: 60_000 } }, { random: () => 0.9 })
    .run(() => {
      setTimeout(() => waiting.abort(reason), 1);
      return Promise.reject(busy());
    }, waiting.signal);
  await assert.rejects(delayed, (error) => error === reason);
});

Deno.test("Policy.run() opens no more requests than it may, and in the order they came", async () => {
  const policy = createPolicy({ maxOpenRequests: 3 });
  const started: number[] = [];
  let open = 0, most = 0;
  await Promise.all(Array.from({ length: 20 }, (_, index) =>
    policy.run(async () => {
      started.push(index);
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, index % 3));
      open--;
    })));
  assert.equal(most, 3);
  assert.deepEqual(started, Array.from({ length: 20 }, (_, index) => index));
});

Deno.test("Policy.run() lets one that is cancelled leave the queue, and others pass", async () => {
  const policy = createPolicy({ maxOpenRequests: 1 });
  const { promise: held, resolve: release } = Promise.withResolvers<string>();
  const first = policy.run(() => held);
  const controller = new AbortController();
  let started = false;
  const second = policy.run(() => {
    started = true;
    return Promise.resolve("second");
  }, controller.signal);
  const third = policy.run(() => Promise.resolve("third"));
  controller.abort(new Error("left the queue"));
  await assert.rejects(second, /left the queue/);
  release("first");
  assert.deepEqual(await Promise.all([first, third]), ["first", "third"]);
  assert.equal(started, false);
});

Deno.test("Policy.run() lets go of its place when a request fails", async () => {
  const policy = createPolicy({ maxOpenRequests: 1, retry: { maxAttempts: 1 } });
  for (let i = 0; i < 3; i++) await assert.rejects(policy.run(() => Promise.reject(busy())));
  assert.equal(await policy.run(() => Promise.resolve("free")), "free");
});

Deno.test("createPolicy() refuses limits that cannot be, and quotes them", () => {
  const wrong: PolicyOptions[] = [
    { attemptTimeout: 0 },
    { timeout: -1 },
    { timeout: NaN },
    { maxOpenRequests: 0 },
    { maxOpenRequests: 1.5 },
    { maxOpenRequests: "6" as unknown as number },
    { retry: { maxAttempts: 0 } },
    { retry: { baseDelay: -5 } },
    { retry: { maxDelay: NaN } },
    { retry: false as unknown as RetryOptions },
    { retry: 5 as unknown as RetryOptions },
  ];
  for (const options of wrong) {
    const isNested = typeof options.retry === "object";
    const [name, value] = Object.entries(isNested ? options.retry! : options)[0]!;
    assert.throws(() => createPolicy(options), (error) => {
      assert(error instanceof InvalidInputError);
      assert(error.message.includes(name) && error.message.includes(String(value)));
      return true;
    });
  }
});

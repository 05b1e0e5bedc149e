import assert from "node:assert/strict";
import fc from "fast-check";
import {
  AccessError,
  InvalidInputError,
  memoryStore,
  observed,
  UnavailableError,
} from "@cairn/checkpoint";
import { cloudWatchClient } from "@cairn/checkpoint/edge";
import {
  cloudWatchMetrics,
  type CloudWatchMetricsOptions,
  type PutMetricDataInput,
} from "@cairn/checkpoint/metrics";
import { anyEvent, eventOf } from "./_events.ts";

/** CloudWatch, played: it notes what it is sent, and may fail. */
function played(options: Partial<CloudWatchMetricsOptions> = {}) {
  const calls: PutMetricDataInput[] = [];
  let error: unknown;
  const metrics = cloudWatchMetrics({
    client: {
      putMetricData: (input) => {
        if (error !== undefined) return Promise.reject(error);
        calls.push(input);
        return Promise.resolve();
      },
    },
    ...options,
  });
  return { metrics, calls, fail: (next?: unknown) => void (error = next) };
}

/** All values that were sent of a metric, each as often as it occurred. */
function valuesOf(calls: readonly PutMetricDataInput[], name: string): number[] {
  return calls.flatMap(({ MetricData }) => MetricData).filter(({ MetricName }) =>
    MetricName === name
  ).flatMap(({ Values, Counts }) =>
    Values.flatMap((value, at) => Array<number>(Counts[at]!).fill(value))
  );
}

Deno.test("cloudWatchMetrics() gathers values by metric and minute, and sends them at a flush", async () => {
  const { metrics, calls } = played({ namespace: "Agents", dimensions: { Service: "a" } });
  const minute = Date.UTC(2026, 0, 1);
  for (const [after, waited] of [[0, 5], [10_000, 5], [20_000, 7.25], [61_000, 5]] as const) {
    metrics.observer(eventOf({ startedAt: minute + after, milliseconds: 100, waited, bytes: 3 }));
  }
  assert.equal(calls.length, 0);
  await metrics.flush();
  assert.equal(calls.length, 1);
  assert.equal(calls[0]!.Namespace, "Agents");
  const latencies = calls[0]!.MetricData.filter(({ MetricName }) => MetricName === "Latency");
  const Dimensions = [
    { Name: "Service", Value: "a" },
    { Name: "Operation", Value: "put" },
    { Name: "KeyClass", Value: "none" },
  ];
  const common = { MetricName: "Latency", Dimensions, Unit: "Milliseconds" };
  assert.deepEqual(latencies, [
    { ...common, Timestamp: new Date(minute + 100), Values: [5, 7.3], Counts: [2, 1] },
    { ...common, Timestamp: new Date(minute + 61_100), Values: [5], Counts: [1] },
  ]);
  assert.deepEqual(valuesOf(calls, "BytesSent"), [3, 3, 3, 3]);
  await metrics.flush();
  assert.equal(calls.length, 1); // nothing is sent twice
  await metrics[Symbol.asyncDispose]();
});

Deno.test("cloudWatchMetrics() keeps CloudWatch's limits and loses no value, whatever comes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEvent, { maxLength: 400 }), async (events) => {
      const { metrics, calls } = played({ by: ["Operation", "KeyClass", "Outcome", "Store"] });
      for (const event of events) metrics.observer(event);
      await metrics.flush();
      for (const call of calls) {
        assert(call.MetricData.length >= 1 && call.MetricData.length <= 1_000);
        assert(new TextEncoder().encode(JSON.stringify(call)).length <= 1_000_000);
        for (const { Values, Counts, Dimensions } of call.MetricData) {
          assert(Values.length >= 1 && Values.length <= 150 && Values.length === Counts.length);
          assert.equal(new Set(Values).size, Values.length);
          assert(Dimensions.length <= 30);
          for (const { Value } of Dimensions) assert(/^[\x20-\x7e]{1,1024}$/.test(Value));
        }
      }
      assert.deepEqual(
        valuesOf(calls, "Retries").sort(),
        events.map(({ retries }) => retries).sort(),
      );
      assert.equal(valuesOf(calls, "Latency").length, events.length);
      assert.equal(metrics.dropped, 0);
    }),
    { numRuns: 40 },
  );
});

Deno.test("cloudWatchMetrics() goes on with another datum after 150 values", async () => {
  const { metrics, calls } = played();
  for (let i = 0; i < 400; i++) metrics.observer(eventOf({ waited: i }));
  await metrics.flush();
  const latencies = calls[0]!.MetricData.filter(({ MetricName }) => MetricName === "Latency");
  assert.deepEqual(latencies.map(({ Values }) => Values.length), [150, 150, 100]);
});

Deno.test("cloudWatchMetrics() sends by itself, at its interval, and nothing where there is nothing", async () => {
  const { metrics, calls } = played({ interval: 5 });
  const until = async (count: number) => {
    for (let i = 0; i < 5_000 && calls.length < count; i++) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(calls.length, count);
  };
  metrics.observer(eventOf());
  await until(1);
  metrics.observer(eventOf());
  await until(2);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(calls.length, 2);
});

Deno.test("cloudWatchMetrics() sends at once where a call is full", async () => {
  const { metrics, calls } = played({ by: ["Store"] });
  for (let i = 0; i < 250; i++) {
    metrics.observer(eventOf({ store: `store ${i}`, operation: "put" }));
  }
  assert.equal(calls.length, 1);
  assert.equal(calls[0]!.MetricData.length, 1_000);
  await metrics[Symbol.asyncDispose]();
  assert.equal(calls.length, 1);
});

Deno.test("cloudWatchMetrics() cuts what is too much for one call by its length as a form", async () => {
  const forms: string[] = [];
  const client = cloudWatchClient({
    region: "eu-central-1",
    credentials: { accessKeyId: "id", secretAccessKey: "secret" },
    fetch: (_, init) => {
      forms.push(String(init?.body));
      return Promise.resolve(new Response("<PutMetricDataResponse/>"));
    },
  });
  const metrics = cloudWatchMetrics({ client, by: ["Store"] });
  for (let i = 0; i < 30_000; i++) {
    const store = `${i % 200} `.padEnd(1_024, "/");
    metrics.observer(eventOf({ store, waited: 1e6 + i / 10, bytes: 1e15 + i }));
  }
  await metrics.flush();
  assert(forms.length > 1);
  // Each close to the 1 MB that are allowed, and none beyond.
  for (const form of forms) assert(form.length <= 1_000_000, `${form.length}`);
  assert(Math.max(...forms.map((form) => form.length)) > 400_000);
  const sent = forms.map((form) => form.match(/\.Counts\.member\.\d+=/g)?.length ?? 0);
  const values = 30_000 + 200 + 200 + 30_000; // latencies, no failure, no retry, bytes
  assert.equal(sent.reduce((sum, count) => sum + count, 0), values);
  await metrics[Symbol.asyncDispose]();
});

Deno.test("cloudWatchMetrics() holds what could not be sent, and sends it first the next time", async () => {
  const { metrics, calls, fail } = played();
  fail(new UnavailableError("503"));
  metrics.observer(eventOf({ waited: 1 }));
  await assert.rejects(metrics.flush(), UnavailableError);
  metrics.observer(eventOf({ waited: 2 }));
  fail(new AccessError("403"));
  await assert.rejects(metrics.flush(), AccessError);
  fail();
  await metrics.flush();
  assert.deepEqual(valuesOf(calls, "Latency"), [1, 2]);
  assert.equal(metrics.dropped, 0);
  await metrics[Symbol.asyncDispose]();
});

Deno.test("cloudWatchMetrics() drops what CloudWatch refuses as malformed, and counts it", async () => {
  for (
    const error of [
      new InvalidInputError("400"),
      Object.assign(new Error("x"), { name: "InvalidParameterValueException" }),
    ]
  ) {
    const { metrics, calls, fail } = played();
    fail(error);
    metrics.observer(eventOf());
    await assert.rejects(metrics.flush(), (thrown) => thrown === error);
    assert.equal(metrics.dropped, 4);
    fail();
    await metrics.flush();
    assert.equal(calls.length, 0);
  }
});

Deno.test("cloudWatchMetrics() drops the oldest where too much is held, and counts it", async () => {
  const { metrics, calls, fail } = played({ maxData: 8, by: ["Store"] });
  for (let i = 0; i < 5; i++) metrics.observer(eventOf({ store: `store ${i}` }));
  assert.equal(metrics.dropped, 12);
  fail(new UnavailableError("503"));
  await assert.rejects(metrics.flush());
  metrics.observer(eventOf({ store: "store 5" }));
  assert.equal(metrics.dropped, 16);
  fail();
  await metrics.flush();
  const stores = calls[0]!.MetricData.map(({ Dimensions }) => Dimensions[0]!.Value);
  assert.deepEqual([...new Set(stores)], ["store 4", "store 5"]);
  await metrics[Symbol.asyncDispose]();
});

Deno.test("cloudWatchMetrics() begins anew with a metric whose values were dropped", async () => {
  const { metrics, calls } = played({ maxData: 4, by: ["Store"] });
  for (const store of ["a", "b", "a"]) metrics.observer(eventOf({ store }));
  await metrics.flush();
  const stores = calls[0]!.MetricData.map(({ Dimensions }) => Dimensions[0]!.Value);
  assert.deepEqual(new Set(stores), new Set(["a"]));
  assert.equal(metrics.dropped, 8);
});

Deno.test("cloudWatchMetrics() does not call at each operation while CloudWatch is down", async () => {
  let calls = 0;
  const errors: unknown[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const metrics = cloudWatchMetrics({
    client: { putMetricData: () => Promise.reject(new UnavailableError(`${++calls}`)) },
    by: ["Store"],
    interval: 60_000,
    onError: (error) => {
      errors.push(error);
      resolve();
      throw new Error("listener");
    },
  });
  for (let i = 0; i < 250; i++) metrics.observer(eventOf({ store: `${i}` }));
  await promise;
  for (let i = 0; i < 500; i++) metrics.observer(eventOf({ store: `again ${i}` }));
  assert.equal(calls, 1);
  assert.equal(errors.length, 1);
  await assert.rejects(metrics[Symbol.asyncDispose](), UnavailableError);
});

Deno.test("cloudWatchMetrics() waits at a flush for what is on its way already", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let done = 0;
  const metrics = cloudWatchMetrics({
    client: { putMetricData: () => promise.then(() => void done++) },
  });
  metrics.observer(eventOf());
  const first = metrics.flush();
  const second = metrics.flush().then(() => done);
  resolve();
  assert.equal(await second, 1);
  await first;
});

Deno.test("cloudWatchMetrics() sends what is left when it is disposed of, and notes no more", async () => {
  const { metrics, calls } = played();
  {
    await using scoped = metrics;
    await observed(memoryStore(), scoped.observer).put("key", new Uint8Array(3));
  }
  assert.deepEqual(valuesOf(calls, "BytesSent"), [3]);
  metrics.observer(eventOf());
  assert.equal(metrics.dropped, 4);
  await metrics.flush();
  assert.equal(calls.length, 1);
});

Deno.test("cloudWatchMetrics() lets the process end", async () => {
  const program = `
    import { memoryStore, observed } from "@cairn/checkpoint";
    import { cloudWatchMetrics } from "@cairn/checkpoint/metrics";
    const client = { putMetricData: () => Promise.resolve() };
    const metrics = cloudWatchMetrics({ client });
    await observed(memoryStore(), metrics.observer).put("key", new Uint8Array(3));
  `;
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=ts", program],
    cwd: new URL("../..", import.meta.url).pathname,
    signal: AbortSignal.timeout(30_000),
  }).output();
  assert.equal(code, 0);
});

Deno.test("cloudWatchMetrics() refuses options that cannot be", () => {
  const client = { putMetricData: () => Promise.resolve() };
  const wrong: [object, RegExp][] = [
    [{}, /client/],
    [{ client: {} }, /client/],
    [{ client, interval: 0 }, /interval/],
    [{ client, interval: 2 ** 31 }, /interval/],
    [{ client, maxData: 0 }, /maxData/],
    [{ client, namespace: "AWS/x" }, /namespace/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(
      () => cloudWatchMetrics(options as CloudWatchMetricsOptions),
      (error) => error instanceof InvalidInputError && message.test(error.message),
    );
  }
});

import assert from "node:assert/strict";
import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import {
  getBytes,
  InvalidInputError,
  keyClass,
  memoryStore,
  NotFoundError,
  type ObjectStore,
  observed,
  S3Checkpointer,
  ThrottledError,
  UnavailableError,
} from "@cairn/checkpoint";
import { openTelemetry, type OpenTelemetryOptions } from "@cairn/checkpoint/metrics";
import { faultyStore } from "@cairn/checkpoint/testing";
import { withStore } from "../edge/_fixture.ts";
import { failure, STORED } from "../sdk/_fixture.ts";
import { eventOf, OUTCOMES } from "./_events.ts";

const bytes = new Uint8Array(10);

/** OpenTelemetry's own SDK, with what it exports. */
function telemetry(options: Partial<OpenTelemetryOptions> = {}) {
  const spans = new InMemorySpanExporter();
  const tracers = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter: spans })],
  });
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 });
  const meters = new MeterProvider({ readers: [reader] });
  const tracer = tracers.getTracer("test");
  return {
    tracer,
    spans,
    observer: openTelemetry({ tracer, meter: meters.getMeter("test"), ...options }),
    async metrics() {
      await reader.forceFlush();
      const [last] = exporter.getMetrics().slice(-1);
      return Object.fromEntries(
        last!.scopeMetrics.flatMap(({ metrics }) => metrics).map((
          one,
        ) => [one.descriptor.name, one]),
      );
    },
    async end() {
      await meters.shutdown();
      await tracers.shutdown();
    },
  };
}

Deno.test("openTelemetry() makes a span of each operation, by the conventions for S3", async () => {
  const { observer, spans, end } = telemetry({ bucket: "state", region: "eu-central-1" });
  await withStore(
    (_, number) =>
      number === 1
        ? failure(503, "SlowDown")
        : number === 2
        ? { ...STORED, headers: { ...STORED.headers, "x-amz-request-id": "R2" } }
        : failure(403, "AccessDenied", { "x-amz-request-id": "R3" }),
    async (inner) => {
      const store = observed(inner, observer, { classify: keyClass });
      const before = Date.now();
      await store.put("key", bytes);
      await assert.rejects(store.delete(["key"]));
      const [put, remove] = spans.getFinishedSpans();
      assert.equal(put!.name, "S3.PutObject");
      assert.equal(put!.kind, SpanKind.CLIENT);
      assert.equal(put!.status.code, SpanStatusCode.UNSET);
      assert.deepEqual(put!.attributes, {
        "rpc.system.name": "aws-api",
        "rpc.system": "aws-api",
        "rpc.service": "S3",
        "rpc.method": "PutObject",
        "aws.s3.bucket": "state",
        "aws.request_id": "R2",
        "cloud.region": "eu-central-1",
        "cairn.store": 's3 bucket "state"',
        "cairn.key_class": "other",
        "cairn.keys": 1,
        "cairn.bytes": 10,
        "cairn.attempts": 2,
        "cairn.retries": 1,
        "cairn.outcome": "ok",
      });
      const started = put!.startTime[0] * 1000 + put!.startTime[1] / 1e6;
      assert(started >= before - 1 && started <= Date.now());
      assert(put!.duration[0] * 1000 + put!.duration[1] / 1e6 < Date.now() - before + 5);

      assert.equal(remove!.name, "S3.DeleteObject");
      assert.equal(remove!.status.code, SpanStatusCode.ERROR);
      assert.equal(remove!.status.message, undefined); // it would name the key
      const attributes = remove!.attributes;
      assert.equal(attributes["error.type"], "AccessDenied");
      assert.equal(attributes["rpc.status_code"], "AccessDenied");
      assert.equal(attributes["http.response.status_code"], 403);
      assert.equal(attributes["aws.request_id"], "R3");
      assert.equal(attributes["cairn.outcome"], "access");
    },
  );
  await end();
});

Deno.test("openTelemetry() names each operation as S3 does, and makes nothing of a presign", async () => {
  const { observer, spans, end } = telemetry();
  const store = observed(memoryStore(), observer);
  await store.put("a", bytes);
  await getBytes(store, "a");
  await store.head("a");
  await store.copy("a", "b");
  await Array.fromAsync(store.list());
  await assert.rejects(store.presign("a", { method: "GET", expiresIn: 1 }));
  await store.delete(["a", "b"]);
  assert.deepEqual(spans.getFinishedSpans().map(({ name }) => name), [
    "S3.PutObject",
    "S3.GetObject",
    "S3.HeadObject",
    "S3.CopyObject",
    "S3.ListObjectsV2",
    "S3.DeleteObjects",
  ]);
  await end();
});

Deno.test("openTelemetry() takes other stores' names", async () => {
  const { observer, spans, end } = telemetry({ system: "cloudflare-r2", service: "R2" });
  await observed(memoryStore(), observer).put("a", bytes);
  const [span] = spans.getFinishedSpans();
  assert.equal(span!.name, "R2.PutObject");
  assert.equal(span!.attributes["rpc.system.name"], "cloudflare-r2");
  await end();
});

Deno.test("openTelemetry() puts its spans under the one that is active", async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const { tracer, observer, spans, end } = telemetry();
  try {
    const checkpointer = new S3Checkpointer(observed(memoryStore(), observer));
    await tracer.startActiveSpan("step", async (step) => {
      await checkpointer.save("thread-1", { step: 1 });
      await new S3Checkpointer(observed(memoryStore(), observer)).load("thread-1");
      step.end();
    });
    const finished = spans.getFinishedSpans();
    const step = finished.find(({ name }) => name === "step")!;
    const others = finished.filter((span) => span !== step);
    assert(others.length >= 2);
    for (const { parentSpanContext } of others) {
      assert.equal(parentSpanContext?.spanId, step.spanContext().spanId);
    }
  } finally {
    context.disable();
    trace.disable();
    await end();
  }
});

Deno.test("openTelemetry() measures durations in seconds, bytes and retries", async () => {
  const { observer, metrics, spans, end } = telemetry();
  observer(eventOf({ milliseconds: 120, bytes: 10, retries: 2, keyClass: "chunk" }));
  observer(eventOf({ milliseconds: 40, bytes: 5, keyClass: "chunk" }));
  observer(eventOf({ operation: "get", bytes: 7 }));
  observer(eventOf({ operation: "get", outcome: "throttled", code: "SlowDown", status: 503 }));
  const all = await metrics();
  const duration = all["rpc.client.call.duration"]!;
  assert.equal(duration.descriptor.unit, "s");
  const points = duration.dataPoints.map(({ attributes, value }) => ({
    attributes,
    value: value as unknown as {
      count: number;
      sum: number;
      buckets: { boundaries: number[]; counts: number[] };
    },
  }));
  const put = points.find(({ attributes }) => attributes["rpc.method"] === "PutObject")!;
  assert.deepEqual(put.attributes, {
    "rpc.system.name": "aws-api",
    "rpc.service": "S3",
    "rpc.method": "PutObject",
    "cairn.key_class": "chunk",
    "cairn.outcome": "ok",
  });
  assert.equal(put.value.count, 2);
  assert(Math.abs(put.value.sum - 0.16) < 1e-9);
  assert.deepEqual(put.value.buckets.boundaries, [
    0.005,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.25,
    0.5,
    0.75,
    1,
    2.5,
    5,
    7.5,
    10,
  ]);
  const failed = points.find(({ attributes }) => attributes["error.type"] !== undefined)!;
  assert.equal(failed.attributes["error.type"], "SlowDown");
  // A span and its measurement say the same.
  assert.equal(spans.getFinishedSpans()[3]!.attributes["error.type"], "SlowDown");
  const sums = (name: string) =>
    all[name]!.dataPoints.map((
      { attributes, value },
    ) => [attributes["network.io.direction"], value]);
  assert.deepEqual(sums("cairn.client.io"), [["transmit", 15], ["receive", 7]]);
  assert.deepEqual(sums("cairn.client.retries"), [[undefined, 2]]);
  await end();
});

Deno.test("openTelemetry() takes what a checkpointer asks for in its work for no error", async () => {
  const { observer, spans, end } = telemetry();
  for (const outcome of OUTCOMES) observer(eventOf({ outcome }));
  const fine = spans.getFinishedSpans().filter(({ status }) => status.code === SpanStatusCode.UNSET)
    .map(({ attributes }) => attributes["cairn.outcome"]);
  assert.deepEqual(fine, ["ok", "not-found", "precondition", "aborted"]);
  for (const { attributes, status } of spans.getFinishedSpans()) {
    const failed = status.code === SpanStatusCode.ERROR;
    assert.equal(attributes["error.type"], failed ? attributes["cairn.outcome"] : undefined);
  }
  await end();
});

Deno.test("openTelemetry() says no key, id or message in any span or metric", async () => {
  const { observer, spans, metrics, end } = telemetry();
  const mark = "MARKED";
  let number = 0;
  const failing: ObjectStore = faultyStore(memoryStore(), ({ key }) => {
    const options = { key, code: `Code ${key}`, requestId: `for ${key}`, cause: new Error(mark) };
    return ++number % 3 !== 0 ? undefined : {
      kind: "fail",
      error: number % 2 ? new ThrottledError(key, options) : new UnavailableError(key, options),
    };
  });
  const checkpointer = new S3Checkpointer(observed(failing, observer, { classify: keyClass }), {
    prefix: `${mark}-prefix`,
  });
  for (let i = 0; i < 12; i++) {
    await checkpointer.save(`${mark}-thread`, { [mark]: mark }).catch(() => {});
    await checkpointer.load(`${mark}-thread`).catch(() => {});
  }
  const exported = spans.getFinishedSpans()
    .map(({ name, attributes, status, events }) => ({ name, attributes, status, events }));
  assert(exported.some(({ status }) => status.code === SpanStatusCode.ERROR));
  assert(!JSON.stringify([exported, await metrics()]).includes(mark));
  await end();
});

Deno.test("openTelemetry() works with a tracer alone, with a meter alone, and not without", async () => {
  const one = telemetry({ meter: undefined });
  one.observer(eventOf());
  assert.equal(one.spans.getFinishedSpans().length, 1);
  await one.end();
  const other = telemetry({ tracer: undefined });
  other.observer(eventOf({ bytes: 1 }));
  assert.equal(other.spans.getFinishedSpans().length, 0);
  assert((await other.metrics())["cairn.client.io"]);
  await other.end();
  for (const wrong of [{}, { tracer: {} }, { meter: null }]) {
    assert.throws(() => openTelemetry(wrong as OpenTelemetryOptions), InvalidInputError);
  }
});

Deno.test("openTelemetry() tells of a missing object what came back", async () => {
  const { observer, spans, end } = telemetry();
  await assert.rejects(observed(memoryStore(), observer).head("absent"), NotFoundError);
  assert.equal(spans.getFinishedSpans()[0]!.attributes["cairn.outcome"], "not-found");
  await end();
});

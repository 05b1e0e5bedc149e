import { InvalidInputError } from "../errors.ts";
import type { Observer, StoreEvent } from "../store/observed.ts";
import type { StoreOperation } from "../store/store.ts";
import { isFailure } from "./_outcome.ts";

/** Attributes of a span or of a measurement. */
export type OtelAttributes = Record<string, string | number | boolean>;

/** What is used of a `Span` of `@opentelemetry/api`. */
export interface OtelSpan {
  /** Sets the status; 2 is an error. */
  setStatus(status: { code: number }): unknown;
  /** Ends the span, at a time in milliseconds since 1970. */
  end(endTime?: number): void;
}

/** What is used of a `Tracer` of `@opentelemetry/api`. */
export interface OtelTracer {
  /** Starts a span under the active context. */
  startSpan(
    name: string,
    options?: { kind?: number; startTime?: number; attributes?: OtelAttributes },
  ): OtelSpan;
}

/** What is used of a `Histogram` of `@opentelemetry/api`. */
export interface OtelHistogram {
  /** Notes a measurement. */
  record(value: number, attributes?: OtelAttributes): void;
}

/** What is used of a `Counter` of `@opentelemetry/api`. */
export interface OtelCounter {
  /** Adds to the sum. */
  add(value: number, attributes?: OtelAttributes): void;
}

/** What an instrument is made of. */
export interface OtelInstrumentOptions {
  /** What it measures. */
  description?: string;
  /** Its unit in UCUM. */
  unit?: string;
  /** What its readers may go by. */
  advice?: { explicitBucketBoundaries?: number[] };
}

/** What is used of a `Meter` of `@opentelemetry/api`. */
export interface OtelMeter {
  /** Makes a histogram. */
  createHistogram(name: string, options?: OtelInstrumentOptions): OtelHistogram;
  /** Makes a counter. */
  createCounter(name: string, options?: OtelInstrumentOptions): OtelCounter;
}

/** Options of {@link openTelemetry}. */
export interface OpenTelemetryOptions {
  /** Makes a span of each operation. @default no spans */
  readonly tracer?: OtelTracer | undefined;
  /** Measures each operation. @default no metrics */
  readonly meter?: OtelMeter | undefined;
  /** The bucket, as `aws.s3.bucket` of the spans. */
  readonly bucket?: string | undefined;
  /** The region, as `cloud.region` of the spans. */
  readonly region?: string | undefined;
  /** What is spoken with the store. @default "aws-api" */
  readonly system?: string | undefined;
  /** The service, as the first part of the spans' names. @default "S3" */
  readonly service?: string | undefined;
}

/** https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/ */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** `SpanKind.CLIENT` and `SpanStatusCode.ERROR`. */
const CLIENT = 2;
const ERROR = 2;

/** The operation of S3 that does the same; a `presign` asks no server for anything. */
const METHODS: Readonly<Record<StoreOperation, string | undefined>> = {
  put: "PutObject",
  get: "GetObject",
  head: "HeadObject",
  list: "ListObjectsV2",
  delete: "DeleteObject",
  copy: "CopyObject",
  presign: undefined,
};

/**
 * An observer that makes spans and metrics of a store's operations, by
 * OpenTelemetry's semantic conventions for S3 and RPC clients, version 1.44
 * (https://opentelemetry.io/docs/specs/semconv/object-stores/s3/). It takes a
 * tracer and a meter of `@opentelemetry/api` and imports nothing.
 *
 * - A span of the kind `CLIENT`, such as `S3.PutObject`, for each operation with
 *   all its requests, pages and retries, under the context that is active where
 *   it ends. Attributes: `rpc.system.name`, `rpc.method`, `aws.s3.bucket`,
 *   `aws.request_id`, `error.type`, `rpc.status_code`,
 *   `http.response.status_code`, and `cairn.*` for the rest of the event.
 * - The histogram `rpc.client.call.duration` in seconds, with the buckets of the
 *   conventions, and the counters `cairn.client.io` in bytes and
 *   `cairn.client.retries`.
 *
 * An object that is not there, a precondition that does not hold and an aborted
 * call are no errors here: `cairn.outcome` tells them. `error.type` is the
 * store's own word or status, and else the kind of error. No message, key or
 * piece of state is in any of it.
 *
 * @throws {InvalidInputError} where there is neither a tracer nor a meter.
 *
 * @example
 * ```ts
 * import { memoryStore, observed } from "@cairn/checkpoint";
 * import { openTelemetry } from "@cairn/checkpoint/metrics";
 * import { metrics, trace } from "@opentelemetry/api";
 * import assert from "node:assert/strict";
 *
 * const observer = openTelemetry({
 *   tracer: trace.getTracer("agents"),
 *   meter: metrics.getMeter("agents"),
 *   bucket: "state",
 * });
 * const store = observed(memoryStore(), observer);
 * await store.put("key", new Uint8Array(1));
 * assert.equal((await store.head("key")).size, 1);
 * ```
 */
export function openTelemetry(options: OpenTelemetryOptions): Observer {
  const { tracer, meter, bucket, region, system = "aws-api", service = "S3" } = options;
  if (typeof tracer?.startSpan !== "function" && typeof meter?.createHistogram !== "function") {
    throw new InvalidInputError(
      "Cannot observe for OpenTelemetry: there is no tracer and no meter; give one of " +
        "trace.getTracer() or metrics.getMeter() of @opentelemetry/api, or both",
    );
  }
  const duration = meter?.createHistogram("rpc.client.call.duration", {
    description: "Measures the duration of an outgoing Remote Procedure Call (RPC).",
    unit: "s",
    advice: { explicitBucketBoundaries: SECONDS },
  });
  const io = meter?.createCounter("cairn.client.io", {
    description: "Bytes of the bodies that were sent and received.",
    unit: "By",
  });
  const retries = meter?.createCounter("cairn.client.retries", {
    description: "Requests that were sent because an earlier one had failed.",
    unit: "{request}",
  });
  const fixed = { "rpc.system.name": system, "rpc.service": service };

  return (event) => {
    const method = methodOf(event);
    if (method === undefined) return;
    const common = present({
      ...fixed,
      "rpc.method": method,
      "rpc.status_code": event.code,
      "error.type": isFailure(event) ? event.code ?? `${event.status ?? event.outcome}` : undefined,
      "cairn.key_class": event.keyClass,
      "cairn.outcome": event.outcome,
    });
    duration?.record(event.milliseconds / 1000, common);
    if (event.bytes > 0) {
      const direction = event.operation === "put" ? "transmit" : "receive";
      io?.add(event.bytes, { ...common, "network.io.direction": direction });
    }
    if (event.retries > 0) retries?.add(event.retries, common);

    const span = tracer?.startSpan(`${service}.${method}`, {
      kind: CLIENT,
      startTime: event.startedAt,
      attributes: present({
        ...common,
        // Replaced by rpc.system.name, and still required by the page on S3.
        "rpc.system": system,
        "aws.s3.bucket": bucket,
        "aws.request_id": event.requestId,
        "cloud.region": region,
        "http.response.status_code": event.status,
        "cairn.store": event.store,
        "cairn.keys": event.keys,
        "cairn.pages": event.pages,
        "cairn.bytes": event.bytes,
        "cairn.attempts": event.attempts,
        "cairn.retries": event.retries,
        "cairn.stopped": event.stopped || undefined,
      }),
    });
    if (isFailure(event)) span?.setStatus({ code: ERROR });
    span?.end(event.startedAt + event.milliseconds);
  };
}

function methodOf({ operation, keys }: StoreEvent): string | undefined {
  return operation === "delete" && keys > 1 ? "DeleteObjects" : METHODS[operation];
}

function present(attributes: Record<string, string | number | boolean | undefined>) {
  return Object.fromEntries(
    Object.entries(attributes).filter(([, value]) => value !== undefined),
  ) as OtelAttributes;
}

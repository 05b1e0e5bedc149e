/**
 * Observers that take what `observed` tells of a store to where it is watched:
 * OpenTelemetry, and CloudWatch in two ways. None of them brings a dependency.
 *
 * @example
 * ```ts
 * import { keyClass, memoryStore, observed } from "@cairn/checkpoint";
 * import { emf } from "@cairn/checkpoint/metrics";
 * import assert from "node:assert/strict";
 *
 * const lines: string[] = [];
 * const write = (line: string) => lines.push(line); // without it, to standard output
 * const store = observed(memoryStore(), emf({ write }), { classify: keyClass });
 * await store.put("key", new Uint8Array(1));
 * assert.equal(lines.length, 1);
 * ```
 *
 * @module
 */
export { cloudWatchMetrics } from "./cloudwatch_metrics.ts";
export type {
  CloudWatchClientLike,
  CloudWatchMetrics,
  CloudWatchMetricsOptions,
  MaybeAsyncDisposable,
  MetricDatum,
  PutMetricDataInput,
} from "./cloudwatch_metrics.ts";
export { emf, type EmfOptions } from "./emf.ts";
export type { MetricDimension, MetricOptions, MetricUnit } from "./_measures.ts";
export { openTelemetry } from "./open_telemetry.ts";
export type {
  OpenTelemetryOptions,
  OtelAttributes,
  OtelCounter,
  OtelHistogram,
  OtelInstrumentOptions,
  OtelMeter,
  OtelSpan,
  OtelTracer,
} from "./open_telemetry.ts";

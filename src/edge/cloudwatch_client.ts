import type { CloudWatchClientLike, PutMetricDataInput } from "../metrics/cloudwatch_metrics.ts";
import type { CallOptions } from "../store/store.ts";
import { awsCaller, type AwsClientOptions } from "./_aws_call.ts";

/** Options of {@link cloudWatchClient}. */
export type CloudWatchClientOptions = AwsClientOptions;

/** The part of CloudWatch that takes metrics, with inputs as the AWS SDK names them. */
export interface EdgeCloudWatchClient extends CloudWatchClientLike {
  /** Sends metrics. */
  putMetricData(input: PutMetricDataInput, options?: CallOptions): Promise<void>;
}

/**
 * CloudWatch by `fetch` and WebCrypto alone, for `cloudWatchMetrics` where the
 * AWS SDK is too heavy. It needs the permission `cloudwatch:PutMetricData`.
 *
 * Its method rejects with an `AccessError` where CloudWatch refuses, and with
 * the package's other errors by what it answers.
 *
 * @throws {InvalidInputError} where an option cannot be used.
 *
 * @example
 * ```ts
 * import { memoryStore, observed } from "@cairn/checkpoint";
 * import { cloudWatchClient } from "@cairn/checkpoint/edge";
 * import { cloudWatchMetrics } from "@cairn/checkpoint/metrics";
 * import assert from "node:assert/strict";
 *
 * const sent: string[] = [];
 * const client = cloudWatchClient({
 *   region: "eu-central-1",
 *   credentials: { accessKeyId: "id", secretAccessKey: "secret" },
 *   fetch: (_, init) => { // CloudWatch, played
 *     sent.push(String(init?.body));
 *     return Promise.resolve(new Response("<PutMetricDataResponse/>"));
 *   },
 * });
 * const metrics = cloudWatchMetrics({ client });
 * await observed(memoryStore(), metrics.observer).put("key", new Uint8Array(3));
 * await metrics.flush();
 * assert.match(sent[0]!, /MetricData\.member\.4\.MetricName=BytesSent/);
 * ```
 */
export function cloudWatchClient(options: CloudWatchClientOptions): EdgeCloudWatchClient {
  const send = awsCaller("monitoring", options);
  return {
    async putMetricData(input, options) {
      const form = new URLSearchParams({ Action: "PutMetricData", Version: "2010-08-01" });
      flatten(form, "", input);
      await send({
        operation: "PutMetricData",
        headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
        body: form.toString(),
      }, options);
    },
  };
}

/** https://smithy.io/2.0/aws/protocols/aws-query-protocol.html */
function flatten(form: URLSearchParams, name: string, value: unknown): void {
  if (value === undefined) return;
  if (value instanceof Date) return form.append(name, value.toISOString());
  if (typeof value !== "object") return form.append(name, String(value));
  const prefix = name === "" ? "" : Array.isArray(value) ? `${name}.member.` : `${name}.`;
  for (const [key, inner] of Object.entries(value as object)) {
    flatten(form, `${prefix}${Array.isArray(value) ? Number(key) + 1 : key}`, inner);
  }
}

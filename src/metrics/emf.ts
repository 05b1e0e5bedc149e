import { refuse } from "../store/_options.ts";
import type { Observer } from "../store/observed.ts";
import { measurer, type MetricOptions } from "./_measures.ts";

/** Options of {@link emf}. */
export interface EmfOptions extends MetricOptions {
  /** Takes a line, without its end. @default writes it to standard output */
  readonly write?: ((line: string) => void) | undefined;
}

/**
 * An observer that writes a line in CloudWatch's embedded metric format for each
 * operation: where standard output goes to CloudWatch Logs, as in Lambda, ECS
 * or with the CloudWatch agent, metrics are made of it, and no call is needed
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
 *
 * The metrics are `Latency`, which is the time that the store took, `Failures`,
 * `Retries`, `BytesSent` and `BytesReceived`. The attempts, the outcome and the
 * store's request id stand beside them, for Logs Insights. Each line is whole:
 * what is frozen or killed between two operations loses none, and leaves
 * nothing to flush.
 *
 * @throws {InvalidInputError} where a name or a value is none that CloudWatch takes.
 *
 * @example
 * ```ts
 * import { keyClass, memoryStore, observed } from "@cairn/checkpoint";
 * import { emf } from "@cairn/checkpoint/metrics";
 * import assert from "node:assert/strict";
 *
 * const lines: string[] = [];
 * const observer = emf({ dimensions: { Service: "agents" }, write: (line) => lines.push(line) });
 * const store = observed(memoryStore(), observer, { classify: keyClass });
 * await store.put("key", new Uint8Array(3));
 * const { Operation, BytesSent, Service } = JSON.parse(lines[0]!);
 * assert.deepEqual([Operation, BytesSent, Service], ["put", 3, "agents"]);
 * ```
 */
export function emf(options: EmfOptions = {}): Observer {
  const { write = writeLine } = options;
  if (typeof write !== "function") refuse("write", write, "a function");
  const { namespace, measure } = measurer(options);
  return (event) => {
    const { dimensions, measures } = measure(event);
    const { operation, keyClass, outcome, store, keys, pages, attempts } = event;
    write(JSON.stringify({
      _aws: {
        Timestamp: Math.round(event.startedAt + event.milliseconds),
        CloudWatchMetrics: [{
          Namespace: namespace,
          Dimensions: [Object.keys(dimensions)],
          Metrics: measures.map(({ name, unit }) => ({ Name: name, Unit: unit })),
        }],
      },
      Operation: operation,
      KeyClass: keyClass,
      Outcome: outcome,
      Store: store,
      Keys: keys,
      Pages: pages,
      Attempts: attempts,
      RequestId: event.requestId,
      Code: event.code,
      Status: event.status,
      ...dimensions,
      ...Object.fromEntries(measures.map(({ name, value }) => [name, value])),
    }));
  };
}

/** `console.log` in Lambda puts a time and an id before the line, which is then no metric. */
function writeLine(line: string): void {
  const { process } = globalThis as {
    process?: { stdout?: { write?: (text: string) => unknown } };
  };
  if (typeof process?.stdout?.write === "function") process.stdout.write(`${line}\n`);
  else console.log(line);
}

import assert from "node:assert/strict";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { memoryStore, observed, UnavailableError } from "@cairn/checkpoint";
import { cloudWatchClient } from "@cairn/checkpoint/edge";
import { type CloudWatchClientLike, cloudWatchMetrics } from "@cairn/checkpoint/metrics";
import { faultyStore } from "@cairn/checkpoint/testing";
import { serverOptions } from "../conformance/_server.ts";

const { endpoint, region, credentials } = serverOptions();

// Idle connections of the SDK's are its own affair.
const test = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });

async function withSdk(use: (sdk: CloudWatch) => Promise<void>): Promise<void> {
  const sdk = new CloudWatch({ endpoint, region, credentials });
  try {
    await use(sdk);
  } finally {
    sdk.destroy();
  }
}

/** Does some operations, and looks for what CloudWatch then knows of them. */
async function arrives(client: CloudWatchClientLike, sdk: CloudWatch): Promise<void> {
  const namespace = `Cairn/${crypto.randomUUID()}`;
  const from = new Date(Date.now() - 120_000);
  {
    await using metrics = cloudWatchMetrics({
      client,
      namespace,
      by: ["Operation"],
      dimensions: { Service: "agents & more" },
    });
    let broken = false;
    const inner = faultyStore(memoryStore(), () => broken ? { kind: "fail" } : undefined);
    const store = observed(inner, metrics.observer);
    for (let i = 1; i <= 4; i++) await store.put(`key-${i}`, new Uint8Array(i * 10));
    broken = true;
    await assert.rejects(store.put("key", new Uint8Array(5)), UnavailableError);
    await assert.rejects(store.head("key"), UnavailableError);
  }

  const { Metrics = [] } = await sdk.listMetrics({ Namespace: namespace });
  assert.deepEqual(
    Metrics.map(({ MetricName, Dimensions = [] }) =>
      [MetricName, ...Dimensions.map(({ Name, Value }) => `${Name}=${Value}`).sort()].join(" ")
    ).sort(),
    [
      "BytesSent Operation=put Service=agents & more",
      ...["Failures", "Latency", "Retries"].flatMap((name) =>
        ["head", "put"].map((operation) => `${name} Operation=${operation} Service=agents & more`)
      ),
    ].sort(),
  );

  const sums = async (MetricName: string, Operation: string) => {
    const { Datapoints = [] } = await sdk.getMetricStatistics({
      Namespace: namespace,
      MetricName,
      Dimensions: [
        { Name: "Service", Value: "agents & more" },
        { Name: "Operation", Value: Operation },
      ],
      StartTime: from,
      EndTime: new Date(Date.now() + 120_000),
      Period: 60,
      Statistics: ["Sum", "SampleCount", "Maximum"],
    });
    const total = (field: "Sum" | "SampleCount") =>
      Datapoints.reduce((sum, point) => sum + (point[field] ?? 0), 0);
    const units = [...new Set(Datapoints.map(({ Unit }) => Unit))];
    return [total("SampleCount"), total("Sum"), ...units];
  };
  assert.deepEqual(await sums("BytesSent", "put"), [5, 105, "Bytes"]);
  assert.deepEqual(await sums("Failures", "put"), [5, 1, "Count"]);
  assert.deepEqual(await sums("Failures", "head"), [1, 1, "Count"]);
  assert.deepEqual(await sums("Retries", "put"), [5, 0, "Count"]);
  const [count, , unit] = await sums("Latency", "put");
  assert.deepEqual([count, unit], [5, "Milliseconds"]);
}

test("cloudWatchMetrics() arrives at CloudWatch by the AWS SDK", async () => {
  await withSdk((sdk) => arrives(sdk, sdk));
});

test("cloudWatchMetrics() arrives at CloudWatch by cloudWatchClient()", async () => {
  await withSdk((sdk) => arrives(cloudWatchClient({ endpoint, region, credentials }), sdk));
});

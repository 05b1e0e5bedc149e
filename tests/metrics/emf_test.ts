import assert from "node:assert/strict";
import fc from "fast-check";
import {
  InvalidInputError,
  keyClass,
  memoryStore,
  observed,
  S3Checkpointer,
} from "@cairn/checkpoint";
import { emf, type EmfOptions, type MetricDimension } from "@cairn/checkpoint/metrics";
import { anyEvent, eventOf, OUTCOMES } from "./_events.ts";

function lineOf(event: Parameters<ReturnType<typeof emf>>[0], options: EmfOptions = {}) {
  const lines: string[] = [];
  emf({ ...options, write: (line) => lines.push(line) })(event);
  assert.equal(lines.length, 1);
  return lines[0]!;
}

const UNITS = new Set(
  ("Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits " +
    "Megabits Gigabits Terabits Percent Count Bytes/Second Count/Second None").split(" "),
);

/**
 * Holds a line to the specification, rule by rule:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
function assertEmf(line: string): void {
  assert(!/[\r\n]/.test(line), "a log event is one line");
  assert(new TextEncoder().encode(line).length <= 1024 * 1024, "up to 1 MB");
  const root = JSON.parse(line);
  const { _aws: metadata } = root;
  assert.deepEqual(Object.keys(metadata).sort(), ["CloudWatchMetrics", "Timestamp"]);
  assert(Number.isSafeInteger(metadata.Timestamp) && metadata.Timestamp > 1e12);
  assert(Array.isArray(metadata.CloudWatchMetrics) && metadata.CloudWatchMetrics.length > 0);
  for (const directive of metadata.CloudWatchMetrics) {
    assert.deepEqual(Object.keys(directive).sort(), ["Dimensions", "Metrics", "Namespace"]);
    assert(typeof directive.Namespace === "string");
    assert(directive.Namespace.length >= 1 && directive.Namespace.length <= 1024);
    assert(Array.isArray(directive.Dimensions) && directive.Dimensions.length > 0);
    for (const set of directive.Dimensions) {
      assert(Array.isArray(set) && set.length <= 30);
      for (const name of set) {
        assert(typeof name === "string" && name.length >= 1 && name.length <= 250);
        const value = root[name];
        assert(typeof value === "string", `${name} is ${value}`);
        assert(value.length >= 1 && value.length <= 1024);
        // deno-lint-ignore no-control-regex -- what a dimension must not have
        assert(!/[^\x00-\x7f]|[\x00-\x1f\x7f]/.test(value) && value.trim() !== "", value);
      }
    }
    assert(Array.isArray(directive.Metrics));
    assert(directive.Metrics.length >= 1 && directive.Metrics.length <= 100);
    for (const metric of directive.Metrics) {
      assert.deepEqual(Object.keys(metric).sort(), ["Name", "Unit"]);
      assert(metric.Name.length >= 1 && metric.Name.length <= 1024);
      assert(UNITS.has(metric.Unit), metric.Unit);
      assert(typeof root[metric.Name] === "number" && Number.isFinite(root[metric.Name]));
      assert(!directive.Dimensions.flat().includes(metric.Name));
    }
    const names = directive.Metrics.map(({ Name }: { Name: string }) => Name);
    assert.equal(new Set(names).size, names.length);
  }
}

Deno.test("emf() writes lines that the specification allows, whatever the event and the options", () => {
  const by = fc.uniqueArray(
    fc.constantFrom<MetricDimension>("Operation", "KeyClass", "Outcome", "Store"),
  );
  const word = fc.stringMatching(/^[A-Za-z][\w .:/-]{0,40}[A-Za-z0-9]$/);
  const dimensions = fc.dictionary(word.filter((name) => !RESERVED.includes(name)), word, {
    maxKeys: 26,
  });
  const namespace = fc.stringMatching(/^[A-Z][\w./#:-]{0,200}$/).filter((name) =>
    !name.startsWith("AWS/")
  );
  fc.assert(
    fc.property(anyEvent, by, dimensions, namespace, (event, by, dimensions, namespace) => {
      assertEmf(lineOf(event, { by, dimensions, namespace }));
    }),
    { numRuns: 300 },
  );
});

Deno.test("emf() says what happened, with the values where the metrics point", () => {
  const event = eventOf({
    keyClass: "chunk",
    bytes: 10,
    waited: 12.3456,
    milliseconds: 20.4,
    retries: 1,
    attempts: 2,
    requestId: "R1",
  });
  const { _aws, ...root } = JSON.parse(lineOf(event, { dimensions: { Service: "agents" } }));
  assert.deepEqual(_aws, {
    Timestamp: Date.UTC(2026, 0, 1) + 20,
    CloudWatchMetrics: [{
      Namespace: "Cairn",
      Dimensions: [["Service", "Operation", "KeyClass"]],
      Metrics: [
        { Name: "Latency", Unit: "Milliseconds" },
        { Name: "Failures", Unit: "Count" },
        { Name: "Retries", Unit: "Count" },
        { Name: "BytesSent", Unit: "Bytes" },
      ],
    }],
  });
  assert.deepEqual(root, {
    Operation: "put",
    KeyClass: "chunk",
    Outcome: "ok",
    Store: 's3 bucket "state"',
    Keys: 1,
    Attempts: 2,
    RequestId: "R1",
    Service: "agents",
    Latency: 12.3,
    Failures: 0,
    Retries: 1,
    BytesSent: 10,
  });
});

Deno.test("emf() counts as failures what somebody should hear of", () => {
  const failures = OUTCOMES.filter((outcome) => JSON.parse(lineOf(eventOf({ outcome }))).Failures);
  assert.deepEqual(failures, [
    "invalid",
    "access",
    "corrupt",
    "unsupported",
    "throttled",
    "timeout",
    "unavailable",
    "failed",
  ]);
});

Deno.test("emf() writes to standard output alone, with nothing before or after the line", async () => {
  const program = `
    import { memoryStore, observed } from "@cairn/checkpoint";
    import { emf } from "@cairn/checkpoint/metrics";
    console.log = () => { throw new Error("Lambda would put a time and an id before it"); };
    await observed(memoryStore(), emf()).put("key", new Uint8Array(3));
  `;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=ts", program],
    cwd: new URL("../..", import.meta.url).pathname,
    stdout: "piped",
    stderr: "inherit",
  }).output();
  assert.equal(code, 0);
  const [line, ...rest] = new TextDecoder().decode(stdout).split("\n");
  assert.deepEqual(rest, [""]);
  assertEmf(line!);
  assert.equal(JSON.parse(line!).BytesSent, 3);
});

Deno.test("emf() says no key, id or piece of state", async () => {
  const lines: string[] = [];
  const store = observed(memoryStore(), emf({ write: (line) => lines.push(line) }), {
    classify: keyClass,
  });
  const checkpointer = new S3Checkpointer(store, { prefix: "MARKED-prefix", inlineLimit: 10 });
  await checkpointer.save("MARKED-thread", { text: "MARKED-state".repeat(9) });
  await checkpointer.load("MARKED-thread");
  await checkpointer.delete("MARKED-thread");
  assert(lines.length > 3);
  lines.forEach(assertEmf);
  assert(!lines.join().includes("MARKED"));
  assert.deepEqual(
    new Set(lines.map((line) => JSON.parse(line).KeyClass)),
    new Set(["chunk", "checkpoint", "none", "mixed"]),
  );
});

const RESERVED = Object.keys(JSON.parse(lineOf(eventOf({
  code: "c",
  status: 1,
  pages: 1,
  requestId: "r",
  keyClass: "k",
})))).concat("BytesReceived");

Deno.test("emf() refuses what CloudWatch would not take, and quotes it", () => {
  const many = Object.fromEntries(Array.from({ length: 29 }, (_, i) => [`d${i}`, "v"]));
  const wrong: [unknown, RegExp][] = [
    [{ namespace: "" }, /namespace/],
    [{ namespace: "AWS/S3" }, /AWS\/S3/],
    [{ namespace: ":x" }, /namespace/],
    [{ namespace: "n".repeat(256) }, /namespace/],
    [{ namespace: "é" }, /namespace/],
    [{ by: ["Key"] }, /"Key"/],
    [{ by: ["toString"] }, /"toString"/],
    [{ dimensions: { "": "v" } }, /dimension/],
    [{ dimensions: { ":a": "v" } }, /":a"/],
    [{ dimensions: { é: "v" } }, /"é"/],
    [{ dimensions: { ["n".repeat(251)]: "v" } }, /250/],
    [{ dimensions: { a: "" } }, /the dimension a/],
    [{ dimensions: { a: " " } }, /the dimension a/],
    [{ dimensions: { a: "v".repeat(1025) } }, /1024/],
    [{ dimensions: { a: 1 } }, /the dimension a/],
    [{ dimensions: many }, /31 dimensions.*30/],
    [{ write: "stdout" }, /write/],
    ...RESERVED.map((name): [unknown, RegExp] => [{ dimensions: { [name]: "v" } }, /taken/]),
  ];
  for (const [options, message] of wrong) {
    assert.throws(
      () => emf(options as EmfOptions),
      (error) => error instanceof InvalidInputError && message.test(error.message),
      JSON.stringify(options),
    );
  }
});

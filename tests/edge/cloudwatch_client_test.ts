import assert from "node:assert/strict";
import { AccessError, InvalidInputError, ThrottledError } from "@cairn/checkpoint";
import { cloudWatchClient, type CloudWatchClientOptions } from "@cairn/checkpoint/edge";
import type { PutMetricDataInput } from "@cairn/checkpoint/metrics";
import { type Answer, SECRET, type Seen, test } from "./_fixture.ts";
import { withScript } from "../sdk/_scripted_server.ts";

const INPUT: PutMetricDataInput = {
  Namespace: "Agents/é",
  MetricData: [
    {
      MetricName: "Latency",
      Dimensions: [{ Name: "Service", Value: "a & b = c+d" }],
      Timestamp: new Date(Date.UTC(2026, 0, 1)),
      Values: [1.5, 2],
      Counts: [1, 3],
      Unit: "Milliseconds",
    },
    {
      MetricName: "Failures",
      Dimensions: [],
      Timestamp: new Date(Date.UTC(2026, 0, 1)),
      Values: [0],
      Counts: [1],
      Unit: "Count",
    },
  ],
};

async function withClient(
  script: (request: Seen, number: number) => Answer,
  use: (client: ReturnType<typeof cloudWatchClient>, seen: Seen[]) => Promise<void>,
  options: Partial<CloudWatchClientOptions> = {},
): Promise<void> {
  await withScript(script, async (endpoint, seen) => {
    const credentials = { accessKeyId: "id", secretAccessKey: SECRET };
    const retry = { baseDelay: 1, maxDelay: 2 };
    await use(
      cloudWatchClient({ region: "eu-west-1", endpoint, credentials, retry, ...options }),
      seen,
    );
  });
}

test("cloudWatchClient() sends a signed form of the query protocol", async () => {
  await withClient(() => ({ body: "<PutMetricDataResponse/>" }), async (client, seen) => {
    await client.putMetricData(INPUT);
    const [{ method, url, headers, body }] = seen as [Seen];
    assert.equal(method, "POST");
    assert.equal(url.pathname, "/");
    assert.match(headers.get("content-type")!, /^application\/x-www-form-urlencoded/);
    assert.match(
      headers.get("authorization")!,
      /^AWS4-HMAC-SHA256 Credential=id\/\d{8}\/eu-west-1\/monitoring\/aws4_request/,
    );
    assert.deepEqual([...new URLSearchParams(new TextDecoder().decode(body))], [
      ["Action", "PutMetricData"],
      ["Version", "2010-08-01"],
      ["Namespace", "Agents/é"],
      ["MetricData.member.1.MetricName", "Latency"],
      ["MetricData.member.1.Dimensions.member.1.Name", "Service"],
      ["MetricData.member.1.Dimensions.member.1.Value", "a & b = c+d"],
      ["MetricData.member.1.Timestamp", "2026-01-01T00:00:00.000Z"],
      ["MetricData.member.1.Values.member.1", "1.5"],
      ["MetricData.member.1.Values.member.2", "2"],
      ["MetricData.member.1.Counts.member.1", "1"],
      ["MetricData.member.1.Counts.member.2", "3"],
      ["MetricData.member.1.Unit", "Milliseconds"],
      ["MetricData.member.2.MetricName", "Failures"],
      ["MetricData.member.2.Timestamp", "2026-01-01T00:00:00.000Z"],
      ["MetricData.member.2.Values.member.1", "0"],
      ["MetricData.member.2.Counts.member.1", "1"],
      ["MetricData.member.2.Unit", "Count"],
    ]);
  });
});

test("cloudWatchClient() tries again what may succeed, and tells what may not", async () => {
  const xml = (code: string) =>
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>It failed</Message></Error></ErrorResponse>`;
  await withClient(
    (_, number) => number < 3 ? { status: 400, body: xml("Throttling") } : { body: "<Done/>" },
    async (client, seen) => {
      await client.putMetricData(INPUT);
      assert.equal(seen.length, 3);
    },
  );
  for (
    const [status, code, kind] of [
      [403, "AccessDenied", AccessError],
      [403, "SignatureDoesNotMatch", AccessError],
      [400, "InvalidParameterValue", InvalidInputError],
      [400, "Throttling", ThrottledError],
    ] as const
  ) {
    await withClient(() => ({ status, body: xml(code) }), async (client) => {
      await assert.rejects(client.putMetricData(INPUT), (error) => {
        assert(error instanceof kind, String(error));
        assert.equal(error.code, code);
        assert.match(error.message, /monitoring PutMetricData in eu-west-1/);
        assert(!error.message.includes(SECRET));
        return true;
      });
    }, { retry: { maxAttempts: 1 } });
  }
});

test("cloudWatchClient() is cancelled by its signal", async () => {
  const reason = new Error("enough");
  await withClient(() => "silence", async (client) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 20);
    await assert.rejects(
      client.putMetricData(INPUT, { signal: controller.signal }),
      (error) => error === reason,
    );
  });
});

Deno.test("cloudWatchClient() refuses a region, an endpoint and credentials that cannot be", () => {
  const credentials = { accessKeyId: "id", secretAccessKey: SECRET };
  for (
    const options of [
      { region: "", credentials },
      { region: "eu west", credentials },
      { region: "eu-west-1", endpoint: "ftp://x", credentials },
      { region: "eu-west-1", credentials: { accessKeyId: "", secretAccessKey: SECRET } },
    ]
  ) {
    assert.throws(() => cloudWatchClient(options), (error) => {
      assert(error instanceof InvalidInputError);
      return !error.message.includes(SECRET);
    });
  }
});

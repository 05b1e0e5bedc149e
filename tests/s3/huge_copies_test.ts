import { InvalidInputError } from "@cairn/checkpoint";
import { edgeStore, type S3Store } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { S3Client } from "@aws-sdk/client-s3";
import assert from "node:assert/strict";
import { streamOf } from "../../src/store/body.ts";

const GIB = 1024 ** 3;
const credentials = { accessKeyId: "id", secretAccessKey: "secret" };

/** Both refusals that S3 has for a source that is too large for one CopyObject. */
const REFUSALS = [
  "<Code>InvalidRequest</Code><Message>The specified copy source is larger than the maximum " +
  "allowable size for a copy source: 5368709120</Message>",
  "<Code>EntityTooLarge</Code><Message>Your proposed upload exceeds the maximum allowed object " +
  "size.</Message>",
];

/** S3 with one object of a size that nobody holds: it counts what it is asked, and moves no byte. */
function s3With(size: number, refusal: string) {
  const ranges = new Map<number, [start: number, end: number]>();
  const counts: Record<string, number> = {};
  let completed: number[] = [];
  let cancelled = 0;
  const xml = (root: string, content: string) => new Response(`<${root}>${content}</${root}>`);
  const answer = (method: string, url: URL, headers: Headers, body: string): Response => {
    const query = url.searchParams;
    const part = query.get("partNumber");
    const isCopy = headers.has("x-amz-copy-source");
    const step = `${method}${part ? " part" : ""}${isCopy ? " copy" : ""}`;
    counts[step] = (counts[step] ?? 0) + 1;
    switch (step) {
      case "PUT copy":
        return new Response(`<Error>${refusal}</Error>`, { status: 400 });
      case "GET": {
        const stream = new ReadableStream({ cancel: () => void cancelled++ }, { highWaterMark: 0 });
        return new Response(stream, {
          headers: {
            "content-length": String(size),
            etag: '"source"',
            "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT",
          },
        });
      }
      case "PUT part copy": {
        const range = /^bytes=(\d+)-(\d+)$/.exec(headers.get("x-amz-copy-source-range") ?? "")!;
        assert.equal(headers.get("x-amz-copy-source-if-match"), '"source"');
        ranges.set(Number(part), [Number(range[1]), Number(range[2]) + 1]);
        return xml("CopyPartResult", `<ETag>"e${part}"</ETag>`);
      }
      case "POST":
        if (query.has("uploads")) {
          return xml("InitiateMultipartUploadResult", "<UploadId>u</UploadId>");
        }
        completed = [...body.matchAll(/<PartNumber>(\d+)</g)].map(([, number]) => Number(number));
        return xml("CompleteMultipartUploadResult", '<ETag>"whole"</ETag>');
      default:
        throw new Error(`Unexpected ${step}`);
    }
  };
  return { answer, ranges, counts, completed: () => completed, cancelled: () => cancelled };
}

type Played = ReturnType<typeof s3With>;

function onEdge({ answer }: Played): S3Store {
  return edgeStore({
    bucket: "state",
    credentials,
    // As fetch does, where the caller's signal has not aborted.
    fetch: async (input, init) => {
      await Promise.resolve();
      const { method = "GET", headers, body } = init ?? {};
      return answer(method, new URL(String(input)), new Headers(headers), String(body));
    },
  });
}

/** The same by the SDK, with parts that are fewer: each takes it a millisecond. */
function onSdk({ answer }: Played): S3Store {
  const client = new S3Client({
    region: "us-east-1",
    credentials,
    maxAttempts: 1,
    requestHandler: {
      handle(request: HttpRequest) {
        const { method, hostname, path, query, headers, body } = request;
        const url = new URL(`https://${hostname}${path}`);
        for (const [name, value] of Object.entries(query)) {
          url.searchParams.set(name, String(value));
        }
        const response = answer(method, url, new Headers(headers), String(body));
        return Promise.resolve({
          response: {
            statusCode: response.status,
            headers: Object.fromEntries(response.headers),
            body: response.body ?? streamOf(),
          },
          // deno-lint-ignore no-explicit-any -- the SDK looks at no more of an answer
        } as any);
      },
    },
  });
  return sdkStore({ bucket: "state", client, partSize: GIB });
}

/** A request of the SDK, as far as it is looked at here. */
interface HttpRequest {
  readonly method: string;
  readonly hostname: string;
  readonly path: string;
  readonly query: Record<string, string>;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

const CASES: [name: string, open: (played: Played) => S3Store, size: number, parts: number][] = [
  ["edgeStore", onEdge, 5 * GIB + 1, 641],
  ["edgeStore", onEdge, 5 * 1024 * GIB, 9987],
  // The most that S3 keeps in one object, as 10,000 parts of 5 GiB.
  ["edgeStore", onEdge, 50_000 * GIB, 10_000],
  ["sdkStore", onSdk, 5 * GIB + 1, 6],
];

for (const refusal of REFUSALS) {
  const code = /<Code>(\w+)/.exec(refusal)![1];
  for (const [name, open, size, parts] of CASES) {
    Deno.test(`${name}.copy() has S3 copy ${size} bytes in ${parts} parts after ${code}, each byte once`, async () => {
      const played = s3With(size, refusal);
      assert.deepEqual(await open(played).copy("from", "to"), { etag: "whole" });
      const { ranges, counts } = played;
      assert.deepEqual(counts, { "PUT copy": 1, GET: 1, POST: 2, "PUT part copy": parts });
      assert.equal(played.cancelled(), 1);
      const numbers = Array.from({ length: parts }, (_, at) => at + 1);
      assert.deepEqual(played.completed(), numbers);
      let at = 0;
      for (const number of numbers) {
        const [start, end] = ranges.get(number)!;
        assert.equal(start, at);
        const isLast = number === parts;
        assert(end - start <= 5 * GIB && (isLast ? end > start : end - start >= 5 * 1024 ** 2));
        if (!isLast) assert.equal(end - start, ranges.get(1)![1], "parts of one size");
        at = end;
      }
      assert.equal(at, size);
    });
  }
}

Deno.test("edgeStore.copy() takes no other bad request for a source that is too large", async () => {
  const played = s3With(9 * GIB, "<Code>InvalidArgument</Code><Message>Copy Source</Message>");
  await assert.rejects(onEdge(played).copy("from", "to"), InvalidInputError);
  assert.deepEqual(played.counts, { "PUT copy": 1 });
});

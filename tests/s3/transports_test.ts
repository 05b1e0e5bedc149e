import { edgeStore, type S3Store } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import fc from "fast-check";
import { CairnError } from "../../src/errors.ts";
import { parseXml, type XmlElement } from "../../src/s3/xml.ts";
import { readAll } from "../../src/store/body.ts";
import type { PutOptions } from "../../src/store/store.ts";
import { type Answer, type Reply, type Seen, withScript } from "../sdk/_scripted_server.ts";

/** What a case does with a store, as data. */
type Operation =
  | { readonly name: "put"; readonly key: string; readonly options: PutOptions }
  | { readonly name: "putParts"; readonly key: string; readonly options: PutOptions }
  | { readonly name: "get"; readonly key: string; readonly options: object }
  | { readonly name: "head"; readonly key: string; readonly options: object }
  | { readonly name: "list"; readonly options: object }
  | { readonly name: "delete"; readonly keys: readonly string[] }
  | { readonly name: "copy"; readonly key: string; readonly to: string; readonly options: object };

const BYTES = new TextEncoder().encode("a pile of stones");
const DIALECTS = ["aws", "r2", "minio", "localstack", "ceph", "unknown"] as const;

const text = fc.string({ unit: "binary", minLength: 1, maxLength: 12 });
const hard = fc.constantFrom(
  ..."+ %2F%25 !'()* &=?#;:@$,[]{}|^`<>\"~é😀\u2028\u00a0\ufffd\ufeff=?utf-8?b?".split(" "),
  "a b",
  "trail/1",
  "b+c/d e",
  "%",
);
const key = fc.array(fc.oneof(hard, text), { minLength: 1, maxLength: 4 })
  .map((pieces) =>
    // deno-lint-ignore no-control-regex -- no key has one
    pieces.join("").toWellFormed().replace(/[\u0000-\u001f\u007f\\]/g, "_").split("/")
      .map((segment) => /^\.{0,2}$/.test(segment) ? `_${segment}` : segment).join("/")
  );
const etag = fc.constantFrom("e1", "e2", "0123456789abcdef-2", "a b", '"', "*", "W/x");
const precondition = fc.oneof(
  fc.constantFrom("overwrite", "create"),
  fc.record({ ifMatch: etag }),
) as fc.Arbitrary<PutOptions["precondition"]>;
const attributes = fc.record({
  contentType: fc.constantFrom("text/plain; charset=utf-8", "a\r\nb: c", "é"),
  cacheControl: fc.constantFrom("max-age=31536000, immutable", "no-store  , x"),
  storageClass: fc.constantFrom("STANDARD_IA", "GLACIER IR"),
}, { requiredKeys: [] });
const range = fc.constantFrom(
  { start: 0 },
  { start: 3, end: 9 },
  { start: 0, end: 16 },
  { start: 15, end: 90 },
  { start: 16 },
  { suffix: 4 },
  { suffix: 99 },
  { start: 3, end: 3 },
  { start: -1 },
);
const version = fc.constantFrom("v1", "v+1/2=", "null", "é");
const put = fc.record({ precondition, attributes }, { requiredKeys: [] });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ name: fc.constant("put" as const), key, options: put }),
  fc.record({ name: fc.constant("putParts" as const), key, options: put }),
  fc.record({
    name: fc.constant("get" as const),
    key,
    options: fc.record({ range, ifMatch: etag, versionId: version }, { requiredKeys: [] }),
  }),
  fc.record({
    name: fc.constant("head" as const),
    key,
    options: fc.record({ versionId: version }, { requiredKeys: [] }),
  }),
  fc.record({
    name: fc.constant("list" as const),
    options: fc.record({
      prefix: fc.oneof(hard, text),
      startAfter: hard,
      delimiter: fc.constant("/" as const),
      limit: fc.constantFrom(0, 1, 3, 2000),
    }, { requiredKeys: [] }),
  }),
  fc.record({
    name: fc.constant("delete" as const),
    keys: fc.array(key, { maxLength: 4 }),
  }),
  fc.record({
    name: fc.constant("copy" as const),
    key,
    to: key,
    options: fc.record({ precondition }, { requiredKeys: [] }),
  }),
);

const code = fc.constantFrom(
  "NoSuchKey",
  "NoSuchBucket",
  "NoSuchUpload",
  "NoSuchVersion",
  "AccessDenied",
  "ExpiredToken",
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "AuthorizationHeaderMalformed",
  "PermanentRedirect",
  "TemporaryRedirect",
  "SlowDown",
  "ThrottlingException",
  "InternalError",
  "ServiceUnavailable",
  "RequestTimeout",
  "PreconditionFailed",
  "ConditionalRequestConflict",
  "OperationAborted",
  "BadDigest",
  "InvalidRange",
  "InvalidRequest",
  "InvalidObjectState",
  "EntityTooLarge",
  "MethodNotAllowed",
  "NotImplemented",
  "A.Code-Nobody_Knows",
);
const errorBody = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(code, fc.constantFrom("", "<Region>eu-west-1</Region>")) },
  fc.constantFrom(
    "",
    "<html><body>Bad gateway</body></html>",
    "<!DOCTYPE html><html><head><br></head></html>",
    '{"message":"no"}',
    "Service unavailable",
    "<Error/>",
    "<Error><Message>Without a code</Message></Error>",
    "<Error><Code></Code></Error>",
    "<Error><Code>Slow",
    "<Err>",
  ),
).map((body) =>
  typeof body === "string"
    ? body
    : `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${body[0]}</Code>` +
      `<Message>Said &lt;so&gt; &#233;</Message>${body[1]}<RequestId>R2</RequestId></Error>`
);
const status = fc.constantFrom(
  ...[200, 301, 302, 307, 308, 400, 401, 403, 404, 405, 408, 409, 411, 412, 416, 421, 425, 429],
  ...[500, 501, 502, 503, 504, 520, 599],
);
const errorHeaders = fc.record({
  "retry-after": fc.constantFrom("0", "0.001", "60", "soon", "Thu, 01 Jan 2026 00:00:00 GMT"),
  "x-amz-request-id": fc.constant("R1"),
  "cf-ray": fc.constant("ray"),
  "x-amz-bucket-region": fc.constantFrom("eu-west-1", "us-east-1"),
  "content-type": fc.constantFrom("application/xml", "text/html", "application/json"),
  location: fc.constant("http://127.0.0.1:9/elsewhere"),
}, { requiredKeys: [] }) as fc.Arbitrary<Record<string, string>>;

/** What may go wrong with the nth request: another answer, or the usual one with something changed. */
type Fault =
  | Reply
  | "reset"
  | { readonly cut: number }
  | Pick<Reply, "body" | "headers">
  | undefined;

const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(undefined) },
  {
    weight: 5,
    arbitrary: fc.record({ status, headers: errorHeaders, body: errorBody }),
  },
  fc.constant("reset" as const),
  fc.record({ cut: fc.integer({ min: 0, max: 40 }) }),
  // A 200 that is no answer at all, that of another question, or one that lacks something.
  fc.record({
    body: fc.constantFrom(
      ...["", " ", "<CopyObjectResult/>", "<A><B></A>", "<html></html>", "ok", "<Error/>"],
      "<!DOCTYPE a><ListBucketResult/>",
      "<ListBucketResult></ListBucketResult>",
      ...["", "<Key>a</Key>", "<Key>%zz</Key><Size>1</Size>", "<Key>a</Key><Size>-1</Size>"].map(
        (part) => `<ListBucketResult><Contents>${part}</Contents></ListBucketResult>`,
      ),
      "<ListBucketResult><Name>state</Name><IsTruncated>true</IsTruncated></ListBucketResult>",
      "<ListBucketResult><Contents><Key>a</Key><Size>1</Size><ETag>e</ETag>" +
        "<LastModified>soon</LastModified></Contents></ListBucketResult>",
      "<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>",
      "<s:CopyObjectResult xmlns:s='a'><s:ETag>W/&quot;e&quot;</s:ETag></s:CopyObjectResult>",
      ...["a b", "trail/1", "b+c/d e"].map((key) =>
        `<DeleteResult><Error><Key>${key}</Key><Code>InternalError</Code></Error></DeleteResult>`
      ),
      "<DeleteResult><Error><Code>AccessDenied</Code></Error></DeleteResult>",
      "<DeleteResult><Error><Key>%</Key><Code>NoSuchKey</Code></Error></DeleteResult>",
    ),
  }),
  fc.record({
    headers: fc.record({
      etag: fc.constantFrom('W/"e1"', "e1", ""),
      "last-modified": fc.constantFrom("soon", ""),
      "content-range": fc.constantFrom("bytes 3-8/16", "bytes */16", "bytes 0-15/*", "all"),
    }, { requiredKeys: [] }) as fc.Arbitrary<Record<string, string>>,
  }),
);

/** Credentials as they are given, or as a provider gives them that counts how often it was asked. */
const PROVIDERS = {
  fixed: 0,
  "the same again": 1,
  "others each time": 2,
};

const entry = (key: string) =>
  `<Contents><Key>${key}</Key><Size>16</Size><ETag>&quot;e1&quot;</ETag>` +
  "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>";
const listing = (more: string) => `<ListBucketResult><Name>state</Name>${more}</ListBucketResult>`;

/** What a server answers that has an object of 16 bytes at every key. */
function usual({ method, url: { searchParams: query }, headers }: Seen): Reply {
  const stored = {
    etag: '"e1"',
    "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT",
    "x-amz-request-id": "R0",
    "x-amz-version-id": "v1",
    "content-type": "text/plain",
    "cache-control": "max-age=1",
  };
  const xml = (body: string): Reply => ({ body, headers: { "content-type": "application/xml" } });
  if (query.has("list-type")) {
    const encoded = query.has("encoding-type");
    const key = encoded ? "a+b%2B%3C" : "a b+&lt;";
    const type = encoded ? "<EncodingType>url</EncodingType>" : "";
    if (query.has("continuation-token")) {
      return xml(listing(`${type}<IsTruncated>false</IsTruncated>${entry("last")}`));
    }
    return xml(listing(
      `${type}<IsTruncated>true</IsTruncated><NextContinuationToken>t+1/=</NextContinuationToken>` +
        `${entry(key)}<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>`,
    ));
  }
  if (query.has("delete")) return xml("<DeleteResult></DeleteResult>");
  if (query.has("uploads")) {
    return xml(
      "<InitiateMultipartUploadResult><UploadId>u 1+/</UploadId></InitiateMultipartUploadResult>",
    );
  }
  if (method === "DELETE") return { status: 204 };
  if (query.has("uploadId") && method === "POST") {
    return xml(
      "\n <CompleteMultipartUploadResult><ETag>&quot;w-1&quot;</ETag></CompleteMultipartUploadResult>",
    );
  }
  if (headers.has("x-amz-copy-source")) {
    const root = query.has("partNumber") ? "CopyPartResult" : "CopyObjectResult";
    return xml(`<?xml version="1.0"?>\n<${root}><ETag>"e2"</ETag></${root}>`);
  }
  if (method === "PUT") return { headers: stored };
  const [, from, to, suffix] = /^bytes=(?:(\d+)-(\d*)|-(\d+))$/.exec(headers.get("range") ?? "") ??
    [];
  const start = suffix ? Math.max(0, 16 - Number(suffix)) : Number(from ?? 0);
  if (start >= 16) {
    return { status: 416, body: "<Error><Code>InvalidRange</Code></Error>", headers: {} };
  }
  const end = to ? Math.min(16, Number(to) + 1) : 16;
  if (!headers.has("range")) return { body: BYTES, headers: stored };
  const headersOfPart = { ...stored, "content-range": `bytes ${start}-${end - 1}/16` };
  return { status: 206, body: BYTES.slice(start, end), headers: headersOfPart };
}

function answerFor(request: Seen, fault: Fault): Answer {
  if (fault === "reset") return fault;
  const { cut, ...rest } = { cut: undefined, ...fault };
  const answer: Reply = { ...("status" in rest ? {} : usual(request)), ...rest };
  const headers = {
    ...("status" in rest ? {} : usual(request).headers),
    ...answer.headers,
    // A client may by itself send again what was reset on a connection that it kept.
    connection: "close",
  };
  return { ...answer, headers, ...(cut !== undefined && { cutAfter: cut }) };
}

/** Does an operation, and gives what came of it as data. */
async function perform(store: S3Store, operation: Operation): Promise<unknown> {
  const trace = { attempts: 0, retries: 0 };
  try {
    const result = await run(store, operation, trace);
    return { result, trace };
  } catch (error) {
    assert(error instanceof CairnError, `${error}`);
    const { name, kind, key, status, code, requestId } = error;
    const { what, retryAfter, limit } = error as { what?: string; retryAfter?: number } & {
      limit?: number;
    };
    return { error: { name, kind, key, status, code, requestId, what, retryAfter, limit }, trace };
  }
}

async function run(store: S3Store, operation: Operation, trace: object): Promise<unknown> {
  const options = { ...("options" in operation ? operation.options : {}), trace } as object;
  switch (operation.name) {
    case "put":
    case "putParts":
      return await store.put(operation.key, BYTES, options);
    case "get": {
      const { info, body } = await store.get(operation.key, options);
      return { info, text: new TextDecoder().decode(await readAll(body)) };
    }
    case "head":
      return await store.head(operation.key, options);
    case "list":
      return await Array.fromAsync(store.list(options));
    case "delete":
      return await store.delete(operation.keys, options);
    case "copy":
      return await store.copy(operation.key, operation.to, options);
  }
}

/** Headers that say how a transport signs and sends, and not what it asks for. */
const OWN =
  /^(authorization|host|connection|user-agent|accept|accept-.*|amz-sdk-.*|x-amz-(date|content-sha256|user-agent|security-token|checksum-.*|sdk-checksum-.*)|content-(length|md5)|transfer-encoding|pragma|cache-control|sec-.*)$/;

/** What a document says, whatever the order of what stands side by side. */
function leavesOf({ name, text, children }: XmlElement): string[] {
  if (children.length === 0) return [`${name}: ${text}`];
  const inside = children.map((child) => leavesOf(child).map((leaf) => `${name}.${leaf}`));
  return name === "Part" ? inside.flat().sort() : inside.flat();
}

/** What a request asks for, however it is signed. */
function asked({ method, url, headers, body }: Seen, operation: Operation): unknown {
  const query = [...url.searchParams].filter(([name]) => name !== "x-id").sort();
  const isPut = operation.name.startsWith("put");
  const named = [...headers].filter(([name]) =>
    isPut && name === "cache-control" ? true : !OWN.test(name)
  );
  // A body has a type even where nobody gave one, and each transport has its own.
  const { attributes } = ("options" in operation ? operation.options : {}) as PutOptions;
  const isTyped = attributes?.contentType !== undefined && !url.searchParams.has("partNumber");
  const own = named.filter(([name]) => name !== "content-type" || isTyped);
  const sent = new TextDecoder().decode(body);
  return {
    method,
    path: url.pathname.replace(/\/$/, ""),
    query,
    headers: method === "POST" || method === "DELETE" ? undefined : own.sort(),
    body: method === "POST" && body.length > 0 ? leavesOf(parseXml(sent)) : sent,
  };
}

Deno.test({
  name: "edgeStore and sdkStore ask for the same, and give the same results and the same errors",
  sanitizeOps: true,
  sanitizeResources: true,
  async fn() {
    let script: (request: Seen) => Answer = usual;
    await withScript((request) => script(request), async (endpoint, seen) => {
      const runOn = async (
        open: typeof edgeStore | typeof sdkStore,
        dialect: typeof DIALECTS[number],
        operation: Operation,
        faults: readonly Fault[],
        provider: keyof typeof PROVIDERS,
      ) => {
        let at = 0;
        let calls = 0;
        const give = () => ({
          accessKeyId: "id",
          secretAccessKey: "secret",
          sessionToken: `token${PROVIDERS[provider] === 2 ? ++calls : (++calls, "")}`,
        });
        script = (request) => answerFor(request, faults[at++]);
        const begin = seen.length;
        const store = open({
          bucket: "state",
          endpoint,
          dialect,
          forcePathStyle: true,
          region: "us-east-1",
          credentials: provider === "fixed" ? give() : () => Promise.resolve(give()),
          retry: { baseDelay: 0.1, maxDelay: 0.2, maxAttempts: 3 },
          timeout: 20_000,
          partsInFlight: 1,
          ...(operation.name === "putParts" && { multipartThreshold: 0 }),
        });
        const outcome = await perform(store, operation);
        return {
          outcome,
          calls,
          requests: seen.slice(begin).map((request) => asked(request, operation)),
        };
      };
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...DIALECTS),
          operation,
          fc.array(fault, { maxLength: 4 }),
          fc.constantFrom(...Object.keys(PROVIDERS) as (keyof typeof PROVIDERS)[]),
          async (dialect, operation, faults, provider) => {
            const edge = await runOn(edgeStore, dialect, operation, faults, provider);
            const sdk = await runOn(sdkStore, dialect, operation, faults, provider);
            assert.deepEqual(sdk, edge);
          },
        ),
        { numRuns: 300 },
      );
    });
  },
});

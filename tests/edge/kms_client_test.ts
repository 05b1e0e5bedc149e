import assert from "node:assert/strict";
import { kmsClient, type KmsClientOptions } from "@cairn/checkpoint/edge";
import {
  AccessError,
  CairnError,
  CorruptError,
  InvalidInputError,
  NotFoundError,
  ThrottledError,
  TimeoutError,
  UnavailableError,
} from "@cairn/checkpoint";
import { awsCaller } from "../../src/edge/_aws_call.ts";
import { type Answer, type Reply, SECRET, type Seen, test } from "./_fixture.ts";
import { withScript } from "../sdk/_scripted_server.ts";

type Kms = ReturnType<typeof kmsClient>;
const KEY = { KeyId: "alias/state" };
const WRAPPED: Reply = { body: '{"KeyId":"arn:1","CiphertextBlob":"AQID"}' };

async function withKms(
  script: (request: Seen, number: number) => Answer,
  use: (kms: Kms, seen: Seen[]) => Promise<void>,
  options: Partial<KmsClientOptions> = {},
): Promise<void> {
  await withScript(script, async (endpoint, seen) => {
    const credentials = { accessKeyId: "id", secretAccessKey: SECRET };
    const retry = { baseDelay: 1, maxDelay: 2 };
    await use(kmsClient({ region: "eu-west-1", endpoint, credentials, retry, ...options }), seen);
  });
}

/** An error as AWS's services of the query protocol answer it. */
const XML = "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code>" +
  "<Message>Rate exceeded</Message></Error></ErrorResponse>";

/** An error as KMS answers it. */
function failure(status: number, type: string, headers: Record<string, string> = {}): Reply {
  const body = JSON.stringify({ __type: type, message: "It\u0007failed" });
  return { status, headers: { "x-amzn-requestid": "R1", ...headers }, body };
}

test("kmsClient() sends signed JSON with its bytes in base64, and reads its answer", async () => {
  await withKms(
    () => ({ body: '{"KeyId":"arn:1","Plaintext":"BAUG","CiphertextBlob":"AQID"}' }),
    async (kms, seen) => {
      const EncryptionContext = { thread: "né" };
      const made = await kms.generateDataKey({ ...KEY, KeySpec: "AES_256", EncryptionContext });
      assert.deepEqual(made, {
        KeyId: "arn:1",
        Plaintext: new Uint8Array([4, 5, 6]),
        CiphertextBlob: new Uint8Array([1, 2, 3]),
      });
      await kms.encrypt({ ...KEY, Plaintext: new Uint8Array([255, 0]), EncryptionContext });
      await kms.decrypt({ CiphertextBlob: new Uint8Array([1, 2, 3]) });
      assert.deepEqual(
        seen.map(({ headers, body }) => [
          headers.get("x-amz-target"),
          JSON.parse(new TextDecoder().decode(body)),
        ]),
        [
          ["TrentService.GenerateDataKey", { ...KEY, KeySpec: "AES_256", EncryptionContext }],
          ["TrentService.Encrypt", { ...KEY, Plaintext: "/wA=", EncryptionContext }],
          ["TrentService.Decrypt", { CiphertextBlob: "AQID" }],
        ],
      );
      for (const { method, url, headers } of seen) {
        assert.equal(`${method} ${url.pathname}`, "POST /");
        assert.equal(headers.get("content-type"), "application/x-amz-json-1.1");
        assert.match(
          headers.get("authorization")!,
          /^AWS4-HMAC-SHA256 Credential=id\/\d{8}\/eu-west-1\/kms\/aws4_request, SignedHeaders=[^,]*x-amz-target, Signature=[0-9a-f]{64}$/,
        );
      }
    },
  );
});

test("kmsClient() asks AWS in its region where no endpoint is given", async () => {
  const urls: string[] = [];
  for (const region of ["eu-west-1", "cn-north-1"]) {
    const kms = kmsClient({
      region,
      credentials: { accessKeyId: "id", secretAccessKey: SECRET },
      fetch: (url) => {
        urls.push(String(url));
        return Promise.resolve(new Response(WRAPPED.body as string));
      },
    });
    await kms.encrypt({ ...KEY, Plaintext: new Uint8Array(1) });
  }
  assert.deepEqual(urls, [
    "https://kms.eu-west-1.amazonaws.com/",
    "https://kms.cn-north-1.amazonaws.com.cn/",
  ]);
});

const encrypt = (kms: Kms) => kms.encrypt({ ...KEY, Plaintext: new Uint8Array(32).fill(7) });

for (
  const [status, type, Class] of [
    [400, "AccessDeniedException", AccessError],
    [400, "UnrecognizedClientException", AccessError],
    [400, "InvalidSignatureException", AccessError],
    [400, "com.amazonaws.kms#NotFoundException:http://kms", NotFoundError],
    [400, "InvalidCiphertextException", InvalidInputError],
    [400, "DisabledException", InvalidInputError],
  ] as const
) {
  test(`kmsClient() gives a ${Class.name} for ${type}, at once`, async () => {
    await withKms(() => failure(status, type), async (kms, seen) => {
      await assert.rejects(encrypt(kms), (error) => {
        assert(error instanceof Class);
        assert.equal(error.code, /(\w+)Exception/.exec(type)![1]);
        assert.equal(error.status, status);
        assert.equal(error.requestId, "R1");
        assert.match(error.message, /Cannot call kms Encrypt in eu-west-1 \(400 \w+\): It failed/);
        return true;
      });
      assert.equal(seen.length, 1);
    });
  });
}

test("kmsClient() tries again what may pass: a throttled call, a failure, a lost connection", async () => {
  const answers: Answer[] = [
    failure(400, "ThrottlingException"),
    failure(500, "KMSInternalException"),
    "reset",
    WRAPPED,
  ];
  await withKms((_, number) => answers[number - 1]!, async (kms, seen) => {
    assert.deepEqual((await encrypt(kms)).CiphertextBlob, new Uint8Array([1, 2, 3]));
    assert.equal(seen.length, 4);
  });
});

test("kmsClient() gives up at last with the error of the last answer", async () => {
  const retry = { maxAttempts: 2, baseDelay: 1 };
  for (
    const [answer, Class] of [
      [failure(400, "ThrottlingException"), ThrottledError],
      [{ status: 503, body: "<html>" }, UnavailableError],
      [{ status: 400, body: XML }, ThrottledError],
      ["reset", UnavailableError],
      ["silence", TimeoutError],
    ] as const
  ) {
    await withKms(() => answer, async (kms, seen) => {
      await assert.rejects(encrypt(kms), Class);
      assert.equal(seen.length, 2);
    }, { retry, attemptTimeout: 200 });
  }
});

test("kmsClient() reads expired credentials again, once", async () => {
  let given = 0;
  const credentials = () =>
    Promise.resolve({ accessKeyId: `id${++given}`, secretAccessKey: SECRET });
  await withKms(
    ({ headers }) =>
      headers.get("authorization")!.includes("=id1/")
        ? failure(400, "ExpiredTokenException")
        : WRAPPED,
    async (kms, seen) => {
      await encrypt(kms);
      assert.equal(seen.length, 2);
    },
    { credentials },
  );
});

test("kmsClient() follows a server's clock that explains its refusal", async () => {
  const ahead = new Date(Date.now() + 3_600_000);
  const headers = { date: ahead.toUTCString() };
  const stamp = ahead.toISOString().slice(0, 13).replace(/-/g, "");
  await withKms(
    (request) =>
      request.headers.get("x-amz-date")!.startsWith(stamp)
        ? WRAPPED
        : failure(400, "InvalidSignatureException", headers),
    async (kms, seen) => {
      await encrypt(kms);
      await encrypt(kms);
      assert.equal(seen.length, 3);
    },
  );
});

test("kmsClient() refuses an answer that is none, or too large", async () => {
  for (
    const body of [
      "",
      "null",
      "[]",
      "<xml/>",
      "{}",
      '{"CiphertextBlob":null}',
      '{"CiphertextBlob":"?"}',
      `{"CiphertextBlob":"AQID","x":"${"x".repeat(300_000)}"}`,
    ]
  ) {
    await withKms(() => ({ body }), async (kms) => {
      await assert.rejects(encrypt(kms), CorruptError, body.slice(0, 40));
    });
  }
});

test("kmsClient() names no secret in any error", async () => {
  const answers: Answer[] = [failure(400, "AccessDeniedException"), "reset", { body: "{" }];
  for (const answer of answers) {
    await withKms(() => answer, async (kms) => {
      await assert.rejects(encrypt(kms), (error) => {
        assert(error instanceof CairnError);
        const said = Deno.inspect(error, { depth: 9 });
        for (const secret of [SECRET, "BwcHBwcH", "7, 7, 7"]) assert(!said.includes(secret));
        return true;
      });
    }, { retry: { maxAttempts: 1 } });
  }
});

test("kmsClient() refuses options that no client can be made of, and heeds a signal", async () => {
  const credentials = { accessKeyId: "id", secretAccessKey: SECRET };
  for (
    const wrong of [
      { region: "" },
      { region: "eu/west" },
      { region: "eu-west-1", endpoint: "ftp://kms" },
      { region: "eu-west-1", credentials: { accessKeyId: "", secretAccessKey: SECRET } },
      { region: "eu-west-1", timeout: 0 },
    ]
  ) {
    assert.throws(() => kmsClient({ credentials, ...wrong }), InvalidInputError);
  }
  await withKms(() => "silence", async (kms) => {
    const signal = AbortSignal.timeout(50);
    await assert.rejects(
      kms.decrypt({ CiphertextBlob: new Uint8Array(1) }, { signal }),
      (error) => error === signal.reason,
    );
  });
});

test("awsCaller() counts its attempts where somebody asks, as a store does", async () => {
  await withScript(
    (_, number) => number < 3 ? failure(500, "KMSInternalException") : WRAPPED,
    async (endpoint) => {
      const call = awsCaller("kms", {
        region: "eu-west-1",
        endpoint,
        credentials: { accessKeyId: "id", secretAccessKey: SECRET },
        retry: { baseDelay: 1, maxDelay: 2 },
      });
      const trace = { attempts: 0, retries: 0 };
      await call({ operation: "Encrypt", headers: {}, body: "{}" }, { trace });
      assert.deepEqual(trace, { attempts: 3, retries: 2 });
    },
  );
});

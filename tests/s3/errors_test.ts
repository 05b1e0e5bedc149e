import assert from "node:assert/strict";
import { NotFoundError, ThrottledError, UnavailableError } from "../../src/errors.ts";
import { errorFrom, type S3Failure } from "../../src/s3/errors.ts";
import { isRetryable } from "../../src/store/policy.ts";

const about = { operation: "PUT", bucket: "state", key: "a/b" };

const TABLE: [number | undefined, string | undefined, string][] = [
  [undefined, undefined, "UnavailableError"],
  [200, "InternalError", "UnavailableError"],
  [200, "SlowDown", "ThrottledError"],
  [200, "SomethingNew", "UnavailableError"],
  [200, "AccessDenied", "AccessError"],
  [400, "ExpiredToken", "AccessError"],
  [400, "RequestTimeout", "TimeoutError"],
  [400, "IncompleteBody", "UnavailableError"],
  [400, "BadDigest", "UnavailableError"],
  [400, "InvalidArgument", "InvalidInputError"],
  [400, "AuthorizationHeaderMalformed", "InvalidInputError"],
  [400, "constructor", "InvalidInputError"],
  [401, undefined, "AccessError"],
  [403, undefined, "AccessError"],
  [403, "AccessDenied", "AccessError"],
  [403, "SignatureDoesNotMatch", "AccessError"],
  [403, "RequestTimeTooSkewed", "AccessError"],
  [403, "InvalidObjectState", "UnsupportedError"],
  [404, undefined, "NotFoundError"],
  [404, "NoSuchKey", "NotFoundError"],
  [404, "NoSuchBucket", "NotFoundError"],
  [404, "NoSuchUpload", "NotFoundError"],
  [405, "MethodNotAllowed", "UnsupportedError"],
  [408, undefined, "TimeoutError"],
  [409, "ConditionalRequestConflict", "UnavailableError"],
  [409, "OperationAborted", "UnavailableError"],
  [412, undefined, "PreconditionFailedError"],
  [416, "InvalidRange", "InvalidInputError"],
  [429, undefined, "ThrottledError"],
  [500, undefined, "UnavailableError"],
  [501, "NotImplemented", "UnsupportedError"],
  [502, undefined, "UnavailableError"],
  [503, "SlowDown", "ThrottledError"],
  [503, "SlowDownWrite", "ThrottledError"],
  [503, undefined, "UnavailableError"],
  [504, undefined, "UnavailableError"],
  [301, "PermanentRedirect", "InvalidInputError"],
  [307, undefined, "InvalidInputError"],
];

for (const [status, code, name] of TABLE) {
  Deno.test(`errorFrom() makes ${status ?? "no answer"} ${code ?? "without a code"} a ${name}`, () => {
    const error = errorFrom({ ...about, status, code });
    assert.equal(error.name, name);
    assert.equal(error.status, status);
    assert.equal(error.code, code);
    assert.equal(error.key, "a/b");
    const again = ["ThrottledError", "TimeoutError", "UnavailableError"].includes(name);
    assert.equal(isRetryable(error), again);
  });
}

Deno.test("errorFrom() tells what is missing: the object, the bucket or the upload", () => {
  const what = (code: string) => (errorFrom({ ...about, status: 404, code }) as NotFoundError).what;
  assert.equal(what("NoSuchKey"), "object");
  assert.equal(what("NoSuchBucket"), "bucket");
  assert.equal(what("NoSuchUpload"), "upload");
});

Deno.test("errorFrom() names the region where the bucket is", () => {
  const failures: Partial<S3Failure>[] = [
    { status: 301, code: "PermanentRedirect" },
    { status: 400, code: "AuthorizationHeaderMalformed" },
    { status: 301 },
    { status: 400 },
  ];
  for (const failure of failures) {
    const { message } = errorFrom({ ...about, ...failure, region: "eu-west-1" });
    assert.match(message, /"eu-west-1": set `region`/);
  }
});

Deno.test("errorFrom() keeps what the store asks to wait, and its id of the request", () => {
  const failure = { ...about, status: 503, requestId: "R1", retryAfter: 1500 };
  const slow = errorFrom({ ...failure, code: "SlowDown" });
  assert(slow instanceof ThrottledError);
  assert.equal(slow.retryAfter, 1500);
  assert.equal(slow.requestId, "R1");
  const down = errorFrom(failure);
  assert(down instanceof UnavailableError);
  assert.equal(down.retryAfter, 1500);
});

Deno.test("errorFrom() makes a stranger's sentence fit for a log line", () => {
  const { message } = errorFrom({
    ...about,
    status: 500,
    message: `a\n\u001b[31mb${"c".repeat(999)}`,
  });
  assert.match(message, /: a \[31mbc+\.\.\.$/);
  assert(message.length < 400);
});

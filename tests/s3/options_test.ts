import assert from "node:assert/strict";
import { InvalidInputError } from "../../src/errors.ts";
import { dialectFor, type DialectName } from "../../src/s3/dialect.ts";
import { checkS3Options, resolveS3Options, type S3Options } from "../../src/s3/options.ts";

const BAD: [string, Partial<S3Options>, RegExp][] = [
  ["an empty bucket", { bucket: "" }, /bucket: current value is ""/],
  ["a bucket with a slash", { bucket: "a/../other" }, /bucket/],
  ["a bucket that climbs", { bucket: "a..b" }, /bucket/],
  [
    "an endpoint that is no URL",
    { endpoint: "s3.example.com" },
    /endpoint: current value is "s3.ex/,
  ],
  ["an endpoint of another scheme", { endpoint: "ftp://example.com" }, /https: or http:/],
  ["an endpoint with a query", { endpoint: "https://example.com/?a" }, /without a query/],
  ["a region that leaves its host", { region: "x.evil.example/" }, /region/],
  ["a dialect nobody knows", { dialect: "azure" as DialectName }, /dialect/],
  ["a dialect of Object.prototype", { dialect: "constructor" as DialectName }, /dialect/],
  ["R2 without its endpoint", { dialect: "r2" }, /endpoint/],
  ["parts below 5 MiB", { partSize: 5 * 1024 * 1024 - 1 }, /from 5242880 to/],
  ["half a part in flight", { partsInFlight: 0.5 }, /partsInFlight: current value is 0.5/],
  ["a negative threshold", { multipartThreshold: -1 }, /multipartThreshold/],
];

for (const [name, options, message] of BAD) {
  Deno.test(`checkS3Options() refuses ${name}`, () => {
    assert.throws(() => checkS3Options({ bucket: "state", ...options }), (error) => {
      assert(error instanceof InvalidInputError);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("checkS3Options() does not repeat a password in an endpoint", () => {
  assert.throws(
    () => checkS3Options({ bucket: "state", endpoint: "https://me:hunter2@example.com" }),
    (error) => error instanceof InvalidInputError && !error.message.includes("hunter2"),
  );
});

const PLACES: [Partial<S3Options>, string, boolean, string, string][] = [
  [{}, "https://s3.us-east-1.amazonaws.com", false, "aws", "us-east-1"],
  [{ region: "cn-north-1" }, "https://s3.cn-north-1.amazonaws.com.cn", false, "aws", "cn-north-1"],
  [{ bucket: "a.dotted.name" }, "https://s3.us-east-1.amazonaws.com", true, "aws", "us-east-1"],
  [{ forcePathStyle: true }, "https://s3.us-east-1.amazonaws.com", true, "aws", "us-east-1"],
  [
    { endpoint: "https://abc.r2.cloudflarestorage.com/" },
    "https://abc.r2.cloudflarestorage.com",
    true,
    "r2",
    "auto",
  ],
  [{ endpoint: "http://minio:9000" }, "http://minio:9000", true, "minio", "us-east-1"],
  [
    { endpoint: "http://localhost.localstack.cloud:4566" },
    "http://localhost.localstack.cloud:4566",
    true,
    "localstack",
    "us-east-1",
  ],
  [
    { endpoint: "http://[::1]:9000/base/", forcePathStyle: false },
    "http://[::1]:9000/base",
    true,
    "unknown",
    "us-east-1",
  ],
  [
    { endpoint: "http://127.0.0.1:1", dialect: "ceph" },
    "http://127.0.0.1:1",
    true,
    "ceph",
    "us-east-1",
  ],
  [
    { endpoint: "https://s3.example.com", forcePathStyle: false },
    "https://s3.example.com",
    false,
    "unknown",
    "us-east-1",
  ],
  [
    { endpoint: "https://notamazonaws.com" },
    "https://notamazonaws.com",
    true,
    "unknown",
    "us-east-1",
  ],
];

for (const [options, endpoint, pathStyle, dialect, region] of PLACES) {
  Deno.test(`resolveS3Options() places ${JSON.stringify(options)}`, () => {
    const settings = resolveS3Options({ bucket: "state", ...options });
    const { origin, pathname } = new URL(endpoint);
    const base = pathname === "/" ? origin : origin + pathname;
    const { bucket } = settings;
    const url = pathStyle ? `${base}/${bucket}` : base.replace("://", `://${bucket}.`);
    assert.equal(settings.url, url);
    assert.equal(settings.pathStyle, pathStyle);
    assert.equal(settings.dialect.name, dialect);
    assert.equal(settings.region, region);
  });
}

Deno.test("resolveS3Options() knows that a directory bucket lists in no order", () => {
  const { capabilities } = resolveS3Options({ bucket: "state--use1-az4--x-s3" });
  assert.equal(capabilities.orderedList, false);
});

Deno.test("resolveS3Options() believes what was probed", () => {
  const { capabilities } = resolveS3Options({
    bucket: "state",
    capabilities: { conditionalCreate: false },
  });
  assert.deepEqual(capabilities, {
    conditionalCreate: false,
    conditionalUpdate: true,
    orderedList: true,
    presign: true,
    attributes: true,
    versions: true,
  });
});

Deno.test("dialectFor() gives every dialect by its name", () => {
  for (const name of ["aws", "r2", "minio", "localstack", "ceph", "unknown"] as const) {
    assert.equal(dialectFor("https://example.com", name).name, name);
    assert.equal(
      dialectFor("https://example.com", name).region,
      name === "r2" ? "auto" : "us-east-1",
    );
  }
});

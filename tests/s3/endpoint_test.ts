import { InvalidInputError } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
const FLAGS = ["useAccelerateEndpoint", "useDualstackEndpoint", "useFipsEndpoint"] as const;
const BUCKETS = [
  "state",
  "with.dots",
  "point-0123456789abcdef0123456789abcdefs3alias",
  "arn:aws:s3:eu-central-1:123456789012:accesspoint/trail",
  "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/trail",
  "arn:aws-eusc:s3:eusc-de-east-1:123456789012:accesspoint/trail",
];

/** Each set of flags. */
const SETS = Array.from(
  { length: 2 ** FLAGS.length },
  (_, bits) => Object.fromEntries(FLAGS.map((flag, at) => [flag, (bits >> at & 1) === 1])),
);

async function placeOf(open: typeof edgeStore | typeof sdkStore, options: object) {
  const store = open({ credentials, ...options } as Parameters<typeof edgeStore>[0]);
  const url = new URL(await store.presign("a/b c+d", { method: "GET", expiresIn: 60 }));
  return `${url.origin}${url.pathname}`;
}

for (const region of ["us-east-1", "eu-central-1", "cn-north-1", "eusc-de-east-1"]) {
  for (const bucket of BUCKETS.filter((name) => !/:s3:/.test(name) || name.includes(region))) {
    for (const flags of SETS) {
      const named = FLAGS.filter((flag) => flags[flag]).join(" and ") || "no flag";
      Deno.test(`edgeStore finds ${bucket} in ${region} with ${named} where the SDK does, or refuses`, async () => {
        const options = { bucket, region, ...flags };
        let expected: string | undefined;
        try {
          expected = await placeOf(sdkStore, options);
        } catch (error) {
          assert(error instanceof InvalidInputError);
        }
        if (expected === undefined) {
          await assert.rejects(placeOf(edgeStore, options), InvalidInputError);
        } else assert.equal(await placeOf(edgeStore, options), expected);
      });
    }
  }
}

for (
  const endpoint of [
    "http://127.0.0.1:9000",
    "http://[::1]:9000",
    "http://[2001:db8::7]/base",
    "https://s3.example.com",
    "https://s3.example.com:443/",
    "https://s3.example.com:8443/base/path/",
    "https://xn--nxasmq6b.example.com",
    "https://0123456789abcdef.r2.cloudflarestorage.com",
    "https://0123456789abcdef.eu.r2.cloudflarestorage.com",
    "https://0123456789abcdef.fedramp.r2.cloudflarestorage.com",
    "https://s3.eu-central-1.amazonaws.com",
    "https://s3.cn-north-1.amazonaws.com.cn",
    "https://s3.eusc-de-east-1.amazonaws.eu",
    "https://bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com",
  ]
) {
  for (const bucket of ["state", "with.dots", "With_Capitals"]) {
    for (const forcePathStyle of [undefined, true, false]) {
      Deno.test(`edgeStore finds ${bucket} on ${endpoint} where the SDK does (forcePathStyle: ${forcePathStyle})`, async () => {
        const options = { bucket, endpoint, region: "us-east-1", forcePathStyle };
        assert.equal(await placeOf(edgeStore, options), await placeOf(sdkStore, options));
      });
    }
  }
}

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  Deno.test(`${name} asks a server on an address of IPv6, and signs its name with the port`, async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer(({ method, url, headers }, response) => {
      seen.push(`${method} ${url!.replace(/\?.*/, "")} ${headers.host}`);
      const last = { "last-modified": new Date(0).toUTCString() };
      response.writeHead(200, { etag: '"e"', "content-length": "0", ...last }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "::1", resolve));
    const host = `[::1]:${(server.address() as AddressInfo).port}`;
    try {
      const store = open({ bucket: "state", credentials, endpoint: `http://${host}/base/` });
      await store.put("key", new Uint8Array(1));
      await (await store.get("key")).body.cancel();
      assert.deepEqual(seen, [`PUT /base/state/key ${host}`, `GET /base/state/key ${host}`]);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
}

Deno.test("AWS's endpoints are AWS's in each of its partitions, and a host that begins like one is not", () => {
  for (
    const [endpoint, dialect] of Object.entries({
      "https://s3.eu-central-1.amazonaws.com": "aws",
      "https://s3.cn-north-1.amazonaws.com.cn:443": "aws",
      "https://s3.eusc-de-east-1.amazonaws.eu": "aws",
      "https://s3.amazonaws.eu.example.com": "unknown",
      "https://s3.amazonaws.com.eu": "unknown",
      "https://s3.amazonaws.europe.example": "unknown",
    })
  ) assert.equal(edgeStore({ bucket: "state", endpoint, credentials }).api.dialect, dialect);
});

Deno.test("R2's endpoints of a jurisdiction are R2's, and a host that ends like one is not", () => {
  for (const part of ["", ".eu", ".fedramp"]) {
    const endpoint = `https://0123456789abcdef${part}.r2.cloudflarestorage.com`;
    const store = edgeStore({ bucket: "state", endpoint, credentials });
    assert.deepEqual([store.api.dialect, store.api.region], ["r2", "auto"]);
  }
  for (
    const endpoint of [
      "https://not-r2.cloudflarestorage.com.example.com",
      "https://er2.cloudflarestorage.com",
    ]
  ) {
    assert.equal(edgeStore({ bucket: "state", endpoint, credentials }).api.dialect, "unknown");
  }
});

for (const flag of FLAGS) {
  Deno.test(`${flag} is refused beside an endpoint, which already says where to go`, () => {
    const options = { bucket: "state", credentials, endpoint: "http://127.0.0.1:9000" };
    for (const open of [edgeStore, sdkStore]) {
      assert.throws(() => open({ ...options, [flag]: true }), (error) => {
        assert(error instanceof InvalidInputError);
        return error.message.includes(flag);
      });
    }
  });
}

for (
  const [why, options] of Object.entries({
    "of another region": { bucket: "arn:aws:s3:eu-west-1:123456789012:accesspoint/trail" },
    "of no account": { bucket: "arn:aws:s3:us-east-1::accesspoint/trail" },
    "of many regions": { bucket: "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap" },
    "that is no access point's": { bucket: "arn:aws:s3:::state" },
    "with a path": {
      bucket: "arn:aws:s3:us-east-1:123456789012:accesspoint/trail",
      forcePathStyle: true,
    },
    "with an endpoint": {
      bucket: "arn:aws:s3:us-east-1:123456789012:accesspoint/trail",
      endpoint: "http://127.0.0.1:9000",
    },
  })
) {
  Deno.test(`an ARN ${why} is refused, and the refusal names it`, () => {
    for (const open of [edgeStore, sdkStore]) {
      assert.throws(() => open({ credentials, region: "us-east-1", ...options }), (error) => {
        assert(error instanceof InvalidInputError);
        return error.message.includes(options.bucket) || error.message.includes("access point");
      });
    }
  });
}

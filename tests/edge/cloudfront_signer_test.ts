import { getSignedCookies, getSignedUrl } from "@aws-sdk/cloudfront-signer";
import { InvalidInputError } from "@cairn/checkpoint";
import { cloudFrontSigner, type CloudFrontSignerOptions } from "@cairn/checkpoint/edge";
import fc from "fast-check";
import assert from "node:assert/strict";
import { constants, generateKeyPairSync, verify } from "node:crypto";

const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pkcs8 = pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
const pkcs1 = pair.privateKey.export({ type: "pkcs1", format: "pem" }) as string;
const keyPairId = "K2JCJMDEHXQW5F";
const later = new Date(Date.now() + 300_000);

function signer(options: Partial<CloudFrontSignerOptions> = {}) {
  return cloudFrontSigner({ keyPairId, privateKey: pkcs8, ...options });
}

/** URLs as `fetch` sends them, with what is awkward in paths and queries. */
const urls = fc.tuple(
  fc.constantFrom("https://d111111abcdef8.cloudfront.net", "https://cdn.example.com:8443"),
  fc.array(fc.string({ unit: "grapheme", maxLength: 8 }), { maxLength: 4 }),
  fc.array(fc.tuple(fc.string({ maxLength: 6 }), fc.string({ unit: "grapheme", maxLength: 6 })), {
    maxLength: 3,
  }),
  fc.boolean(),
).map(([origin, segments, query, plus]) => {
  const path = segments.map((text) => encodeURIComponent(text)).join("/");
  const search = query.map(([name, value]) =>
    `${encodeURIComponent(name)}=${encodeURIComponent(value)}${plus ? "+%c3%a9" : ""}`
  );
  return new URL(`${origin}/${path}${search.length > 0 ? `?${search.join("&")}` : ""}`).href;
}).filter((url) => !url.includes("*"));

const grants = fc.record({
  expires: fc.date({ min: new Date(Date.now() + 86_400_000), noInvalidDate: true }),
  starts: fc.option(fc.date({ min: new Date(1000), max: new Date(), noInvalidDate: true }), {
    nil: undefined,
  }),
  ipAddress: fc.option(
    fc.tuple(fc.ipV4(), fc.option(fc.nat(32))).map(([ip, mask]) =>
      mask === null ? ip : `${ip}/${mask}`
    ),
    { nil: undefined },
  ),
});

/** A grant as the AWS SDK names it. */
function inSdkWords({ expires, starts, ipAddress }: {
  expires: Date;
  starts?: Date | undefined;
  ipAddress?: string | undefined;
}) {
  return {
    keyPairId,
    privateKey: pkcs8,
    dateLessThan: expires,
    ...(starts && { dateGreaterThan: starts }),
    ...(ipAddress && { ipAddress }),
  };
}

for (const [form, privateKey] of Object.entries({ pkcs8, pkcs1 })) {
  for (const hash of ["SHA-1", "SHA-256"] as const) {
    const algorithm = hash === "SHA-1" ? "SHA1" : "SHA256";
    const { signUrl, signCookies } = signer({ privateKey, hash });

    Deno.test(`cloudFrontSigner() signs URLs as the AWS SDK does, ${form} and ${hash}`, async () => {
      await fc.assert(
        fc.asyncProperty(urls, grants, async (url, grant) => {
          const expected = getSignedUrl({ url, algorithm, ...inSdkWords(grant) });
          assert.equal(await signUrl(url, grant), expected);
          // What is sent is what was signed.
          assert.equal(new URL(expected).href, expected);
        }),
      );
    });

    Deno.test(`cloudFrontSigner() signs cookies as the AWS SDK does, ${form} and ${hash}`, async () => {
      await fc.assert(
        fc.asyncProperty(urls, grants, async (url, grant) => {
          const expected = getSignedCookies({ url, algorithm, ...inSdkWords(grant) });
          const texts = Object.entries(expected).map(([name, value]) => [name, `${value}`]);
          assert.deepEqual({ ...await signCookies(url, grant) }, Object.fromEntries(texts));
        }),
      );
    });
  }
}

Deno.test("cloudFrontSigner() signs a pattern by a custom policy: a canned one would name another URL", async () => {
  const resource = "https://cdn.example.com/cairn/*";
  const cookies = await signer().signCookies(resource, { expires: later });
  assert.deepEqual(Object.keys(cookies).sort(), [
    "CloudFront-Key-Pair-Id",
    "CloudFront-Policy",
    "CloudFront-Signature",
  ]);
  const decoded = (text: string) =>
    atob(text.replace(/[-_~]/g, (char) => ({ "-": "+", _: "=", "~": "/" })[char]!));
  const policy = decoded(cookies["CloudFront-Policy"]!);
  const end = Math.round(later.getTime() / 1000);
  assert.deepEqual(JSON.parse(policy), {
    Statement: [{
      Resource: resource,
      Condition: { DateLessThan: { "AWS:EpochTime": end } },
    }],
  });
  const expected = getSignedCookies({ policy, keyPairId, privateKey: pkcs8 });
  assert.equal(cookies["CloudFront-Signature"], expected["CloudFront-Signature"]);
  assert.equal(cookies["CloudFront-Policy"], expected["CloudFront-Policy"]);
  const signature = Uint8Array.from(
    decoded(cookies["CloudFront-Signature"]!),
    (char) => char.charCodeAt(0),
  );
  const key = { key: pair.publicKey, padding: constants.RSA_PKCS1_PADDING };
  assert(verify("RSA-SHA1", new TextEncoder().encode(policy), key, signature));
});

Deno.test("cloudFrontSigner() signs a URL as it is sent, however it was written", async () => {
  const grant = { expires: later };
  const signed = await signer().signUrl("https://CDN.example.com:443/a/../b c", grant);
  assert(signed.startsWith("https://cdn.example.com/b%20c?Expires="), signed);
  assert.equal(await signer().signUrl("https://cdn.example.com/b%20c", grant), signed);
});

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const ed = generateKeyPairSync("ed25519").privateKey;
const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
const cipher = { cipher: "aes-256-cbc", passphrase: "pass" } as const;
const BAD_KEYS: Record<string, [key: unknown, message: RegExp]> = {
  "an elliptic key": [ec.export({ type: "pkcs8", format: "pem" }), /no RSA key/],
  "an elliptic key of its own form": [ec.export({ type: "sec1", format: "pem" }), /EC PRIVATE KEY/],
  "an Ed25519 key": [ed.export({ type: "pkcs8", format: "pem" }), /no RSA key/],
  "a short key": [small.export({ type: "pkcs8", format: "pem" }), /1024 bits/],
  "a short key of PKCS#1": [small.export({ type: "pkcs1", format: "pem" }), /1024 bits/],
  "a public key": [pair.publicKey.export({ type: "spki", format: "pem" }), /PUBLIC KEY/],
  "an encrypted key": [
    pair.privateKey.export({ type: "pkcs8", format: "pem", ...cipher }),
    /encrypted/,
  ],
  "an encrypted key of PKCS#1": [
    pair.privateKey.export({ type: "pkcs1", format: "pem", ...cipher }),
    /encrypted/,
  ],
  "a key cut short": [pkcs8.split("\n").toSpliced(5, 8).join("\n"), /no RSA key/],
  "a key that is no base64": [pkcs8.replace(/\n[^\n]{8}/, "\n===="), /base64/],
  "no PEM": [Buffer.from(pkcs8).toString("base64"), /no PEM/],
  "no key": [undefined, /no PEM/],
};

for (const [what, [privateKey, message]] of Object.entries(BAD_KEYS)) {
  Deno.test(`cloudFrontSigner() signs nothing with ${what}, and quotes none of it`, async () => {
    const attempt = async () => {
      await signer({ privateKey: privateKey as string }).signUrl("https://a.example/b", {
        expires: later,
      });
    };
    await assert.rejects(attempt, (error) => {
      assert(error instanceof InvalidInputError);
      assert.match(error.message, message);
      assert.equal(error.cause, undefined);
      for (const line of `${privateKey}`.split("\n").filter((line) => line.length > 40)) {
        assert(!error.message.includes(line.slice(0, 20)));
      }
      return true;
    });
  });
}

const BAD_URLS = {
  "no URL": "cairn/t",
  "another scheme": "s3://state/key",
  "a fragment": "https://a.example/b#c",
  "a password": "https://user:secret@a.example/b",
  "a pattern": "https://a.example/b*",
  "a URL that was signed before": "https://a.example/b?Expires=1&Signature=x&Key-Pair-Id=y",
};

for (const [what, url] of Object.entries(BAD_URLS)) {
  Deno.test(`CloudFrontSigner.signUrl() refuses ${what}`, async () => {
    await assert.rejects(signer().signUrl(url, { expires: later }), (error) => {
      assert(error instanceof InvalidInputError);
      assert(!error.message.includes("secret"));
      return true;
    });
  });
}

const BAD_GRANTS: Record<string, [object, RegExp]> = {
  "an end that is over": [{ expires: new Date(Date.now() - 1000) }, /over/],
  "no date": [{ expires: new Date(NaN) }, /expires/],
  "a number for a date": [{ expires: Date.now() + 1000 }, /expires/],
  "no end": [{}, /expires/],
  "a beginning after the end": [
    { expires: later, starts: new Date(later.getTime() + 1000) },
    /starts/,
  ],
  "an address that is none": [{ expires: later, ipAddress: "256.1.1.1" }, /ipAddress/],
  "an address of another kind": [{ expires: later, ipAddress: "::1" }, /ipAddress/],
  "a range that is none": [{ expires: later, ipAddress: "10.0.0.0/33" }, /ipAddress/],
  "an address with a leading zero": [{ expires: later, ipAddress: "10.0.0.01" }, /ipAddress/],
};

for (const [what, [grant, message]] of Object.entries(BAD_GRANTS)) {
  Deno.test(`CloudFrontSigner refuses ${what}`, async () => {
    const { signUrl, signCookies } = signer();
    for (const sign of [signUrl, signCookies]) {
      await assert.rejects(sign("https://a.example/b", grant as never), (error) => {
        assert(error instanceof InvalidInputError);
        assert.match(error.message, message);
        return true;
      });
    }
  });
}

Deno.test("CloudFrontSigner.signCookies() refuses what a policy cannot hold", async () => {
  for (const resource of ["", "cairn/*", 'https://a/"', "https://a/\\", "https://a/b c", "*"]) {
    await assert.rejects(signer().signCookies(resource, { expires: later }), InvalidInputError);
  }
});

Deno.test("cloudFrontSigner() refuses an id and a hash that CloudFront has none of", () => {
  for (const keyPairId of ["", "a b", "K2&Signature=x", undefined as never]) {
    assert.throws(() => signer({ keyPairId }), InvalidInputError);
  }
  assert.throws(() => signer({ hash: "MD5" as never }), InvalidInputError);
});

import { InvalidInputError } from "../errors.ts";
import { base64 } from "../s3/md5.ts";
import { refuse } from "../store/_options.ts";
import { concat } from "../store/body.ts";
import { utf8 } from "../store/utf8.ts";

/** Options of {@link cloudFrontSigner}. */
export interface CloudFrontSignerOptions {
  /** The id of the public key, as CloudFront's key group has it. */
  readonly keyPairId: string;
  /**
   * The private key of that pair: RSA of 2,048 bits in PEM, as PKCS#8 (`BEGIN
   * PRIVATE KEY`) or PKCS#1 (`BEGIN RSA PRIVATE KEY`), not encrypted.
   */
  readonly privateKey: string;
  /** The hash that is signed. @default "SHA-1", which CloudFront expects where it is told nothing else */
  readonly hash?: "SHA-1" | "SHA-256" | undefined;
}

/** Until when, from when and for whom a signature holds. */
export interface CloudFrontGrant {
  /** Its end, in whole seconds. */
  readonly expires: Date;
  /** Its beginning. @default at once */
  readonly starts?: Date | undefined;
  /** The IPv4 address, or the range in CIDR notation, that may use it. @default any */
  readonly ipAddress?: string | undefined;
}

/** The cookies that CloudFront asks for, by their names. */
export type CloudFrontCookies = Readonly<Record<`CloudFront-${string}`, string>>;

/** Signs URLs and cookies for a distribution. */
export interface CloudFrontSigner {
  /**
   * Signs a URL. One with an end alone gets a canned policy, the shorter; one
   * with a beginning or an address, a custom one.
   *
   * @throws {InvalidInputError} where the URL, the time or the address cannot
   * be used, or the key is none.
   */
  signUrl(url: string, grant: CloudFrontGrant): Promise<string>;
  /**
   * Signs cookies for one URL, or for many by a pattern, such as
   * `https://cdn.example.com/cairn/*`.
   *
   * @throws {InvalidInputError} as {@link CloudFrontSigner.signUrl} does.
   */
  signCookies(resource: string, grant: CloudFrontGrant): Promise<CloudFrontCookies>;
}

/** What is signed, and how it is told. */
interface Signed {
  /** A canned policy is told by its end alone. */
  readonly policy: { readonly name: "Expires" | "Policy"; readonly value: string };
  readonly signature: string;
}

const PEM = /^-----BEGIN ([A-Z ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----$/;
/** The only length that CloudFront takes, in bits. */
const MODULUS = 2048;
const CIDR = /^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(?=\d)|(?=\/|$))){4}(\/(3[0-2]|[12]?\d))?$/;
/** What CloudFront reads of a query for itself. */
const RESERVED = ["Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"];

/**
 * Signs URLs and cookies of CloudFront by WebCrypto alone, byte for byte as
 * `@aws-sdk/cloudfront-signer` does, which serves as well where there is Node.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html
 *
 * The key is read when it is first needed.
 *
 * @throws {InvalidInputError} where the id or the key cannot be one; the key
 * itself is in no message.
 *
 * @example
 * ```ts
 * import { cloudFrontSigner } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 * import { generateKeyPairSync } from "node:crypto";
 *
 * const { privateKey } = generateKeyPairSync("rsa", {
 *   modulusLength: 2048,
 *   publicKeyEncoding: { type: "spki", format: "pem" },
 *   privateKeyEncoding: { type: "pkcs8", format: "pem" },
 * });
 * const signer = cloudFrontSigner({ keyPairId: "K2JCJMDEHXQW5F", privateKey });
 * const url = await signer.signUrl("https://d111111abcdef8.cloudfront.net/cairn/t/v/00", {
 *   expires: new Date(Date.now() + 300_000),
 * });
 * assert.equal(new URL(url).searchParams.get("Key-Pair-Id"), "K2JCJMDEHXQW5F");
 * ```
 */
export function cloudFrontSigner(options: CloudFrontSignerOptions): CloudFrontSigner {
  const { keyPairId, privateKey, hash = "SHA-1" } = options;
  if (typeof keyPairId !== "string" || !/^[A-Za-z0-9]{1,128}$/.test(keyPairId)) {
    refuse("keyPairId", keyPairId, "the id of a public key in CloudFront, such as K2JCJMDEHXQW5F");
  }
  if (hash !== "SHA-1" && hash !== "SHA-256") refuse("hash", hash, "SHA-1 or SHA-256");
  const der = derOf(privateKey);
  let key: Promise<CryptoKey> | undefined;

  async function sign(resource: string, grant: CloudFrontGrant): Promise<Signed> {
    const [text, end] = policyOf(resource, grant);
    key ??= importKey(der, hash);
    const bytes = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", await key, utf8(text));
    const isCanned = grant.starts === undefined && grant.ipAddress === undefined &&
      !resource.includes("*");
    return {
      policy: isCanned
        ? { name: "Expires", value: `${end}` }
        : { name: "Policy", value: forUrls(utf8(text)) },
      signature: forUrls(new Uint8Array(bytes)),
    };
  }

  return {
    async signUrl(url, grant) {
      const base = urlOf(url);
      const { policy, signature } = await sign(base, grant);
      const fields = [
        `${policy.name}=${policy.value}`,
        `Key-Pair-Id=${keyPairId}`,
        `Signature=${signature}`,
        ...(hash === "SHA-256" ? ["Hash-Algorithm=SHA256"] : []),
      ];
      return `${base}${base.includes("?") ? "&" : "?"}${fields.join("&")}`;
    },
    async signCookies(resource, grant) {
      const { policy, signature } = await sign(resourceOf(resource), grant);
      return {
        "CloudFront-Key-Pair-Id": keyPairId,
        "CloudFront-Signature": signature,
        [`CloudFront-${policy.name}`]: policy.value,
        ...(hash === "SHA-256" && { "CloudFront-Hash-Algorithm": "SHA256" }),
      };
    },
  };
}

/** The policy that is signed, as CloudFront builds it again, and its end in seconds. */
function policyOf(Resource: string, grant: CloudFrontGrant): [policy: string, end: number] {
  const { expires, starts, ipAddress } = grant;
  const end = secondsOf("expires", expires);
  if (end * 1000 <= Date.now()) {
    refuse("expires", expires.toISOString(), "a time to come: that one is over");
  }
  const begin = starts === undefined ? undefined : secondsOf("starts", starts);
  if (begin !== undefined && begin >= end) {
    refuse("starts", starts!.toISOString(), `a time before the end, ${expires.toISOString()}`);
  }
  if (ipAddress !== undefined && (typeof ipAddress !== "string" || !CIDR.test(ipAddress))) {
    refuse("ipAddress", ipAddress, "an IPv4 address, or a range such as 192.0.2.0/24");
  }
  const Condition = {
    DateLessThan: { "AWS:EpochTime": end },
    ...(begin !== undefined && { DateGreaterThan: { "AWS:EpochTime": begin } }),
    ...(ipAddress !== undefined && {
      IpAddress: { "AWS:SourceIp": ipAddress.includes("/") ? ipAddress : `${ipAddress}/32` },
    }),
  };
  return [JSON.stringify({ Statement: [{ Resource, Condition }] }), end];
}

function secondsOf(name: string, date: Date): number {
  const seconds = date instanceof Date ? Math.round(date.getTime() / 1000) : NaN;
  if (!Number.isSafeInteger(seconds) || seconds < 1) refuse(name, date, "a valid Date");
  return seconds;
}

/**
 * A URL as a client sends it and CloudFront sees it: what is signed and what is
 * sent must be the same characters.
 */
function urlOf(text: string): string {
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username + url.password + url.hash) {
    refuse("url", url ? `${url.protocol}//${url.host}` : text, "an https: URL without a fragment");
  }
  if (url.pathname.includes("*")) {
    refuse("url", url.href, "one without *: a link is to one object; signCookies takes a pattern");
  }
  const taken = RESERVED.find((name) => url.searchParams.has(name));
  if (taken !== undefined) {
    refuse("url", `${url.origin}${url.pathname}`, `one without ${taken} in its query: signed once`);
  }
  const path = url.pathname.replace(/[^/]+/g, (segment) => {
    try {
      return encodeURIComponent(decodeURIComponent(segment));
    } catch {
      return encodeURIComponent(segment);
    }
  });
  const query = url.search.slice(1).split("&").filter((pair) => pair !== "").map((pair) => {
    const [name, ...value] = pair.split("=");
    return `${encodeQuery(name!)}=${encodeQuery(value.join("="))}`;
  });
  return `${url.origin}${path}${query.length > 0 ? `?${query.join("&")}` : ""}`;
}

/** What is encoded stays so, and a plus a plus. */
function encodeQuery(text: string): string {
  return text.replace(
    /%[\da-f]{2}|\+|[^%+]+|%/gi,
    (part) =>
      part === "+"
        ? part
        : /^%./.test(part)
        ? part.toUpperCase()
        : encodeURIComponent(part).replaceAll("'", "%27"),
  );
}

function resourceOf(resource: string): string {
  // A policy is JSON in printable ASCII, and `*` and `?` in it are patterns.
  if (typeof resource !== "string" || !/^https?:\/\/[!#-\[\]-~]+$/.test(resource)) {
    refuse("resource", resource, "a URL, or a pattern such as https://cdn.example.com/cairn/*");
  }
  return resource;
}

/** The key's bytes in PKCS#8; what is wrong is said without a byte of them. */
function derOf(pem: string): Uint8Array<ArrayBuffer> {
  const [, label, body] = (typeof pem === "string" && PEM.exec(pem.trim())) || [];
  if (label === "PRIVATE KEY" || label === "RSA PRIVATE KEY") {
    let der;
    try {
      der = Uint8Array.from(atob(body!.replace(/\s/g, "")), (char) => char.charCodeAt(0));
    } catch {
      throw badKey("its base64 is malformed");
    }
    return label === "PRIVATE KEY" ? der : wrapped(der);
  }
  if (/ENCRYPTED/.test(`${pem}`)) {
    throw badKey("it is encrypted; decrypt it, as by openssl pkcs8 -topk8 -nocrypt");
  }
  throw badKey(label === undefined ? "it is no PEM" : `it is a ${label}`);
}

function badKey(why: string): InvalidInputError {
  return new InvalidInputError(
    `Cannot use privateKey: ${why}; give an RSA key of ${MODULUS} bits in PEM, as PKCS#8 or PKCS#1`,
  );
}

/** `version 0, rsaEncryption`: what PKCS#8 puts before a key of PKCS#1. */
const RSA_HEAD = /* @__PURE__ */ Uint8Array.of(
  ...[0x02, 0x01, 0x00],
  ...[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00],
);
const SEQUENCE = 0x30, OCTET_STRING = 0x04;

/** A key of PKCS#1 as PKCS#8, which is all that WebCrypto reads. */
function wrapped(pkcs1: Uint8Array): Uint8Array<ArrayBuffer> {
  return element(SEQUENCE, concat([RSA_HEAD, element(OCTET_STRING, pkcs1)]));
}

/** An element of DER; none here has 64 KiB. */
function element(tag: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = content;
  if (length > 0xffff) throw badKey("it is too long");
  const size = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return concat([Uint8Array.of(tag, ...size), content]);
}

async function importKey(
  der: Uint8Array<ArrayBuffer>,
  hash: "SHA-1" | "SHA-256",
): Promise<CryptoKey> {
  let key;
  try {
    key = await crypto.subtle.importKey("pkcs8", der, { name: "RSASSA-PKCS1-v1_5", hash }, false, [
      "sign",
    ]);
  } catch {
    throw badKey("it is no RSA key, or damaged"); // without the cause: who knows what it quotes
  }
  const { modulusLength } = key.algorithm as RsaHashedKeyAlgorithm;
  if (modulusLength !== MODULUS) throw badKey(`it has ${modulusLength} bits`);
  return key;
}

/** Base64 with what a URL and a cookie cannot have replaced, as CloudFront does. */
function forUrls(bytes: Uint8Array): string {
  const replaced: Record<string, string> = { "+": "-", "=": "_", "/": "~" };
  return base64(bytes).replace(/[+=/]/g, (char) => replaced[char]!);
}

import { Signer } from "./_signer.ts";
import { AccessError, CairnError, CorruptError, UnavailableError } from "../errors.ts";
import { readAll } from "../store/body.ts";
import { createPolicy, type PolicyOptions } from "../store/policy.ts";
import { retryAfter } from "../store/retry_after.ts";
import type { CallOptions } from "../store/store.ts";
import { credentialsSource } from "../s3/credentials.ts";
import { classOf, plain } from "../s3/errors.ts";
import { domainOf } from "../s3/endpoint.ts";
import {
  checkEndpoint,
  checkRegion,
  type S3Credentials,
  type S3CredentialsProvider,
} from "../s3/options.ts";
import { childrenOf, parseXml, textOf } from "../s3/xml.ts";

/** Options of a client of one of AWS's services beside S3. */
export interface AwsClientOptions extends PolicyOptions {
  /** The region. */
  readonly region: string;
  /** Credentials, or what gives them: there is no chain to find them by. */
  readonly credentials: S3Credentials | S3CredentialsProvider;
  /** The server's URL. @default AWS in `region` */
  readonly endpoint?: string | undefined;
  /** What sends the requests. @default globalThis.fetch */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** One call of a service's API: a POST to its root. */
export interface AwsRequest {
  /** The operation, for messages. */
  readonly operation: string;
  /** The headers, the content type among them. */
  readonly headers: Record<string, string>;
  /** JSON or a form. */
  readonly body: string;
}

/** Sends a call and gives the text of its answer. */
export type AwsCall = (request: AwsRequest, options?: CallOptions) => Promise<string>;

/** No answer of what is called here comes near. */
const MAX_ANSWER = 262_144;
/** From where on a clock that differs explains a refusal; AWS allows 5 minutes, and S3 15. */
const SKEW = 240_000;
const EXPIRED = /^(ExpiredToken|TokenRefreshRequired)$/;
/** Refusals of a signature, which come with a 400. */
const REFUSED =
  /^(Unrecognized|Invalid)Client|Signature|^MissingAuthenticationToken$|^OptInRequired$/;

/**
 * Makes what calls one of AWS's services by `fetch`: signed, tried again by a
 * policy, with a bounded answer and the package's errors. `service` is the
 * name that is signed, and the first label of the host.
 *
 * @throws {InvalidInputError} where an option cannot be used.
 */
export function awsCaller(service: string, options: AwsClientOptions): AwsCall {
  const { region } = options;
  checkRegion(region);
  const url = options.endpoint === undefined
    ? new URL(`https://${service}.${region}.${domainOf(region)}/`)
    : checkEndpoint(options.endpoint);
  const credentials = credentialsSource(options.credentials);
  const send = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const policy = createPolicy(options);
  /** Keys derived from the secret, so that a signature costs one HMAC. */
  const derived = new Map<string, ArrayBuffer>();
  /** What to add to this machine's clock to have the server's. */
  let offset = 0;

  async function sendOnce(
    { headers, body }: AwsRequest,
    { accessKeyId, secretAccessKey, sessionToken }: S3Credentials,
    signal: AbortSignal,
  ): Promise<{ response: Response; text: string }> {
    if (derived.size > 8) derived.clear();
    const signer = new Signer({
      method: "POST",
      url: url.href,
      headers,
      body,
      accessKeyId,
      secretAccessKey,
      ...(sessionToken && { sessionToken }),
      service,
      region,
      cache: derived,
      datetime: new Date(Date.now() + offset).toISOString().replace(/[:-]|\.\d{3}/g, ""),
    });
    const signed = await signer.sign();
    const init = { method: "POST", headers: signed.headers, body, signal } as const;
    const response = await send(url.href, { ...init, redirect: "manual" });
    const bytes = await readAll(response.body, MAX_ANSWER);
    return { response, text: new TextDecoder().decode(bytes) };
  }

  async function attempt(request: AwsRequest, signal: AbortSignal): Promise<string> {
    const what = `Cannot call ${service} ${request.operation} in ${region}`;
    let keys = await credentials.get();
    for (let clockTried = false, keysTried = false;;) {
      const used = offset;
      const { response, text } = await sendOnce(request, keys, signal).catch((cause) => {
        if (signal.aborted) throw signal.reason;
        if (cause instanceof CorruptError) throw cause;
        throw new UnavailableError(`${what} (no answer)`, { cause });
      });
      if (response.ok) return text;
      const error = errorOf(what, response, text);
      const skew = Date.parse(response.headers.get("date") ?? "") - Date.now();
      if (error instanceof AccessError && !clockTried && Math.abs(skew - used) >= SKEW) {
        offset = skew;
        clockTried = true;
        continue;
      }
      const others = EXPIRED.test(error.code ?? "") && !keysTried
        ? await credentials.replace(keys)
        : undefined;
      if (others === undefined) throw error;
      keys = others;
      keysTried = true;
    }
  }

  return (request, { signal, trace } = {}) =>
    policy.run((inner) => attempt(request, inner), signal, trace);
}

function errorOf(what: string, { status, headers }: Response, text: string) {
  const said = jsonError(text) ?? xmlError(text) ?? {};
  // "com.amazonaws.kms#NotFoundException:http://…", of which the name counts, in either way to say it.
  const code = (said.code ?? headers.get("x-amzn-errortype") ?? "")
    .replace(/^.*#/, "").replace(/:.*$/, "").replace(/Exception$/, "");
  const Class: new (message: string, options: object) => CairnError = REFUSED.test(code)
    ? AccessError
    : classOf(status, code);
  const message = said.message ? `: ${plain(said.message)}` : "";
  return new Class(`${what} (${`${status} ${plain(code)}`.trim()})${message}`, {
    status,
    code: code || undefined,
    requestId: headers.get("x-amzn-requestid") ?? undefined,
    retryAfter: retryAfter(headers),
  });
}

interface Said {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}

/** https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization */
function jsonError(text: string): Said | undefined {
  try {
    const { __type, code = __type, message, Message = message } = JSON.parse(text);
    return { code: textOr(code), message: textOr(Message) };
  } catch {
    return undefined; // XML, a proxy's page, or nothing
  }
}

/** https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#operation-error-serialization */
function xmlError(text: string): Said | undefined {
  try {
    const root = parseXml(text);
    const error = childrenOf(root, "Error")[0] ?? root;
    return { code: textOf(error, "Code"), message: textOf(error, "Message") };
  } catch {
    return undefined;
  }
}

function textOr(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

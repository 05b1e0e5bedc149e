import { Signer } from "./_signer.ts";
import { CorruptError } from "../errors.ts";
import { cancel } from "../store/_abort.ts";
import { given } from "../store/_options.ts";
import { readAll } from "../store/body.ts";
import type { S3Answer } from "../s3/api.ts";
import { checkAnswer, failureOf, xmlOf } from "../s3/answers.ts";
import type { CredentialsSource } from "../s3/credentials.ts";
import { errorFrom, type S3Failure } from "../s3/errors.ts";
import { noteAnswer } from "../s3/headers.ts";
import type { S3Credentials, S3Settings } from "../s3/options.ts";
import { checkSession, type UrlRequest } from "../s3/presign.ts";
import { encodeKey, encodeUri } from "../s3/uri.ts";
import type { XmlElement } from "../s3/xml.ts";
import { inViews } from "./_views.ts";

/** A request before it is signed. */
export interface WireRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Absent where it is about the bucket. */
  readonly key?: string | undefined;
  readonly query?: Readonly<Record<string, string | undefined>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | string | undefined;
  /** The name of the operation, for messages. @default the method */
  readonly operation?: string;
}

/** What is behind a wire. */
export interface WireParts {
  readonly settings: S3Settings;
  readonly credentials: CredentialsSource;
  /** @default globalThis.fetch, looked up at each call, so that whoever replaces it later is heard */
  readonly fetch?: typeof fetch | undefined;
}

/** Signs requests, sends them once, and makes an error of each answer that is none. */
export interface Wire {
  /** Sends a request; whoever calls reads or cancels the body of the answer. */
  send(request: WireRequest, signal: AbortSignal): Promise<Response>;
  /** Sends a request and reads its answer; a 200 that carries an `<Error>` is an error. */
  sendForText(request: WireRequest, signal: AbortSignal): Promise<S3Answer>;
  /** Sends a request whose answer is XML. */
  sendForXml(request: WireRequest, signal: AbortSignal): Promise<XmlElement>;
  /** A URL that allows a request for some seconds. */
  presign(key: string, request: UrlRequest): Promise<string>;
}

const EXPIRED = /^(ExpiredToken(Exception)?|TokenRefreshRequired)$/;

/** Makes a wire to one bucket. */
export function createWire({ settings, credentials, fetch }: WireParts): Wire {
  // A LIST of 1,000 keys of 1,024 bytes, each percent-encoded, has less.
  const MAX_TEXT = 8 * 1024 * 1024;
  const MAX_ERROR = 64 * 1024;
  const { bucket, region, url: base } = settings;
  /** Keys derived from the secret, so that a signature costs one HMAC. */
  const derived = new Map<string, ArrayBuffer>();
  /** What to add to this machine's clock to have the server's. */
  let offset = 0;

  async function sign(
    { method, key, query = {}, headers = {} }: WireRequest,
    { accessKeyId, secretAccessKey, sessionToken }: S3Credentials,
    signQuery = false,
  ) {
    if (derived.size > 8) derived.clear();
    const path = key === undefined ? "" : `/${encodeKey(key)}`;
    const search = given(query).map(([name, value]) => `${name}=${encodeUri(value)}`).join("&");
    const signer = new Signer({
      method,
      url: `${base}${path}${search && `?${search}`}`,
      headers: signQuery ? headers : { ...settings.headers.every, ...headers },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken && { sessionToken }),
      service: "s3",
      region,
      cache: derived,
      datetime: new Date(Date.now() + offset).toISOString().replace(/[:-]|\.\d{3}/g, ""),
      signQuery,
      // What a URL's request must carry is signed, also where it is not by default.
      allHeaders: signQuery,
    });
    return await signer.sign();
  }

  async function sendOnce(request: WireRequest, keys: S3Credentials, signal: AbortSignal) {
    const { method, body = null } = request;
    const { url, headers } = await sign(request, keys);
    // Not signed: what a proxy on the way makes of it is its own affair.
    if (method === "GET") headers.set("accept-encoding", "identity");
    const sent = fetch ? body as BodyInit | null : inViews(body);
    if (sent instanceof ReadableStream) headers.set("content-length", `${body!.length}`);
    try {
      return await (fetch ?? globalThis.fetch)(url.href, {
        method,
        headers,
        body: sent,
        // What a stream has to say in Node, and nobody else heeds.
        duplex: "half",
        redirect: "manual",
        signal,
      } as RequestInit);
    } catch (cause) {
      throw failed(request, signal, cause);
    }
  }

  function failed(request: WireRequest, signal: AbortSignal, cause: unknown): unknown {
    return signal.aborted ? signal.reason : errorFrom({ ...contextOf(request), cause });
  }

  function contextOf({ operation, method, key }: WireRequest): S3Failure {
    return { operation: operation ?? method, bucket, key };
  }

  /** Whether the server's clock explains a refusal, and is followed from now on. */
  function followClock({ status, code }: S3Failure, used: number, date: string | null): boolean {
    // From where on a clock that differs explains a refusal; S3 allows 15 minutes.
    const SKEW = 4 * 60_000;
    const skew = Date.parse(date ?? "") - Date.now();
    if (status !== 403 && code !== "RequestTimeTooSkewed") return false;
    if (!(Math.abs(skew - used) >= SKEW)) return false; // nor where there is no date
    offset = skew;
    return true;
  }

  async function send(request: WireRequest, signal: AbortSignal): Promise<Response> {
    let keys = await credentials.get();
    for (let clockTried = false, keysTried = false;;) {
      const used = offset;
      const response = await sendOnce(request, keys, signal);
      noteAnswer(signal, response.headers);
      if (response.ok) return response;
      const { status, headers } = response;
      const text = await read(request, response, MAX_ERROR, signal).catch(() => "");
      const failure = failureOf(contextOf(request), { status, headers, text }, region);
      if (!clockTried && followClock(failure, used, headers.get("date"))) {
        clockTried = true;
        continue;
      }
      // The answer to a HEAD has no body to say which refusal it is.
      const expired = EXPIRED.test(failure.code ?? "") ||
        (request.method === "HEAD" && (status === 400 || status === 403));
      const others = expired && !keysTried && await credentials.replace(keys);
      if (!others) throw errorFrom(failure);
      keys = others;
      keysTried = true;
    }
  }

  async function read(
    request: WireRequest,
    response: Response,
    limit: number,
    signal: AbortSignal,
  ): Promise<string> {
    try {
      return new TextDecoder().decode(await readAll(response.body, limit));
    } catch (cause) {
      throw cause instanceof CorruptError ? cause : failed(request, signal, cause);
    }
  }

  async function sendForText(request: WireRequest, signal: AbortSignal): Promise<S3Answer> {
    const response = await send(request, signal);
    const { status, headers } = response;
    let text = "";
    // To read what is empty takes as long in Deno as to sign and send.
    if (headers.get("content-length") === "0") cancel(response.body);
    else text = await read(request, response, MAX_TEXT, signal);
    return checkAnswer(contextOf(request), { status, headers, text }, region);
  }

  return {
    send,
    sendForText,
    sendForXml: async (request, signal) =>
      xmlOf(contextOf(request), await sendForText(request, signal)),
    async presign(key, { method, query, headers, expiresIn }) {
      const keys = await credentials.get(expiresIn * 1000);
      checkSession(expiresIn, keys.expiration, Date.now() + offset);
      const whole = { ...query, "X-Amz-Expires": String(expiresIn) };
      const { url } = await sign({ method, key, query: whole, headers }, keys, true);
      // A form's plus is a space to most servers, and a plus to some; %20 is one to all.
      url.search = url.search.replaceAll("+", "%20");
      return url.href;
    },
  };
}

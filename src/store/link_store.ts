import {
  AccessError,
  type CairnError,
  InvalidInputError,
  NotFoundError,
  PreconditionFailedError,
  ThrottledError,
  UnavailableError,
  UnsupportedError,
} from "../errors.ts";
import { cancel } from "./_abort.ts";
import { requireCapabilities } from "./_capabilities.ts";
import { checkLimit, commonPrefixOf, paged } from "./_listing.ts";
import { checkETag, refuse } from "./_options.ts";
import { answeredRange, checkRange, rangeHeader } from "./_range.ts";
import { checkBody, discard } from "./_source.ts";
import { isStream, readAll, streamOf } from "./body.ts";
import { checkKey, compareKeys, quote } from "./key.ts";
import { retryAfter } from "./retry_after.ts";
import { createPolicy, type PolicyOptions } from "./policy.ts";
import { openResumed } from "./resume.ts";
import type { CallOptions, GetOptions, ListOptions, ObjectInfo, ObjectStore } from "./store.ts";

/** A link to one object, as plain data: it goes through JSON. Whoever has it may follow it. */
export interface ObjectLink {
  /** The key. */
  readonly key: string;
  /** What it allows. */
  readonly method: "GET" | "PUT";
  /** The URL, with its signature. */
  readonly url: string;
  /** The headers that the request must carry. */
  readonly headers: Readonly<Record<string, string>>;
  /** When it ends, in ISO 8601, by the clock of whoever made it. */
  readonly expires: string;
  /** The object's length in bytes, of a link for GET. */
  readonly size?: number;
  /** Its ETag without quotes. */
  readonly etag?: string;
  /** When it was written, in ISO 8601. */
  readonly lastModified?: string;
}

/** Options of {@link linkStore}: how requests are sent. */
export interface LinkStoreOptions extends PolicyOptions {
  /** What sends them. @default globalThis.fetch */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** A link that was checked, with what is known of its object. */
interface Link {
  readonly key: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expires: string;
  /** Of a link for GET. */
  readonly info?: ObjectInfo;
}

/** The most of an answer that is no object. */
const MAX_ERROR = 65_536;
/** A header's name and value that no one can break out of. */
const NAME = /^[a-z0-9-]{1,100}$/;
const VALUE = /^[\x20-\x7e]{0,8192}$/;

/**
 * A store of what links lead to, for who has no credentials: a browser, or a
 * partner. It reads, tells of and lists the objects that there are links for GET
 * to, writes bytes to those that there are links for PUT to, and does nothing else.
 *
 * Links may come from anybody: they are checked for their form, and redirects
 * are not followed. Where they come from strangers, give a `fetch` that goes to no
 * other hosts than it should.
 *
 * @throws {InvalidInputError} where a link is malformed.
 *
 * @example
 * ```ts
 * import { getBytes, linkStore } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const store = linkStore({
 *   links: [{
 *     key: "cairn/notes.txt",
 *     method: "GET",
 *     url: "https://state.s3.amazonaws.com/cairn/notes.txt?X-Amz-Signature=00",
 *     headers: {},
 *     expires: "2026-01-01T00:05:00.000Z",
 *     size: 5,
 *     etag: "5d41402a",
 *     lastModified: "2026-01-01T00:00:00.000Z",
 *   }],
 * }, { fetch: () => Promise.resolve(new Response("hello")) }); // S3, played
 * const { bytes } = await getBytes(store, "cairn/notes.txt");
 * assert.equal(new TextDecoder().decode(bytes), "hello");
 * ```
 */
export function linkStore(
  { links }: { readonly links: readonly ObjectLink[] },
  options: LinkStoreOptions = {},
): ObjectStore {
  const { fetch = globalThis.fetch } = options;
  const policy = createPolicy(options);
  if (!Array.isArray(links)) refuse("links", links, "an array of links");
  const reads = new Map<string, Link & { readonly info: ObjectInfo }>();
  const writes = new Map<string, Link>();
  for (const given of links) {
    const link = checkLink(given);
    if (hasInfo(link)) reads.set(link.key, link);
    else writes.set(link.key, link);
  }
  const infos = [...reads.values()].map(({ info }) => info)
    .sort((a, b) => compareKeys(a.key, b.key));

  const self = {
    name: "links",
    capabilities: {
      conditionalCreate: false,
      conditionalUpdate: false,
      orderedList: true,
      presign: false,
      attributes: false,
      versions: false,
    },
  };

  function find(key: string) {
    const link = reads.get(key);
    if (link !== undefined) return link;
    throw new NotFoundError(`There is no link for GET to ${quote(key)}`, { key });
  }

  function cannot(what: string, key?: string): UnsupportedError {
    return new UnsupportedError(
      `Cannot ${what}: links allow what they were signed for, and there is none for that`,
      { key },
    );
  }

  /** One request; whoever calls reads or cancels the body. */
  async function send(link: Link, init: RequestInit, signal: AbortSignal): Promise<Response> {
    const headers = new Headers({ ...link.headers, ...init.headers as Record<string, string> });
    // It is the body's, and a browser lets nobody name it.
    headers.delete("content-length");
    // Else `fetch` might unpack what an object itself has as its encoding.
    if (init.method === "GET") headers.set("accept-encoding", "identity");
    let answer;
    try {
      answer = await fetch(link.url, { ...init, headers, redirect: "manual", signal });
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      const { key } = link;
      // Without the cause's words, which may quote the URL.
      throw new UnavailableError(`Cannot reach ${quote(key)} by its link`, {
        key,
        cause: (cause as Error)?.name,
      });
    }
    if (answer.ok) return answer;
    throw await errorOf(link, answer);
  }

  async function open(link: Link & { info: ObjectInfo }, asked: GetOptions, signal: AbortSignal) {
    const { range, ifMatch } = asked;
    const headers = {
      ...(range && { range: rangeHeader(range) }),
      ...(ifMatch !== undefined && { "if-match": `"${ifMatch}"` }),
    };
    const answer = await send(link, { method: "GET", headers }, signal);
    const body = (answer.body ?? streamOf()) as ReadableStream<Uint8Array<ArrayBuffer>>;
    try {
      const info = infoOf(link.info, answer.headers);
      return { info, body, ...answeredRange(range, info.size, answer.headers, link.key) };
    } catch (error) {
      cancel(body, error);
      throw error;
    }
  }

  return {
    ...self,

    async get(key, asked = {}) {
      const { range, ifMatch, versionId, signal } = asked;
      checkKey(key);
      requireCapabilities(self, key, { versionId });
      checkRange(range);
      if (ifMatch !== undefined) checkETag(ifMatch);
      signal?.throwIfAborted();
      const link = find(key);
      const { info, body } = await openResumed(
        key,
        asked,
        policy,
        (part, inner) => open(link, part, inner),
      );
      return { info, body };
    },

    // deno-lint-ignore require-await -- async, so that a wrong key rejects
    async head(key, { versionId, signal } = {}) {
      checkKey(key);
      requireCapabilities(self, key, { versionId });
      signal?.throwIfAborted();
      return { ...find(key).info };
    },

    async *list(asked = {}) {
      const limit = checkLimit(asked);
      asked.signal?.throwIfAborted();
      yield* paged(listed(infos, asked), limit);
    },

    async put(key, body, { precondition = "overwrite", attributes, signal, trace } = {}) {
      try {
        checkKey(key);
        checkBody(body, key);
        requireCapabilities(self, key, { attributes });
        signal?.throwIfAborted();
        const link = writes.get(key);
        if (link === undefined) throw cannot(`write ${quote(key)}`, key);
        if (precondition !== "overwrite") throw cannot(`write ${quote(key)} on a condition`, key);
        if (isStream(body)) throw cannot(`write ${quote(key)} from a stream; give bytes`, key);
        const length = link.headers["content-length"] ?? String(body.length);
        if (length !== String(body.length)) {
          throw new InvalidInputError(
            `Cannot write ${quote(key)}: its link is for ${length} bytes, and not ${body.length}`,
            { key },
          );
        }
        const init = { method: "PUT", body: body as Uint8Array<ArrayBuffer> };
        return await policy.run(
          async (inner) => {
            const answer = await send(link, init, inner);
            cancel(answer.body);
            // A browser shows it where the bucket's CORS rules expose it.
            return { etag: unquoted(answer.headers.get("etag")) ?? "" };
          },
          signal,
          trace,
        );
      } catch (error) {
        discard(body, error);
        throw error;
      }
    },

    delete: (keys) => Promise.reject(cannot(`delete ${keys.length} objects`)),
    copy: (from) => Promise.reject(cannot(`copy ${quote(from)}`, from)),
    presign: (key) => Promise.reject(cannot(`presign ${quote(key)}`, key)),
  };
}

function hasInfo(link: Link): link is Link & { readonly info: ObjectInfo } {
  return link.info !== undefined;
}

/** Checks a link, which may come from anywhere; no message has its URL. */
function checkLink(given: ObjectLink): Link {
  const { key, method, url, headers = {}, expires, size, etag, lastModified } = Object(given);
  checkKey(key);
  const wrong = (what: string): never => {
    throw new InvalidInputError(`Cannot use the link to ${quote(key)}: its ${what} is malformed`, {
      key,
    });
  };
  if (method !== "GET" && method !== "PUT") wrong("method");
  if (typeof url !== "string" || !/^https?:\/\//i.test(url) || !URL.canParse(url)) wrong("url");
  if (typeof expires !== "string" || isNaN(Date.parse(expires))) wrong("expires");
  const entries = Object.entries(headers ?? {});
  const fits = entries.every(([name, value]) =>
    NAME.test(name) && typeof value === "string" && VALUE.test(value)
  );
  if (typeof headers !== "object" || !fits) wrong("headers");
  const link = { key, url, headers: headers as Record<string, string>, expires };
  if (method === "PUT") return link;
  if (!Number.isSafeInteger(size) || size < 0) wrong("size");
  if (typeof etag !== "string" || !/^[\x21\x23-\x7e]{1,1024}$/.test(etag)) wrong("etag");
  const date = new Date(typeof lastModified === "string" ? lastModified : NaN);
  if (isNaN(date.getTime())) wrong("lastModified");
  return { ...link, info: { key, size, etag, lastModified: date } };
}

/** What an answer says of the object; where a browser hides it, what the link says. */
function infoOf(known: ObjectInfo, headers: Headers): ObjectInfo {
  const total = /\/(\d{1,15})$/.exec(headers.get("content-range") ?? "")?.[1] ??
    /^\d{1,15}$/.exec(headers.get("content-length") ?? "")?.[0];
  const date = new Date(headers.get("last-modified") ?? NaN);
  return {
    key: known.key,
    size: total === undefined ? known.size : Number(total),
    etag: unquoted(headers.get("etag")) ?? known.etag,
    lastModified: isNaN(date.getTime()) ? known.lastModified : date,
  };
}

function unquoted(etag: string | null): string | undefined {
  return /^(?:W\/)?"?([\x21\x23-\x7e]{1,1024}?)"?$/.exec(etag?.trim() ?? "")?.[1];
}

const STATUSES: Readonly<Record<number, new (message: string, options: object) => CairnError>> = {
  401: AccessError,
  403: AccessError,
  404: NotFoundError,
  410: NotFoundError,
  412: PreconditionFailedError,
  429: ThrottledError,
};

async function errorOf({ key, expires }: Link, answer: Response): Promise<CairnError> {
  const { status, headers } = answer;
  const text = await readAll(answer.body, MAX_ERROR)
    .then((bytes) => new TextDecoder().decode(bytes), () => "");
  const code = /<Code>(\w{1,64})<\/Code>/.exec(text)?.[1];
  const requestId = headers.get("x-amz-request-id") ?? undefined;
  const known = { key, status, code, requestId, retryAfter: retryAfter(headers) };
  const said = `${status} ${code ?? ""}`.trim();
  if (status >= 500 || status === 408) {
    return new UnavailableError(`The link to ${quote(key)} failed (${said})`, known);
  }
  if (status < 400) {
    // A browser tells nothing of a redirect, not even its status.
    return new UnsupportedError(
      `The link to ${quote(key)} leads elsewhere, and is not followed`,
      known,
    );
  }
  const wayOut = status === 403 || status === 401 ? `; it was made to end at ${expires}` : "";
  return new (STATUSES[status] ?? InvalidInputError)(
    `The link to ${quote(key)} was refused (${said})${wayOut}`,
    known,
  );
}

async function* listed(
  infos: readonly ObjectInfo[],
  { prefix = "", startAfter, delimiter, signal }: ListOptions & CallOptions,
): AsyncGenerator<ObjectInfo | string> {
  let last: string | undefined;
  for (const info of infos) {
    signal?.throwIfAborted();
    if (!info.key.startsWith(prefix)) continue;
    if (startAfter !== undefined && compareKeys(info.key, startAfter) <= 0) continue;
    const common = commonPrefixOf(info.key, prefix, delimiter);
    if (common === undefined) yield { ...info };
    else if (common !== last) yield last = common;
  }
}

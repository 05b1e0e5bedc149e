import { cancel } from "../store/_abort.ts";
import { checkWhole } from "../store/_options.ts";
import { tell } from "../store/_tell.ts";
import { readAll, streamOf } from "../store/body.ts";
import { withTimeout } from "../store/policy.ts";
import type { CallOptions, GetResult, ObjectStore } from "../store/store.ts";
import { baseOf, chunkLayer, type ChunkLayerOptions, chunksUnder, urlOf } from "./chunk_layer.ts";

/** Why a CDN's answer was not used, and the origin asked. */
export type CdnMiss =
  /** It has no such object, refuses, or leads elsewhere. */
  | "status"
  /** It could not be reached, or its body broke off. */
  | "network"
  /** It took too long. */
  | "timeout"
  /** It is longer than a chunk may be. */
  | "length"
  /** It has no ETag or date, by which the store knows an object. */
  | "headers"
  /** It is not the chunk of that name. */
  | "wrong"
  /** The URL could not be signed. */
  | "sign"
  /** It was not asked, as it had failed before. */
  | "resting";

/** What became of one chunk that a CDN was asked for. There is no key in it, and no URL. */
export interface CdnEvent {
  /** `hit` where the CDN's answer was used. */
  readonly outcome: "hit" | CdnMiss;
  /** The HTTP status, where there was an answer. */
  readonly status?: number | undefined;
  /** The bytes that were used. */
  readonly bytes: number;
  /** How long the CDN took, in milliseconds. */
  readonly milliseconds: number;
}

/** Options of {@link cdn}. */
export interface CdnOptions extends ChunkLayerOptions {
  /** The URL that the bucket's keys stand under, such as `https://d111111abcdef8.cloudfront.net`. */
  readonly baseUrl: string;
  /** Signs a URL, such as by `cloudFrontSigner`. @default none */
  readonly sign?: ((url: string) => string | Promise<string>) | undefined;
  /** What fetches from the CDN. @default globalThis.fetch */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** How long the CDN may take for a chunk, in milliseconds; then the origin is asked. @default 5_000 */
  readonly timeout?: number | undefined;
  /** After how many failures in a row to reach it the CDN is left alone for a while. @default 3 */
  readonly maxFailures?: number | undefined;
  /** For how long, in milliseconds. @default 30_000 */
  readonly rest?: number | undefined;
  /** Is told of each chunk that the CDN was asked for. What it throws is nobody's concern. */
  readonly observe?: ((event: CdnEvent) => unknown) | undefined;
}

/** Ends an attempt at the CDN: the origin is asked. */
class Miss extends Error {
  constructor(readonly outcome: CdnMiss, readonly status?: number) {
    super(outcome);
  }
}

/**
 * A layer that reads chunks, the immutable part of large values, from a CDN or a
 * custom domain, and everything else from the store. A chunk is checked against its
 * name before it is given to anybody; where the CDN answers anything but the
 * right bytes, or too late, the store is asked as if there were no CDN.
 *
 * An encrypted chunk's name says nothing of its content without its key: give the
 * layer the checkpointers' `encryption`.
 *
 * @throws {InvalidInputError} where an option cannot be used.
 *
 * @example
 * ```ts
 * import { cdn, memoryStore, S3Checkpointer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const bucket = memoryStore(); // or edgeStore, sdkStore, r2Store
 * const outcomes: string[] = [];
 * const store = cdn(bucket, {
 *   baseUrl: "https://cdn.example.com",
 *   fetch: () => Promise.resolve(new Response("not yet here", { status: 404 })), // a CDN, played
 *   observe: ({ outcome }) => outcomes.push(outcome),
 * });
 * const state = { log: "stone upon stone ".repeat(5_000) };
 * await new S3Checkpointer(store).save("t", state);
 *
 * const reader = new S3Checkpointer<typeof state>(store);
 * assert.deepEqual((await reader.load("t"))?.state, state); // from the bucket
 * assert(outcomes.every((outcome) => outcome === "status"));
 * ```
 */
export function cdn(store: ObjectStore, options: CdnOptions): ObjectStore {
  const {
    sign = (url: string) => url,
    fetch = globalThis.fetch,
    timeout = 5_000,
    maxFailures = 3,
    rest = 30_000,
    observe,
  } = options;
  const base = baseOf(options.baseUrl);
  const chunks = chunksUnder(options);
  const { maxBytes } = chunks;
  checkWhole({ timeout, maxFailures, rest }, 1);
  let failures = 0;
  let restsUntil = 0;

  async function ask(key: string, signal: AbortSignal): Promise<GetResult> {
    const url = urlOf(base, key);
    const signed = await Promise.resolve(url).then(sign).catch(() => {
      throw new Miss("sign");
    });
    const answer = await fetch(signed, { redirect: "manual", signal });
    const { status, headers } = answer;
    try {
      if (status !== 200) throw new Miss("status", status);
      const etag = /^(?:W\/)?"([\x21\x23-\x7e]{1,1024})"$/.exec(headers.get("etag") ?? "")?.[1];
      const lastModified = new Date(headers.get("last-modified") ?? NaN);
      if (etag === undefined || isNaN(lastModified.getTime())) throw new Miss("headers", status);
      if (Number(headers.get("content-length") ?? 0) > maxBytes) throw new Miss("length", status);
      const bytes = await readAll(answer.body, maxBytes);
      if (await chunks.check(key, bytes) === undefined) throw new Miss("wrong", status);
      return { info: { key, size: bytes.length, etag, lastModified }, body: streamOf(bytes) };
    } catch (error) {
      cancel(answer.body, error);
      // A body that goes on and on is told by its class.
      throw (error as Error)?.name === "CorruptError" ? new Miss("length", status) : error;
    }
  }

  /** A chunk from the CDN; `undefined` where the origin is to be asked. */
  async function fromCdn(
    key: string,
    { signal, trace }: CallOptions,
  ): Promise<GetResult | undefined> {
    const started = performance.now();
    const report = (outcome: "hit" | CdnMiss, status?: number, bytes = 0) =>
      tell(observe, { outcome, status, bytes, milliseconds: performance.now() - started });
    if (started < restsUntil) {
      report("resting");
      return undefined;
    }
    try {
      if (trace) trace.attempts++;
      const found = await withTimeout((inner) => ask(key, inner), timeout, signal);
      failures = 0;
      report("hit", 200, found.info.size);
      return found;
    } catch (error) {
      signal?.throwIfAborted();
      const late = (error as Error)?.name === "TimeoutError";
      const { outcome, status } = error instanceof Miss
        ? error
        : new Miss(late ? "timeout" : "network");
      failures = outcome === "network" || outcome === "timeout" ? failures + 1 : 0;
      if (failures >= maxFailures) {
        failures = 0;
        restsUntil = performance.now() + rest;
      }
      report(outcome, status);
      return undefined;
    }
  }

  const name = `${store.name} behind ${new URL(base).host}`;
  return chunkLayer(
    store,
    name,
    chunks,
    async (key, asked) => await fromCdn(key, asked) ?? await store.get(key, asked),
  );
}

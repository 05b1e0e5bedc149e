import {
  InvalidInputError,
  NotFoundError,
  PreconditionFailedError,
  UnsupportedError,
} from "../errors.ts";
import { requireCapabilities } from "../store/_capabilities.ts";
import { MIB, MIN_PART_SIZE, PAGE_SIZE } from "../store/limits.ts";
import { checkLimit } from "../store/_listing.ts";
import { checkETag, refuse } from "../store/_options.ts";
import { checkRange, resolveRange } from "../store/_range.ts";
import { checkBody, discard, piecesOf } from "../store/_source.ts";
import { concat, isStream, streamOf } from "../store/body.ts";
import { checkKey, quote } from "../store/key.ts";
import { uploadStream } from "../store/multipart.ts";
import { mapParallel } from "../store/parallel.ts";
import { createPolicy, type PolicyOptions } from "../store/policy.ts";
import { resumedBody } from "../store/resume.ts";
import type {
  Body,
  ByteRange,
  CallOptions,
  ConditionOptions,
  GetOptions,
  GetResult,
  ListOptions,
  ListPage,
  ObjectAttributes,
  ObjectInfo,
  ObjectStore,
  Precondition,
  PutResult,
} from "../store/store.ts";
import { r2Error } from "./_errors.ts";
import { type Run, startUpload } from "./_upload.ts";
import type {
  R2AttributeOptions,
  R2Bucket,
  R2Conditional,
  R2GetOptions,
  R2Object,
  R2ObjectBody,
} from "./bucket.ts";

/** Options of an R2 store. */
export interface R2StoreOptions extends PolicyOptions {
  /** The most bytes of a body that go in one request. @default 8 MiB */
  readonly multipartThreshold?: number | undefined;
  /**
   * The length of each part of a multipart upload but the last, in bytes: from
   * 5 MiB to 100 MiB. There are 10,000 parts at most.
   * @default 8 MiB
   */
  readonly partSize?: number | undefined;
  /** The most parts of one upload that are sent, and held in memory, at once. @default 4 */
  readonly partsInFlight?: number | undefined;
}

/** The most a request to a Worker's binding may have on every plan. */
const MAX_PART_SIZE = 100 * MIB;
/** What a stream under a condition may hold of a Worker's 128 MB. */
const CONDITIONAL_STREAM = 64 * MIB;

/**
 * A store in an R2 bucket that is bound to a Worker.
 *
 * - A binding's multipart upload knows no condition, so that a stream with a
 *   precondition is gathered in memory, up to 64 MiB; bytes may be longer.
 * - `copy` reads and writes: the binding has no copy on the server.
 * - R2 takes one write a second for a key, and this store tries again when
 *   there are more.
 *
 * @throws {InvalidInputError} where the binding is missing, or an option does not fit.
 *
 * @example A Worker that keeps what it is sent
 * ```ts
 * import { getBytes } from "@cairn/checkpoint";
 * import { type R2Bucket, r2Store } from "@cairn/checkpoint/r2";
 * import assert from "node:assert/strict";
 *
 * const worker = {
 *   async fetch(request: Request, env: { BUCKET: R2Bucket }): Promise<Response> {
 *     const store = r2Store(env.BUCKET);
 *     await store.put("latest", new Uint8Array(await request.arrayBuffer()));
 *     const { bytes } = await getBytes(store, "latest");
 *     return new Response(bytes);
 *   },
 * };
 * assert.equal(typeof worker.fetch, "function");
 * ```
 */
export function r2Store(bucket: R2Bucket, options: R2StoreOptions = {}): ObjectStore {
  if (typeof bucket?.createMultipartUpload !== "function") {
    throw new InvalidInputError(
      `Cannot use ${
        quote(bucket)
      } as an R2 bucket: give the binding, such as env.BUCKET, by its name under r2_buckets in the Worker's configuration`,
    );
  }
  const { multipartThreshold = 8 * MIB, partSize = 8 * MIB, partsInFlight = 4 } = options;
  checkOption({ multipartThreshold }, 0, MAX_PART_SIZE);
  checkOption({ partSize }, MIN_PART_SIZE, MAX_PART_SIZE);
  checkOption({ partsInFlight }, 1, 1000);
  const policy = createPolicy(options);

  const self = {
    name: "R2 bucket",
    capabilities: {
      conditionalCreate: true,
      conditionalUpdate: true,
      orderedList: true,
      presign: false,
      attributes: true,
      versions: false,
    },
  };
  const run: Run = (doing, key, request, { signal, trace }) =>
    policy.run(
      async (inner) => {
        try {
          return await request(inner);
        } catch (error) {
          throw r2Error(error, doing, key);
        }
      },
      signal,
      trace,
    );

  async function putSingle(
    key: string,
    bytes: Uint8Array,
    kept: R2AttributeOptions,
    options: ConditionOptions,
  ): Promise<PutResult> {
    const { precondition = "overwrite" } = options;
    const onlyIf = conditionOf(precondition);
    const asked = { ...(onlyIf && { onlyIf }), ...kept };
    const send = () => bucket.put(key, bytes, asked);
    const object = await run("write", key, send, options);
    if (object === null) throw failed(key, precondition);
    return { etag: object.etag };
  }

  async function write(
    key: string,
    body: Body,
    kept: R2AttributeOptions,
    options: ConditionOptions,
    length?: number,
  ): Promise<PutResult> {
    const { precondition = "overwrite", signal } = options;
    try {
      checkKey(key);
      checkBody(body, key);
      signal?.throwIfAborted();
      if (precondition !== "overwrite") {
        conditionOf(precondition);
        return await putSingle(key, await gather(body, key, signal), kept, options);
      }
      return await uploadStream(body, {
        partSize,
        partsInFlight,
        length,
        threshold: multipartThreshold,
        putSingle: (bytes) => putSingle(key, bytes, kept, options),
        start: () => startUpload(bucket, run, key, kept, options),
        signal,
      });
    } catch (error) {
      discard(body, error);
      throw error;
    }
  }

  async function head(key: string, options: CallOptions): Promise<ObjectInfo> {
    const object = await run("read", key, () => bucket.head(key), options);
    if (object === null) throw absent(key);
    return infoOf(object);
  }

  /** One GET. The body of an answer that comes too late would hold one of a Worker's connections. */
  async function ask(key: string, options: R2GetOptions, signal: AbortSignal) {
    const object = await bucket.get(key, options);
    if (signal.aborted && object && "body" in object) discard(object.body, signal.reason);
    return object;
  }

  async function read(
    key: string,
    options: R2GetOptions,
    call: CallOptions,
  ): Promise<R2ObjectBody> {
    const object = await run("read", key, (signal) => ask(key, options, signal), call);
    if (object === null) throw absent(key);
    if ("body" in object && object.body) return object;
    throw failed(key, { ifMatch: options.onlyIf?.etagMatches ?? "" });
  }

  async function open(
    key: string,
    options: GetOptions,
  ): Promise<{ object: R2Object; body: GetResult["body"] }> {
    const { range, ifMatch, signal, trace } = options;
    checkKey(key);
    requireCapabilities(self, key, options);
    checkRange(range);
    signal?.throwIfAborted();
    const object = await read(key, {
      ...(range && { range: rangeOf(range) }),
      ...(ifMatch !== undefined && { onlyIf: conditionOf({ ifMatch }) }),
    }, options);
    let extent;
    try {
      extent = resolveRange(range, object.size, key);
    } catch (error) {
      discard(object.body, error);
      throw error;
    }
    const { start, end } = extent;
    if (start === end) discard(object.body, undefined);
    const onlyIf = { etagMatches: object.etag };
    const body = start === end ? streamOf() : resumedBody({
      key,
      first: object.body,
      start,
      end,
      open: async (offset, inner) => {
        // Already under the policy, which counts this as one of its attempts.
        const asked = { range: { offset, length: end - offset }, onlyIf };
        const rest = await ask(key, asked, inner).catch((error) => {
          throw r2Error(error, "read", key);
        });
        if (rest === null) throw absent(key);
        if (!("body" in rest)) throw failed(key, { ifMatch: object.etag });
        return rest.body;
      },
      policy,
      signal,
      trace,
    });
    return { object, body };
  }

  async function* list(options: ListOptions = {}): AsyncGenerator<ListPage, void> {
    const { prefix, startAfter, delimiter, signal } = options;
    let left = checkLimit(options);
    let cursor: string | undefined;
    signal?.throwIfAborted();
    while (left > 0) {
      const asked = {
        limit: Math.min(left, PAGE_SIZE),
        ...(prefix && { prefix }),
        ...(delimiter && { delimiter }),
        ...(cursor !== undefined ? { cursor } : startAfter && { startAfter }),
      };
      const page = await run("list", prefix, () => bucket.list(asked), options);
      const objects = page.objects.map(infoOf);
      left -= objects.length + page.delimitedPrefixes.length;
      if (objects.length + page.delimitedPrefixes.length > 0) {
        yield { objects, prefixes: page.delimitedPrefixes };
      }
      if (!page.truncated || page.cursor === undefined) return;
      cursor = page.cursor;
    }
  }

  return {
    ...self,
    async put(key, body, options = {}) {
      return await write(key, body, attributesOf(options.attributes), options);
    },
    async get(key, options = {}) {
      const { object, body } = await open(key, options);
      return { info: infoOf(object), body };
    },
    async head(key, options = {}) {
      checkKey(key);
      requireCapabilities(self, key, options);
      options.signal?.throwIfAborted();
      return await head(key, options);
    },
    list,
    async delete(keys, { signal, trace } = {}) {
      keys.forEach(checkKey);
      signal?.throwIfAborted();
      const batches: string[][] = [];
      for (let at = 0; at < keys.length; at += PAGE_SIZE) {
        batches.push(keys.slice(at, at + PAGE_SIZE));
      }
      await mapParallel(
        batches,
        partsInFlight,
        (batch, inner) =>
          run("delete", batch[0], () => bucket.delete(batch), { signal: inner, trace }),
        signal,
      );
    },
    async copy(from, to, options = {}) {
      checkKey(to);
      const { signal, trace } = options;
      const { object, body } = await open(from, { signal, trace });
      return await write(to, body, keptOf(object), options, object.size);
    },
    // deno-lint-ignore require-await -- async, so that a wrong key rejects
    async presign(key, { signal }) {
      checkKey(key);
      signal?.throwIfAborted();
      throw new UnsupportedError(
        "Cannot presign: a binding has no credential to sign with; edgeStore can, with R2's S3 endpoint, https://<account id>.r2.cloudflarestorage.com",
        { key },
      );
    },
  };
}

function conditionOf(precondition: { readonly ifMatch: string }): R2Conditional;
function conditionOf(precondition: Precondition): R2Conditional | undefined;
function conditionOf(precondition: Precondition): R2Conditional | undefined {
  if (precondition === "overwrite") return undefined;
  if (precondition === "create") return { etagDoesNotMatch: "*" };
  const etag = checkETag(precondition.ifMatch);
  // To the binding it would be any.
  if (etag === "*") refuse("ifMatch", etag, "an ETag that this store gave");
  return { etagMatches: etag };
}

/** What a copy takes along, as R2's own CopyObject does: no storage class. */
function keptOf({ httpMetadata, customMetadata }: R2Object): R2AttributeOptions {
  return { ...(httpMetadata && { httpMetadata }), ...(customMetadata && { customMetadata }) };
}

function attributesOf(attributes: ObjectAttributes = {}): R2AttributeOptions {
  const { contentType, cacheControl, storageClass } = attributes;
  return {
    ...((contentType ?? cacheControl) !== undefined && {
      httpMetadata: {
        ...(contentType !== undefined && { contentType }),
        ...(cacheControl !== undefined && { cacheControl }),
      },
    }),
    ...(storageClass !== undefined && { storageClass }),
  };
}

function rangeOf(range: ByteRange): NonNullable<R2GetOptions["range"]> {
  if ("suffix" in range) return { suffix: range.suffix };
  const { start, end } = range;
  return end === undefined ? { offset: start } : { offset: start, length: end - start };
}

async function gather(body: Body, key: string, signal?: AbortSignal): Promise<Uint8Array> {
  if (!isStream(body)) return body;
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of piecesOf(body, signal)) {
    length += piece.length;
    if (length > CONDITIONAL_STREAM) {
      throw new UnsupportedError(
        `Cannot write ${quote(key)} under a condition from a stream of more than 64 MiB: ` +
          "R2's binding has none for uploads in parts; give bytes, or use edgeStore",
        { key },
      );
    }
    pieces.push(piece);
  }
  return pieces.length === 0 ? new Uint8Array(0) : concat(pieces);
}

function infoOf({ key, size, etag, uploaded }: R2Object): ObjectInfo {
  return { key, size, etag, lastModified: uploaded };
}

function absent(key: string): NotFoundError {
  return new NotFoundError(`No object ${quote(key)} in the R2 bucket`, { key });
}

function failed(key: string, precondition: Precondition): PreconditionFailedError {
  return new PreconditionFailedError(
    typeof precondition === "string"
      ? `Cannot create ${quote(key)}: it is there already`
      : `The ETag of ${quote(key)} is not ${quote(precondition.ifMatch)}`,
    { key },
  );
}

function checkOption(option: Record<string, number>, least: number, most: number): void {
  for (const [name, value] of Object.entries(option)) {
    if (Number.isSafeInteger(value) && value >= least && value <= most) continue;
    throw new InvalidInputError(
      `Cannot use ${name}: current value is ${value}; give a whole number from ${least} to ${most}`,
    );
  }
}

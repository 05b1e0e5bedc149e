import { CorruptError, NotFoundError, UnsupportedError } from "../errors.ts";
import { cancel } from "../store/_abort.ts";
import { requireCapabilities } from "../store/_capabilities.ts";
import { PAGE_SIZE } from "../store/limits.ts";
import { checkLimit } from "../store/_listing.ts";
import { checkETag, given, refuse } from "../store/_options.ts";
import { answeredRange, checkRange, rangeHeader } from "../store/_range.ts";
import { checkKey, compareKeys } from "../store/key.ts";
import { openResumed } from "../store/resume.ts";
import type { GetOptions, GetResult, ObjectInfo, ObjectStore } from "../store/store.ts";
import { infoFromHeaders, quoteETag } from "./headers.ts";
import type { S3Context } from "./context.ts";

/** What a GET gives, with the headers of its answer. */
export interface ReadResult extends GetResult {
  readonly headers: Headers;
}

/** `get`, `head` and `list` of an S3 store, and the `get` that tells the headers. */
export function createReads({ name, settings, policy, driver, run }: S3Context): {
  read(key: string, options?: GetOptions): Promise<ReadResult>;
  reads: Pick<ObjectStore, "get" | "head" | "list">;
} {
  const { capabilities } = settings;

  /** One GET, with the place of its body in the object. */
  async function open(
    key: string,
    { range, ifMatch, versionId }: GetOptions,
    signal: AbortSignal,
  ) {
    const asked = {
      ...settings.headers.object,
      ...(range && { range: rangeHeader(range) }),
      ...(ifMatch !== undefined && { "if-match": quoteETag(ifMatch) }),
    };
    const { headers, body } = await driver.getObject(key, versionId, asked, signal);
    try {
      const info = infoFromHeaders(key, headers);
      return { info, headers, body, ...answeredRange(range, info.size, headers, key) };
    } catch (error) {
      cancel(body, error);
      throw error;
    }
  }

  async function read(key: string, options: GetOptions = {}): Promise<ReadResult> {
    const { range, ifMatch, versionId } = options;
    checkKey(key);
    requireCapabilities({ name, capabilities }, key, { versionId });
    checkRange(range);
    if (ifMatch !== undefined) checkETag(ifMatch);
    return await openResumed(
      key,
      options,
      policy,
      (asked, signal) => open(key, { ...asked, versionId }, signal),
    );
  }

  const reads: Pick<ObjectStore, "get" | "head" | "list"> = {
    async get(key, options) {
      const { info, body } = await read(key, options);
      return { info, body };
    },

    async head(key, options = {}): Promise<ObjectInfo> {
      const { versionId } = options;
      checkKey(key);
      requireCapabilities({ name, capabilities }, key, { versionId });
      const { object } = settings.headers;
      try {
        return await run(
          async (signal) =>
            infoFromHeaders(key, await driver.headObject(key, versionId, object, signal)),
          options,
        );
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error;
      }
      // A HEAD has no body to say whether the object or the bucket is missing; a GET has.
      const { info, body } = await read(key, options);
      cancel(body);
      return info;
    },

    async *list(options = {}) {
      const { prefix, startAfter, delimiter } = options;
      let left = checkLimit(options);
      if (startAfter !== undefined && !capabilities.orderedList) {
        throw new UnsupportedError(
          `Cannot list ${name} with startAfter: it lists in no order; list the whole prefix`,
        );
      }
      for (const [option, value] of given({ prefix, startAfter })) {
        if (typeof value === "string" && value.isWellFormed()) continue;
        refuse(option, value, "well-formed Unicode");
      }
      // What comes before all that is asked for leaves nothing out; Garage would give nothing.
      const isInside = startAfter && compareKeys(startAfter, prefix ?? "") >= 0;
      let token: string | undefined;
      while (left > 0) {
        const query = {
          prefix: prefix || undefined,
          startAfter: token || !isInside ? undefined : startAfter,
          delimiter,
          token,
          maxKeys: Math.min(PAGE_SIZE, left),
        };
        const { next, ...page } = await run(
          (signal) => driver.listObjects(query, signal),
          options,
        );
        const count = page.objects.length + page.prefixes.length;
        if (count > 0) yield page;
        if (next === undefined) return;
        if (next === token) {
          throw new CorruptError(`Cannot list ${name}: a page names itself as the next one`);
        }
        left -= count;
        token = next;
      }
    },
  };
  return { read, reads };
}

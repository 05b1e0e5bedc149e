import { CorruptError, InvalidInputError, NotFoundError, UnsupportedError } from "../errors.ts";
import { cancel } from "../store/_abort.ts";
import { checkLimit, PAGE_SIZE } from "../store/_listing.ts";
import { refuse } from "../store/_options.ts";
import { checkRange, resolveRange } from "../store/_range.ts";
import { checkKey, quote } from "../store/key.ts";
import { resumedBody } from "../store/resume.ts";
import type { ByteRange, ObjectInfo, ObjectStore } from "../store/store.ts";
import { checkETag, infoFromHeaders } from "./headers.ts";
import type { S3Context } from "./context.ts";

/** `get`, `head` and `list` of an S3 store. */
export function createReads(
  { name, settings, policy, driver }: S3Context,
): Pick<ObjectStore, "get" | "head" | "list"> {
  /** One GET, with the place of its body in the object. */
  async function open(
    key: string,
    range: ByteRange | undefined,
    ifMatch: string | undefined,
    signal: AbortSignal,
  ) {
    const { headers, body } = await driver.getObject(key, { range, ifMatch }, signal);
    try {
      const info = infoFromHeaders(key, headers);
      const { start, end } = resolveRange(range, info.size, key);
      const answered = /^bytes (\d+)-(\d+)\//.exec(headers.get("content-range") ?? "");
      const [from, to] = answered ? [Number(answered[1]), Number(answered[2]) + 1] : [0, info.size];
      if (from !== start || to !== end) {
        throw new CorruptError(
          `The answer for ${quote(key)} has the bytes ${from} to ${to}, not ${start} to ${end}`,
          { key },
        );
      }
      return { info, body, start, end };
    } catch (error) {
      cancel(body, error);
      throw error;
    }
  }

  const get: ObjectStore["get"] = async (key, { range, ifMatch, signal, trace } = {}) => {
    checkKey(key);
    checkRange(range);
    if (ifMatch !== undefined) checkETag(ifMatch);
    const { info, body, start, end } = await policy.run(
      (inner) =>
        open(key, range, ifMatch, inner).catch((error) => {
          // The last bytes of an empty object are none, and no error.
          const empty = error instanceof InvalidInputError && error.status === 416;
          if (!empty || range === undefined || !("suffix" in range)) throw error;
          return open(key, undefined, ifMatch, inner);
        }),
      signal,
      trace,
    );
    return {
      info,
      body: resumedBody({
        key,
        first: body,
        start,
        end,
        policy,
        signal,
        trace,
        open: async (from, inner) => (await open(key, { start: from, end }, info.etag, inner)).body,
      }),
    };
  };

  return {
    get,

    async head(key, options = {}): Promise<ObjectInfo> {
      const { signal, trace } = options;
      checkKey(key);
      try {
        return await policy.run(
          async (inner) => infoFromHeaders(key, await driver.headObject(key, inner)),
          signal,
          trace,
        );
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error;
      }
      // A HEAD has no body to say whether the object or the bucket is missing; a GET has.
      const { info, body } = await get(key, options);
      await body.cancel();
      return info;
    },

    async *list(options = {}) {
      const { prefix, startAfter, delimiter, signal, trace } = options;
      let left = checkLimit(options);
      if (startAfter !== undefined && !settings.capabilities.orderedList) {
        throw new UnsupportedError(
          `Cannot list ${name} with startAfter: it lists in no order; list the whole prefix`,
        );
      }
      for (const [option, value] of Object.entries({ prefix, startAfter })) {
        if (value === undefined || (typeof value === "string" && value.isWellFormed())) continue;
        refuse(option, value, "well-formed Unicode");
      }
      let token: string | undefined;
      while (left > 0) {
        const query = {
          prefix: prefix || undefined,
          startAfter: token === undefined && startAfter ? startAfter : undefined,
          delimiter,
          token,
          maxKeys: Math.min(PAGE_SIZE, left),
        };
        const { next, ...page } = await policy.run(
          (inner) => driver.listObjects(query, inner),
          signal,
          trace,
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
}

import { InvalidInputError, PreconditionFailedError, UnsupportedError } from "../errors.ts";
import { cancel } from "../store/_abort.ts";
import { requireCapabilities } from "../store/_capabilities.ts";
import { rangeHeader } from "../store/_range.ts";
import { checkBody, discard } from "../store/_source.ts";
import { checkETag } from "../store/_options.ts";
import { checkKey, quote } from "../store/key.ts";
import { uploadSlices, uploadStream } from "../store/multipart.ts";
import type {
  Body,
  ByteRange,
  CallOptions,
  ConditionOptions,
  ObjectStore,
  Precondition,
  PutResult,
} from "../store/store.ts";
import type { ExtraHeaders } from "./driver.ts";
import { conditionHeaders, etagFromHeaders, quoteETag } from "./headers.ts";
import { attributeHeaders, copiedHeaders } from "./request_headers.ts";
import type { S3Context } from "./context.ts";
import type { ReadResult } from "./reads.ts";
import { isConflict, startUpload, throwIfAbsent } from "./uploads.ts";

/** `put` and `copy` of an S3 store. */
export function createWrites(
  context: S3Context,
  read: (key: string, options: CallOptions) => Promise<ReadResult>,
): Pick<ObjectStore, "put" | "copy"> {
  const { name, settings, driver, run } = context;
  const { dialect, capabilities } = settings;

  const IGNORED = "and takes them all the same; give the capabilities that probe() finds";
  /** Whether the server does with conditions what it is said to; `undefined` where nobody knows yet. */
  let honest: boolean | undefined = settings.sure || undefined;

  function checkCondition(key: string, precondition: Precondition): void {
    if (precondition === "overwrite") return;
    const capability = precondition === "create" ? "conditionalCreate" : "conditionalUpdate";
    if (!capabilities[capability]) throw unconditional(key, `where ${capability} is false`);
    if (honest === false) throw unconditional(key, IGNORED);
    if (precondition !== "create") checkETag(precondition.ifMatch);
  }

  function unconditional(key: string, where: string): UnsupportedError {
    return new UnsupportedError(
      `Cannot write ${quote(key)} on a condition: ${name} honours none ${where}`,
      { key },
    );
  }

  async function putSingle(
    key: string,
    bytes: Uint8Array,
    extra: ExtraHeaders,
    options: ConditionOptions,
  ): Promise<PutResult> {
    const { precondition = "overwrite" } = options;
    const asked = { ...extra, ...conditionHeaders(precondition) };
    const send = () =>
      run(async (signal) => {
        const headers = await driver.putObject(key, bytes, asked, signal);
        return { etag: etagFromHeaders(key, headers) };
      }, options).catch((error) => throwIfAbsent(error, precondition));
    const result = await send();
    // Some servers answer 200 and ignore a condition: what was just created must be refused.
    if (honest === undefined && precondition === "create") {
      honest = await send().then(() => false, (error) => {
        if (error instanceof PreconditionFailedError) return true;
        throw error;
      });
      if (!honest) throw unconditional(key, IGNORED);
    }
    return result;
  }

  async function write(
    key: string,
    body: Body,
    options: ConditionOptions,
    own: ExtraHeaders,
    length?: number,
  ): Promise<PutResult> {
    const { precondition = "overwrite", signal } = options;
    const { object, write } = settings.headers;
    const extra = { ...write, ...own };
    const isWhole = body instanceof Uint8Array;
    const inParts = takesParts(precondition);
    const { multipartThreshold, partSize, partsInFlight } = settings;
    // What cannot go in parts is gathered in the memory that parts would have had.
    const gathered = isWhole ? Infinity : Math.max(multipartThreshold, partSize * partsInFlight);
    const threshold = inParts ? multipartThreshold : gathered;
    return await rounds(isWhole, () =>
      uploadStream(body, {
        ...settings,
        length,
        signal,
        threshold,
        putSingle: (bytes) => putSingle(key, bytes, extra, options),
        start: () => {
          if (inParts) {
            return startUpload(
              context,
              key,
              extra,
              options,
              async (id, number, bytes: Uint8Array, inner) =>
                etagFromHeaders(
                  key,
                  await driver.uploadPart(key, id, number, bytes, object, inner),
                ),
            );
          }
          throw unconditional(
            key,
            `on CompleteMultipartUpload; give bytes, or a multipartThreshold above ${threshold}`,
          );
        },
      }));
  }

  /** The server reads by itself what it copies in parts; one CopyObject is up to 5 GiB. */
  async function copyInParts(
    { info: from, headers }: ReadResult,
    to: string,
    options: ConditionOptions,
  ): Promise<PutResult> {
    const { object, write, copySource } = settings.headers;
    const start = () =>
      startUpload(
        context,
        to,
        { ...copiedHeaders(headers), ...write },
        options,
        (id, number, range: ByteRange, inner) => {
          const headers = {
            ...object,
            ...copySource,
            "x-amz-copy-source-range": rangeHeader(range),
            "x-amz-copy-source-if-match": quoteETag(from.etag),
          };
          return driver.uploadPartCopy(from.key, to, id, number, headers, inner);
        },
      );
    const whole = { length: from.size, subarray: (start: number, end: number) => ({ start, end }) };
    return await rounds(true, () => uploadSlices(whole, { ...settings, ...options, start }));
  }

  /** Whether a multipart upload can be completed on this condition. */
  function takesParts(precondition: Precondition): boolean {
    return precondition === "overwrite" || dialect.conditionalComplete;
  }

  return {
    async put(key, body, options = {}) {
      const { precondition = "overwrite", signal } = options;
      let own;
      try {
        checkKey(key);
        checkBody(body, key);
        requireCapabilities({ name, capabilities }, key, options);
        checkCondition(key, precondition);
        own = attributeHeaders(options.attributes);
        signal?.throwIfAborted();
      } catch (error) {
        discard(body, error);
        throw error;
      }
      return await write(key, body, options, own);
    },

    async copy(from, to, options = {}) {
      const { precondition = "overwrite", signal, trace } = options;
      checkKey(from);
      checkKey(to);
      checkCondition(to, precondition);
      const prefix = dialect.copyConditionPrefix;
      // With If-Match, a 404 could mean either object; a read and a write tell them apart.
      if (precondition === "overwrite" || (precondition === "create" && prefix !== undefined)) {
        const { write, copySource } = settings.headers;
        const extra = { ...write, ...copySource, ...conditionHeaders(precondition, prefix) };
        try {
          return await run(
            async (signal) => ({ etag: await driver.copyObject(from, to, extra, signal) }),
            options,
          );
        } catch (error) {
          throwUnlessElsewise(error);
        }
      }
      let source = await read(from, { signal, trace });
      // What would be sent in parts, the server can read by itself.
      if (source.info.size > settings.multipartThreshold && takesParts(precondition)) {
        cancel(source.body);
        try {
          return await copyInParts(source, to, options);
        } catch (error) {
          throwUnlessElsewise(error);
        }
        source = await read(from, { signal, trace });
      }
      const { info, body, headers } = source;
      return await write(to, body, options, copiedHeaders(headers), info.size);
    },
  };
}

/**
 * A copy that the server does not make may still be made another way: it is too
 * large for one CopyObject, onto itself, on a condition that no copy takes, or
 * the server knows no such copy.
 */
function throwUnlessElsewise(error: unknown): void {
  const elsewise = error instanceof UnsupportedError ||
    (error instanceof InvalidInputError && /^(InvalidRequest|EntityTooLarge)$/.test(error.code!));
  if (!elsewise) throw error;
}

/** Sends parts again, where they are there still, when two writers met at the end. */
async function rounds<T>(repeatable: boolean, send: () => Promise<T>): Promise<T> {
  // How often parts are sent again where two writers met at the end.
  const ROUNDS = 3;
  for (let round = 1;; round++) {
    try {
      return await send();
    } catch (error) {
      const again = repeatable && isConflict(error) && error instanceof PreconditionFailedError;
      if (!again || round >= ROUNDS) throw error;
    }
  }
}

import {
  InvalidInputError,
  NotFoundError,
  PreconditionFailedError,
  UnsupportedError,
} from "../errors.ts";
import { checkBody, discard } from "../store/_source.ts";
import { checkKey, quote } from "../store/key.ts";
import { uploadStream } from "../store/multipart.ts";
import type { Body, CallOptions, ObjectStore, Precondition, PutResult } from "../store/store.ts";
import { checkETag, etagFromHeaders } from "./headers.ts";
import type { S3Context } from "./context.ts";
import { isConflict, startUpload } from "./uploads.ts";

/** How often bytes are sent in parts again where two writers met at the end. */
const ROUNDS = 3;

/** `put` and `copy` of an S3 store. */
export function createWrites(
  context: S3Context,
  get: ObjectStore["get"],
): Pick<ObjectStore, "put" | "copy"> {
  const { name, settings, policy, driver } = context;
  const { dialect, capabilities } = settings;

  function checkCondition(key: string, precondition: Precondition): void {
    if (precondition === "overwrite") return;
    const capability = precondition === "create" ? "conditionalCreate" : "conditionalUpdate";
    if (!capabilities[capability]) throw unconditional(key, `where ${capability} is false`);
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
    precondition: Precondition,
    { signal, trace }: CallOptions,
  ): Promise<PutResult> {
    try {
      return await policy.run(
        async (inner) => {
          const headers = await driver.putObject(key, bytes, precondition, inner);
          return { etag: etagFromHeaders(key, headers) };
        },
        signal,
        trace,
      );
    } catch (error) {
      // An ETag that is to stand where nothing is: S3 answers 404.
      const absent = error instanceof NotFoundError && error.what === "object";
      if (!absent || typeof precondition === "string") throw error;
      throw new PreconditionFailedError(
        `The ETag of ${quote(key)} is not ${quote(precondition.ifMatch)}: there is no such object`,
        { ...error, cause: error },
      );
    }
  }

  async function write(
    key: string,
    body: Body,
    precondition: Precondition,
    options: CallOptions,
    length?: number,
  ): Promise<PutResult> {
    const inParts = precondition === "overwrite" || dialect.conditionalComplete;
    const isWhole = body instanceof Uint8Array;
    for (let round = 1;; round++) {
      try {
        return await uploadStream(body, {
          ...settings,
          length,
          signal: options.signal,
          threshold: isWhole && !inParts ? Infinity : settings.multipartThreshold,
          putSingle: (bytes) => putSingle(key, bytes, precondition, options),
          start: () => {
            if (inParts) return startUpload(context, key, precondition, options.trace);
            throw unconditional(
              key,
              `at the end of a multipart upload; give bytes, or a multipartThreshold above ` +
                settings.multipartThreshold,
            );
          },
        });
      } catch (error) {
        const again = isWhole && isConflict(error) && error instanceof PreconditionFailedError;
        if (!again || round >= ROUNDS) throw error;
      }
    }
  }

  return {
    async put(key, body, options = {}) {
      const { precondition = "overwrite", signal } = options;
      try {
        checkKey(key);
        checkBody(body, key);
        checkCondition(key, precondition);
        if (typeof precondition === "object") checkETag(precondition.ifMatch);
        signal?.throwIfAborted();
      } catch (error) {
        discard(body, error);
        throw error;
      }
      return await write(key, body, precondition, options);
    },

    async copy(from, to, options = {}) {
      const { precondition = "overwrite", signal, trace } = options;
      checkKey(from);
      checkKey(to);
      checkCondition(to, precondition);
      const prefix = dialect.copyConditionPrefix;
      // With If-Match, a 404 could mean either object; a read and a write tell them apart.
      if (precondition === "overwrite" || (precondition === "create" && prefix !== undefined)) {
        try {
          return await policy.run(
            async (inner) => ({ etag: await driver.copyObject(from, to, precondition, inner) }),
            signal,
            trace,
          );
        } catch (error) {
          // Too large for one CopyObject, onto itself, or a condition it does not take.
          const elsewise = error instanceof UnsupportedError ||
            (error instanceof InvalidInputError && error.code === "InvalidRequest");
          if (!elsewise) throw error;
        }
      }
      const { info, body } = await get(from, { signal, trace });
      return await write(to, body, precondition, options, info.size);
    },
  };
}

import {
  InvalidInputError,
  NotFoundError,
  PreconditionFailedError,
  UnsupportedError,
} from "../errors.ts";
import { checkBody, discard } from "../store/_source.ts";
import { checkKey, quote } from "../store/key.ts";
import { uploadStream } from "../store/multipart.ts";
import type { Body, ObjectStore, Precondition, PutResult } from "../store/store.ts";
import { conditionHeaders, etagFromHeaders, unquoteETag } from "../s3/headers.ts";
import { answerText } from "../s3/messages.ts";
import { copySource } from "../s3/uri.ts";
import type { EdgeContext } from "./_context.ts";
import { isConflict, startUpload } from "./_upload.ts";

/** How often bytes are sent in parts again where two writers met at the end. */
const ROUNDS = 3;

/** `put` and `copy` of an edge store. */
export function createWrites(
  { name, settings, policy, wire }: EdgeContext,
  get: ObjectStore["get"],
): Pick<ObjectStore, "put" | "copy"> {
  const { dialect, capabilities } = settings;

  function checkCondition(key: string, precondition: Precondition): void {
    if (precondition === "overwrite") return;
    const [capability, header] = precondition === "create"
      ? ["conditionalCreate", "If-None-Match"] as const
      : ["conditionalUpdate", "If-Match"] as const;
    if (capabilities[capability]) return;
    throw new UnsupportedError(
      `Cannot write ${quote(key)} on a condition: ${name} does not honour ${header} ` +
        `(its capability ${capability} is false); use a store that does`,
      { key },
    );
  }

  async function putSingle(
    key: string,
    bytes: Uint8Array,
    precondition: Precondition,
    signal?: AbortSignal,
  ): Promise<PutResult> {
    const headers = conditionHeaders(precondition);
    try {
      return await policy.run(async (inner) => {
        const answer = await wire.sendOnly({ method: "PUT", key, headers, body: bytes }, inner);
        return { etag: etagFromHeaders(key, answer) };
      }, signal);
    } catch (error) {
      // An ETag that is to stand where nothing is: S3 answers 404.
      const absent = error instanceof NotFoundError && error.what === "object";
      if (!absent || typeof precondition === "string") throw error;
      throw new PreconditionFailedError(
        `The ETag of ${quote(key)} is not ${quote(precondition.ifMatch)}: there is no such object`,
        { key, cause: error, status: error.status, code: error.code, requestId: error.requestId },
      );
    }
  }

  async function write(
    key: string,
    body: Body,
    precondition: Precondition,
    signal?: AbortSignal,
    length?: number,
  ): Promise<PutResult> {
    const inParts = precondition === "overwrite" || dialect.conditionalComplete;
    const isWhole = body instanceof Uint8Array;
    for (let round = 1;; round++) {
      try {
        return await uploadStream(body, {
          ...settings,
          length,
          signal,
          threshold: isWhole && !inParts ? Infinity : settings.multipartThreshold,
          putSingle: (bytes) => putSingle(key, bytes, precondition, signal),
          start: () => {
            if (inParts) return startUpload(wire, policy, key, precondition);
            throw new UnsupportedError(
              `Cannot write a stream of more than ${settings.multipartThreshold} bytes to ` +
                `${quote(key)} on a condition: ${name} does not honour one at the end of a ` +
                "multipart upload; give bytes, or a higher multipartThreshold",
              { key },
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
    async put(key, body, { precondition = "overwrite", signal } = {}) {
      try {
        checkKey(key);
        checkBody(body, key);
        checkCondition(key, precondition);
        conditionHeaders(precondition);
        signal?.throwIfAborted();
      } catch (error) {
        discard(body, error);
        throw error;
      }
      return await write(key, body, precondition, signal);
    },

    async copy(from, to, { precondition = "overwrite", signal } = {}) {
      checkKey(from);
      checkKey(to);
      checkCondition(to, precondition);
      const prefix = dialect.copyConditionPrefix;
      // With If-Match, a 404 could mean either object; a read and a write tell them apart.
      if (precondition === "overwrite" || (precondition === "create" && prefix !== undefined)) {
        try {
          return await copyOnServer(from, to, conditionHeaders(precondition, prefix), signal);
        } catch (error) {
          // Too large for one CopyObject, onto itself, or a condition it does not take.
          const elsewise = error instanceof UnsupportedError ||
            (error instanceof InvalidInputError && error.code === "InvalidRequest");
          if (!elsewise) throw error;
        }
      }
      const { info, body } = await get(from, { signal });
      return await write(to, body, precondition, signal, info.size);
    },
  };

  async function copyOnServer(
    from: string,
    to: string,
    conditions: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<PutResult> {
    const headers = { ...conditions, "x-amz-copy-source": copySource(settings.bucket, from) };
    return await policy.run(async (inner) => {
      const root = await wire.sendForXml(
        { method: "PUT", key: to, headers, operation: `copy ${quote(from)} to` },
        inner,
      );
      return { etag: unquoteETag(answerText(root, "CopyObjectResult", "ETag")) };
    }, signal);
  }
}

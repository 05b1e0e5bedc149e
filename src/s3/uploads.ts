import { NotFoundError, PreconditionFailedError } from "../errors.ts";
import { quote } from "../store/key.ts";
import type { MultipartUpload } from "../store/multipart.ts";
import type { ConditionOptions, Precondition } from "../store/store.ts";
import type { ExtraHeaders } from "./driver.ts";
import { conditionHeaders, unquoteETag } from "./headers.ts";
import { multipartETag } from "./messages.ts";
import type { S3Context } from "./context.ts";

/**
 * Starts a multipart upload; its precondition is asked for when it is completed.
 * `send` sends a part once, and gives its ETag.
 */
export async function startUpload<Part>(
  { settings, driver, run }: S3Context,
  key: string,
  headers: ExtraHeaders,
  { precondition, trace }: ConditionOptions,
  send: (uploadId: string, number: number, part: Part, signal: AbortSignal) => Promise<string>,
): Promise<MultipartUpload<Part>> {
  const uploadId = await run((signal) => driver.createUpload(key, headers, signal), { trace });

  return {
    part: (number, part, signal) =>
      run(async (inner) => ({ number, etag: await send(uploadId, number, part, inner) }), {
        signal,
        trace,
      }),

    async complete(parts, signal) {
      try {
        return await run(async (inner) => {
          const condition = conditionHeaders(precondition);
          const etag = await driver.completeUpload(key, uploadId, parts, condition, inner)
            .catch((error) => {
              throwIfConflict(error);
              throwIfAbsent(error, precondition);
            });
          return { etag };
        }, { signal, trace });
      } catch (error) {
        // An earlier try may have done it, with its answer lost: what is there
        // tells. It need not be a try of ours: a runtime sends a request again by
        // itself where a connection that it kept turns out to be closed.
        const gone = error instanceof NotFoundError && error.what === "upload";
        const etag = multipartETag(parts);
        if (etag === undefined || !gone) throw error;
        const { object } = settings.headers;
        const there = await run(
          (signal) => driver.headObject(key, undefined, object, signal),
          { trace },
        ).catch(() => undefined);
        if (unquoteETag(there?.get("etag") ?? "") !== etag) throw error;
        return { etag };
      }
    },

    async abort() {
      await run((signal) => driver.abortUpload(key, uploadId, signal), { trace });
    },
  };
}

/**
 * S3 asks to start a whole upload again where two writers met at its end, and
 * sending the last request again is of no use:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
function throwIfConflict(error: unknown): void {
  if (!isConflict(error)) return;
  throw new PreconditionFailedError(
    `Cannot write ${quote(error.key)}: another writer came between; read what is there, and ` +
      "put again with a new stream",
    { ...error, cause: error },
  );
}

/** An ETag that is to stand where nothing is: S3 answers 404. What else went wrong stands. */
export function throwIfAbsent(error: unknown, precondition: Precondition | undefined): never {
  const absent = error instanceof NotFoundError && error.what === "object";
  if (!absent || typeof precondition !== "object") throw error;
  const { key } = error;
  throw new PreconditionFailedError(
    `The ETag of ${quote(key)} is not ${quote(precondition.ifMatch)}: there is no such object`,
    { ...error, cause: error },
  );
}

/** Whether two conditional writes met, and neither has won. */
export function isConflict(error: unknown): error is PreconditionFailedError {
  return error instanceof Error && "code" in error && error.code === "ConditionalRequestConflict";
}

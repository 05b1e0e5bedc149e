import { NotFoundError, PreconditionFailedError } from "../errors.ts";
import type { MultipartUpload } from "../store/multipart.ts";
import type { Policy } from "../store/policy.ts";
import type { Precondition } from "../store/store.ts";
import { conditionHeaders, etagFromHeaders, unquoteETag } from "../s3/headers.ts";
import { answerText, completeBody, multipartETag } from "../s3/messages.ts";
import type { Wire } from "./_wire.ts";

/** Starts a multipart upload; its precondition is asked for when it is completed. */
export async function startUpload(
  wire: Wire,
  policy: Policy,
  key: string,
  precondition: Precondition,
): Promise<MultipartUpload> {
  const started = await policy.run((signal) =>
    wire.sendForXml(
      { method: "POST", key, query: { uploads: "" }, operation: "CreateMultipartUpload" },
      signal,
    )
  );
  const uploadId = answerText(started, "InitiateMultipartUploadResult", "UploadId");

  const finished = async (etag: string | undefined) => {
    if (etag === undefined) return false;
    const headers = await policy.run((signal) => wire.sendOnly({ method: "HEAD", key }, signal))
      .catch(() => undefined);
    return unquoteETag(headers?.get("etag") ?? "") === etag;
  };

  return {
    part: (number, bytes, signal) =>
      policy.run(async (inner) => {
        const query = { partNumber: String(number), uploadId };
        const request = {
          method: "PUT",
          key,
          query,
          body: bytes,
          operation: "UploadPart",
        } as const;
        const headers = await wire.sendOnly(request, inner);
        return { number, etag: etagFromHeaders(key, headers) };
      }, signal),

    async complete(parts, signal) {
      let tries = 0;
      try {
        return await policy.run(async (inner) => {
          tries++;
          const root = await wire.sendForXml({
            method: "POST",
            key,
            query: { uploadId },
            headers: conditionHeaders(precondition),
            body: completeBody(parts),
            operation: "CompleteMultipartUpload",
          }, inner).catch(asConflict);
          const etag = answerText(root, "CompleteMultipartUploadResult", "ETag");
          return { etag: unquoteETag(etag) };
        }, signal);
      } catch (error) {
        // An earlier try may have done it, with its answer lost: what is there tells.
        const gone = error instanceof NotFoundError && error.what === "upload" && tries > 1;
        const etag = multipartETag(parts);
        if (etag !== undefined && gone && await finished(etag)) return { etag };
        throw error;
      }
    },

    async abort() {
      const operation = "AbortMultipartUpload";
      await policy.run((signal) =>
        wire.sendOnly({ method: "DELETE", key, query: { uploadId }, operation }, signal)
      );
    },
  };
}

/**
 * S3 asks to start a whole upload again where two writers met at its end, and
 * sending the last request again is of no use:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
function asConflict(error: unknown): never {
  if (!isConflict(error)) throw error;
  const { key, status, code, requestId } = error;
  throw new PreconditionFailedError(
    `Cannot complete the upload of ${JSON.stringify(key)}: another writer came between; ` +
      "read what is there, and put again with a new stream",
    { cause: error, key, status, code, requestId },
  );
}

/** Whether two conditional writes met, and neither has won. */
export function isConflict(error: unknown): error is PreconditionFailedError {
  return error instanceof Error && "code" in error && error.code === "ConditionalRequestConflict";
}

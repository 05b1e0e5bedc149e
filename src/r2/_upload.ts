import { NotFoundError } from "../errors.ts";
import type { MultipartUpload } from "../store/multipart.ts";
import type { CallOptions } from "../store/store.ts";
import type { R2AttributeOptions, R2Bucket, R2Object } from "./bucket.ts";

/** Runs one request under the store's policy; the binding itself heeds no signal. */
export type Run = <T>(
  doing: string,
  key: string | undefined,
  request: (signal: AbortSignal) => Promise<T>,
  options: CallOptions,
) => Promise<T>;

/** Starts a multipart upload on the binding. */
export async function startUpload(
  bucket: R2Bucket,
  run: Run,
  key: string,
  attributes: R2AttributeOptions,
  { trace }: CallOptions,
): Promise<MultipartUpload> {
  const start = async (signal: AbortSignal) => {
    const upload = await bucket.createMultipartUpload(key, attributes);
    // It comes too late, and another may be on its way.
    if (signal.aborted) upload.abort().catch(() => {});
    return upload;
  };
  const upload = await run("start the upload of", key, start, { trace });
  return {
    async part(number, bytes, signal) {
      const send = () => upload.uploadPart(number, bytes);
      const { etag } = await run(`send part ${number} of`, key, send, { signal, trace });
      return { number, etag };
    },
    async complete(parts, signal) {
      const refs = parts.map(({ number, etag }) => ({ partNumber: number, etag }));
      const before = await run("read", key, () => bucket.head(key), { signal, trace });
      let tries = 0;
      const complete = async (): Promise<R2Object> => {
        tries++;
        return await upload.complete(refs);
      };
      try {
        return await run("complete the upload of", key, complete, { signal, trace });
      } catch (error) {
        const gone = error instanceof NotFoundError && error.what === "upload" && tries > 1;
        if (!gone) throw error;
        // An earlier try may have done it, with its answer lost: what is there tells.
        const after = await run("read", key, () => bucket.head(key), { signal, trace });
        const ours = after !== null && after.etag !== before?.etag &&
          after.etag.endsWith(`-${parts.length}`);
        if (ours) return after;
        throw error;
      }
    },
    abort: () => run("abort the upload of", key, () => upload.abort(), { trace }),
  };
}

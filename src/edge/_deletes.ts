import { type CairnError, NotFoundError } from "../errors.ts";
import { checkKey } from "../store/key.ts";
import { isRetryable } from "../store/policy.ts";
import type { ObjectStore } from "../store/store.ts";
import { errorFrom } from "../s3/errors.ts";
import { base64, md5 } from "../s3/md5.ts";
import { deleteAnswer, deleteBody } from "../s3/messages.ts";
import { fitsXml } from "../s3/xml.ts";
import type { EdgeContext } from "./_context.ts";

const encoder = new TextEncoder();

/** `delete` of an edge store. */
export function createDelete({ settings, policy, wire }: EdgeContext): ObjectStore["delete"] {
  const { bucket, dialect } = settings;

  async function deleteOne(key: string, signal?: AbortSignal): Promise<void> {
    try {
      await policy.run((inner) => wire.sendOnly({ method: "DELETE", key }, inner), signal);
    } catch (error) {
      // Most stores answer 204; some, a 404 for a key that is absent.
      if (!(error instanceof NotFoundError && error.what === "object")) throw error;
    }
  }

  async function deleteBatch(keys: readonly string[], signal?: AbortSignal): Promise<void> {
    let left = keys;
    await policy.run(async (inner) => {
      const failures = await sendBatch(left, inner);
      const errors = failures.map((failure) =>
        errorFrom({ operation: "DELETE", bucket, status: 200, ...failure })
      );
      const real = errors.filter((error) => !(error instanceof NotFoundError));
      if (real.length === 0) return;
      // One that no retry can help ends the call; else only those are sent again.
      const first = real.find((error) => !isRetryable(error)) ?? real[0] as CairnError;
      if (real.every(({ key }) => key !== undefined)) left = real.map(({ key }) => key as string);
      if (real.length > 1) first.cause = new AggregateError(real, `${real.length} keys failed`);
      throw first;
    }, signal);
  }

  async function sendBatch(keys: readonly string[], signal: AbortSignal) {
    const body = deleteBody(keys);
    const headers = await checksumOf(encoder.encode(body));
    const query = { delete: "" };
    const request = { method: "POST", query, headers, body, operation: "DeleteObjects" } as const;
    return deleteAnswer(await wire.sendForXml(request, signal));
  }

  async function checksumOf(bytes: Uint8Array<ArrayBuffer>): Promise<Record<string, string>> {
    if (dialect.deleteChecksum === "content-md5") return { "content-md5": base64(md5(bytes)) };
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return { "x-amz-checksum-sha256": base64(digest) };
  }

  return async (keys, { signal } = {}) => {
    keys.forEach((key) => checkKey(key));
    signal?.throwIfAborted();
    const all = [...new Set(keys)];
    const batched = all.length === 1 ? [] : all.filter(fitsXml);
    const single = all.length === 1 ? all : all.filter((key) => !fitsXml(key));
    for (let at = 0; at < batched.length; at += dialect.maxDeleteKeys) {
      await deleteBatch(batched.slice(at, at + dialect.maxDeleteKeys), signal);
    }
    for (const key of single) await deleteOne(key, signal);
  };
}

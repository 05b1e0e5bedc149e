import { type CairnError, NotFoundError } from "../errors.ts";
import { PAGE_SIZE } from "../store/limits.ts";
import { checkKey } from "../store/key.ts";
import { isRetryable } from "../store/policy.ts";
import type { CallOptions, ObjectStore } from "../store/store.ts";
import { errorFrom } from "./errors.ts";
import { fitsXml } from "./xml.ts";
import type { S3Context } from "./context.ts";

/** `delete` of an S3 store. */
export function createDelete({ settings, driver, run }: S3Context): ObjectStore["delete"] {
  const { bucket } = settings;

  async function deleteOne(key: string, options: CallOptions): Promise<void> {
    try {
      await run((signal) => driver.deleteObject(key, signal), options);
    } catch (error) {
      // Most stores answer 204; some, a 404 for a key that is absent.
      if (!(error instanceof NotFoundError && error.what === "object")) throw error;
    }
  }

  async function deleteBatch(keys: readonly string[], options: CallOptions): Promise<void> {
    let left = keys;
    await run(async (signal) => {
      const failures = await driver.deleteObjects(left, signal);
      const errors = failures.map((failure) =>
        errorFrom({ operation: "DELETE", bucket, status: 200, ...failure })
      );
      const real = errors.filter((error) => !(error instanceof NotFoundError));
      if (real.length === 0) return;
      // One that no retry can help ends the call; else only those are sent again.
      const first = real.find((error) => !isRetryable(error)) ?? real[0] as CairnError;
      const named = left.filter((key) => real.some((error) => error.key === key));
      if (named.length === real.length) left = named;
      if (real.length > 1) first.cause = new AggregateError(real, `${real.length} keys failed`);
      throw first;
    }, options);
  }

  return async (keys, options = {}) => {
    keys.forEach((key) => checkKey(key));
    options.signal?.throwIfAborted();
    const all = [...new Set(keys)];
    const alone = (key: string) => all.length === 1 || !fitsXml(key);
    const batched = all.filter((key) => !alone(key));
    for (let at = 0; at < batched.length; at += PAGE_SIZE) {
      await deleteBatch(batched.slice(at, at + PAGE_SIZE), options);
    }
    for (const key of all.filter(alone)) await deleteOne(key, options);
  };
}

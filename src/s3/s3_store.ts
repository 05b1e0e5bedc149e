import { UnsupportedError } from "../errors.ts";
import { checkKey } from "../store/key.ts";
import { type Policy, withTimeout } from "../store/policy.ts";
import { createApi, type S3Store } from "./api.ts";
import type { S3Context } from "./context.ts";
import { createDelete } from "./deletes.ts";
import type { S3Driver } from "./driver.ts";
import type { S3Settings } from "./options.ts";
import { urlRequest } from "./presign.ts";
import { createReads } from "./reads.ts";
import { createWrites } from "./writes.ts";

/** The store over a driver: what both S3 transports do alike. */
export function s3Store(settings: S3Settings, policy: Policy, driver: S3Driver): S3Store {
  const { bucket, capabilities } = settings;
  const name = `s3 bucket ${JSON.stringify(bucket)}`;
  const run: S3Context["run"] = (attempt, { signal, trace } = {}) =>
    policy.run(attempt, signal, trace);
  const context = { name, settings, policy, driver, run };
  const { read, reads } = createReads(context);
  return {
    name,
    capabilities,
    api: createApi(context),
    ...reads,
    ...createWrites(context, read),
    delete: createDelete(context),
    async presign(key, options) {
      checkKey(key);
      const request = urlRequest(key, options, settings.headers);
      if (!capabilities.presign) {
        throw new UnsupportedError(`Cannot presign: ${name} takes no presigned URLs`, { key });
      }
      // Nothing is sent, but who gives the credentials may take his time.
      return await withTimeout(
        () => driver.presign(key, request),
        policy.attemptTimeout,
        options.signal,
      );
    },
  };
}

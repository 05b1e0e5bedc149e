import { NotFoundError, UnsupportedError } from "../errors.ts";
import type { S3Store } from "../s3/api.ts";
import type { CallOptions, ObjectStore } from "../store/store.ts";

/** Finds the version of an object to read; `undefined` for the current one. */
export type FindVersion = (key: string, options: CallOptions) => Promise<string | undefined>;

/**
 * A bucket as it was, to read from: `pin` names versions that are to be read
 * whatever is there, `find` those of objects that are gone.
 */
export function pastStore(
  store: S3Store,
  pin: (key: string) => string | undefined,
  find: FindVersion,
): ObjectStore {
  const refuse = (): never => {
    throw new UnsupportedError(`Cannot change ${store.name} as it was: it can only be read`);
  };
  return {
    name: `${store.name} as it was`,
    capabilities: store.capabilities,
    async get(key, options) {
      const pinned = pin(key);
      if (pinned !== undefined) return await store.get(key, { ...options, versionId: pinned });
      try {
        return await store.get(key, options);
      } catch (error) {
        if (!(error instanceof NotFoundError) || error.what !== "object") throw error;
        const versionId = await find(key, { signal: options?.signal });
        if (versionId === undefined) throw error;
        return await store.get(key, { ...options, versionId });
      }
    },
    head: async (key, options) => await store.head(key, { ...options, versionId: pin(key) }),
    list: (options) => store.list(options),
    put: async () => await refuse(),
    delete: async () => await refuse(),
    copy: async () => await refuse(),
    presign: async () => await refuse(),
  };
}

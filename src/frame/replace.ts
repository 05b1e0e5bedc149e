import { NotFoundError, PreconditionFailedError } from "../errors.ts";
import { getBytes } from "../store/body.ts";
import type { CallOptions, ObjectStore } from "../store/store.ts";

/** How often an object is read again that another writer has changed meanwhile. */
const ATTEMPTS = 10;

/**
 * Replaces an object by what `change` makes of it, where nobody else has written
 * it since; where somebody has, it is read again. `undefined` leaves it as it is.
 * Gives the number of bytes written.
 *
 * @throws {PreconditionFailedError} where others keep writing it.
 */
export async function replace(
  store: ObjectStore,
  key: string,
  change: (bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array | undefined>,
  { signal }: CallOptions,
): Promise<number> {
  for (let attempt = 1;; attempt++) {
    try {
      const { info, bytes } = await getBytes(store, key, { signal });
      const changed = await change(bytes);
      if (changed === undefined) return 0;
      const precondition = store.capabilities.conditionalUpdate
        ? { ifMatch: info.etag }
        : "overwrite";
      await store.put(key, changed, { precondition, signal });
      return changed.length;
    } catch (error) {
      // Deleted meanwhile, which is how it was to be, too.
      if (error instanceof NotFoundError && error.what === "object") return 0;
      if (!(error instanceof PreconditionFailedError) || attempt >= ATTEMPTS) throw error;
    }
  }
}

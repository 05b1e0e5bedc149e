import { NotFoundError, PreconditionFailedError } from "../errors.ts";
import { getBytes } from "../store/body.ts";
import type { CallOptions, ObjectStore, PutOptions } from "../store/store.ts";

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
  { signal, attributes }: CallOptions & Pick<PutOptions, "attributes">,
): Promise<number> {
  const { conditionalUpdate } = store.capabilities;
  for (let attempt = 1;; attempt++) {
    try {
      // A cache in between may have an older one: where nothing would tell, or has told, the store itself is asked.
      const fresh = attempt > 1 || !conditionalUpdate;
      const ifMatch = fresh ? (await store.head(key, { signal })).etag : undefined;
      const { info, bytes } = await getBytes(store, key, { ifMatch, signal });
      const changed = await change(bytes);
      if (changed === undefined) return 0;
      const precondition = conditionalUpdate ? { ifMatch: info.etag } : "overwrite";
      await store.put(key, changed, { precondition, attributes, signal });
      return changed.length;
    } catch (error) {
      // Deleted meanwhile, which is how it was to be, too.
      if (error instanceof NotFoundError && error.what === "object") return 0;
      if (!(error instanceof PreconditionFailedError) || attempt >= ATTEMPTS) throw error;
    }
  }
}

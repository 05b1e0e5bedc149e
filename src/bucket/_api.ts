import { UnsupportedError } from "../errors.ts";
import type { BucketApi, S3Store } from "../s3/api.ts";

/**
 * How a store's bucket is managed. The types ask for an S3 store already; who
 * has none at run time hears of it by the store's name.
 *
 * @throws {UnsupportedError} where the store is none.
 */
export function apiOf(store: S3Store, what = "manage"): BucketApi {
  const api = (store as Partial<S3Store> | undefined)?.api;
  if (typeof api?.request === "function") return api;
  throw new UnsupportedError(
    `Cannot ${what} ${store?.name ?? "a store without a name"}: it is no bucket that speaks S3, ` +
      "or a layer above one; give what edgeStore or sdkStore returned",
  );
}

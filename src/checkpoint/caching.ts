import type { ObjectAttributes, ObjectStore } from "../store/store.ts";

/** The end of a chunk's key: only a chunk's is a hash in a folder `v`. */
const CHUNK = /\/v\/[0-9a-f]{64}$/;

/**
 * What caches may do with an object, where the store keeps it. A chunk is named by
 * its content and never changes; a record may be written again under its key.
 * A chunk's says neither `public` nor `private`: so a CDN keeps it, and a proxy
 * between us and the store, which sees our signed requests, does not
 * (https://www.rfc-editor.org/rfc/rfc9111#section-3.5).
 */
export function cachingOf(
  store: ObjectStore,
  key: string,
): { attributes?: ObjectAttributes } {
  if (!store.capabilities.attributes) return {};
  const cacheControl = CHUNK.test(key) ? "max-age=31536000, immutable" : "private, no-cache";
  return { attributes: { cacheControl } };
}

/** Whether a key is of a chunk. */
export function isChunkKey(key: string): boolean {
  return CHUNK.test(key);
}

import { decodeFrame } from "../frame/frame.ts";
import { getBytes } from "../store/body.ts";
import type { CallOptions, ObjectInfo, PutResult } from "../store/store.ts";
import { cachingOf } from "./caching.ts";
import { named, type Objects } from "./objects.ts";

/**
 * Copies an object to another key, and forgets what was there: on the server
 * where it can, and sealed anew where it is encrypted, which binds it to its key.
 */
export async function copyObject(
  objects: Objects,
  from: string,
  to: string,
  options: CallOptions = {},
): Promise<PutResult> {
  const { store, recent } = objects;
  recent.delete(to);
  const [source, target] = [objects.sealing(from), objects.sealing(to)];
  if (source === undefined || target === undefined) return await store.copy(from, to, options);
  const { bytes } = await getBytes(store, from, options);
  const frame = await source.encryption.reseal(bytes, source.place, target.place)
    .catch((error) => {
      throw named(from, error);
    });
  return await store.put(to, frame, { ...cachingOf(store, to), ...options });
}

/** An object's bytes, while it has this ETag; what they open to, where they are bound to its key. */
export async function contentOf(
  objects: Objects,
  { key, etag }: ObjectInfo,
  options: CallOptions = {},
): Promise<Uint8Array> {
  const { bytes } = await getBytes(objects.store, key, { ...options, ifMatch: etag });
  const sealing = objects.sealing(key);
  if (sealing === undefined) return bytes;
  try {
    return (await decodeFrame(bytes, { sealing })).payload;
  } catch (error) {
    throw named(key, error);
  }
}

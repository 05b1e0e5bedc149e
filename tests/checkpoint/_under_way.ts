import type { ObjectStore } from "@cairn/checkpoint";

/** A store whose reads take a while, and the most bytes and objects that were read at once. */
export function readsWatched(
  inner: ObjectStore,
): { store: ObjectStore; most: { bytes: number; objects: number } } {
  const now = { bytes: 0, objects: 0 }, most = { bytes: 0, objects: 0 };
  const get: ObjectStore["get"] = async (key, options) => {
    const found = await inner.get(key, options);
    now.bytes += found.info.size;
    now.objects++;
    most.bytes = Math.max(most.bytes, now.bytes);
    most.objects = Math.max(most.objects, now.objects);
    await new Promise((resolve) => setTimeout(resolve, 10));
    now.bytes -= found.info.size;
    now.objects--;
    return found;
  };
  return { store: { ...inner, get }, most };
}

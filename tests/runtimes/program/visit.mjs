import { getBytes } from "@cairn/checkpoint";

const OBJECTS = 8;

/** What a visitor with this name leaves in a store, and reads again. */
export function expectedOf(visitor) {
  return Array.from({ length: OBJECTS }, (_, index) => `${visitor}:${index}`).join(" ");
}

/** Writes a visitor's objects all at once, reads them again, and removes them. */
export async function visit(store, visitor) {
  const keys = Array.from({ length: OBJECTS }, (_, index) => `runtimes/${visitor}/${index}`);
  await Promise.all(
    keys.map((key, index) => store.put(key, new TextEncoder().encode(`${visitor}:${index}`))),
  );
  const objects = await Promise.all(keys.map((key) => getBytes(store, key)));
  await store.delete(keys);
  return objects.map(({ bytes }) => new TextDecoder().decode(bytes)).join(" ");
}

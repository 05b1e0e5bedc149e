import { listKeys, readAll } from "../store/body.ts";
import type { GetOptions, ListOptions, ObjectInfo, ObjectStore } from "../store/store.ts";

/** What a runner tells a case. */
export interface ConformanceContext {
  /**
   * What the keys of this case start with: up to 100 bytes of letters, digits,
   * `-` and `/`, unique to the run. Nothing else is in the store under it, and
   * nothing is left there.
   */
  readonly prefix: string;
  /** The most bytes of a key here; less than 1,024 where a layer takes some for itself. @default 1024 */
  readonly maxKeyBytes?: number | undefined;
  /** Fetches a presigned URL. @default globalThis.fetch */
  readonly fetch?: typeof fetch | undefined;
}

/** One thing that every store must do. */
export interface ConformanceCase {
  /** What it must do, as the end of a sentence that starts with the store. */
  readonly name: string;
  /** Rejects where the store does not. */
  run(store: ObjectStore, context: ConformanceContext): Promise<void>;
}

/** Makes a case that leaves nothing behind. */
export function conformanceCase(name: string, run: ConformanceCase["run"]): ConformanceCase {
  return {
    name,
    async run(store, context) {
      try {
        await run(store, context);
      } catch (error) {
        // The failure is the one to tell, whatever becomes of the rest.
        await clear(store, context.prefix).catch(() => {});
        throw error;
      }
      await clear(store, context.prefix);
    },
  };
}

async function clear(store: ObjectStore, prefix: string): Promise<void> {
  const keys: string[] = [];
  for await (const key of listKeys(store, prefix)) keys.push(key);
  if (keys.length > 0) await store.delete(keys);
}

/** The UTF-8 of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Reads an object whole, or the range of it. */
export async function read(
  store: ObjectStore,
  key: string,
  options?: GetOptions,
): Promise<Uint8Array> {
  return await readAll((await store.get(key, options)).body);
}

/** Whether an object is there. */
export async function exists(store: ObjectStore, key: string): Promise<boolean> {
  for await (const page of store.list({ prefix: key, limit: 1 })) {
    return page.objects[0]?.key === key;
  }
  return false;
}

/** A whole listing, without the case's prefix. */
export interface Listing {
  readonly objects: ObjectInfo[];
  readonly keys: string[];
  readonly prefixes: string[];
  readonly pages: number[];
}

/** Lists under a case's prefix; what it gives is free of it, and so is what it takes. */
export async function listing(
  store: ObjectStore,
  base: string,
  { prefix = "", startAfter, ...options }: ListOptions = {},
): Promise<Listing> {
  const found: Listing = { objects: [], keys: [], prefixes: [], pages: [] };
  const pages = store.list({
    ...options,
    prefix: base + prefix,
    startAfter: startAfter === undefined ? undefined : base + startAfter,
  });
  for await (const page of pages) {
    found.objects.push(...page.objects);
    found.keys.push(...page.objects.map(({ key }) => key.slice(base.length)));
    found.prefixes.push(...page.prefixes.map((text) => text.slice(base.length)));
    found.pages.push(page.objects.length + page.prefixes.length);
  }
  return found;
}

/** Does the same with each item, a few at once. */
export async function each<T>(
  items: readonly T[],
  operation: (item: T, index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      await operation(items[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

/** Random bytes that are the same in every run: mulberry32. */
export function randomBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const next = randomNumbers(seed);
  for (let i = 0; i < length; i++) bytes[i] = next() * 256;
  return bytes;
}

/** Random numbers from 0 up to 1 that are the same in every run. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Bytes in pieces of up to so many. */
export function* piecesUpTo(
  bytes: Uint8Array<ArrayBuffer>,
  most: number,
  random: () => number,
): Generator<Uint8Array<ArrayBuffer>, void> {
  for (let at = 0; at < bytes.length;) {
    const length = Math.floor(random() * (most + 1));
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

import { CorruptError, InvalidInputError } from "../errors.ts";
import { aesGcm } from "../frame/aes_gcm.ts";
import type { KeyProvider } from "../frame/key_provider.ts";
import { replace } from "../frame/replace.ts";
import { cachingOf } from "./caching.ts";
import { isFrameEncrypted, rewrapFrame, rewrapper, sealFrame } from "../frame/rewrap_frame.ts";
import { checkPart, checkWhole, refuse } from "../store/_options.ts";
import { quote } from "../store/key.ts";
import { openRequests } from "../store/open_requests.ts";
import { mapParallel, UNDER_WAY, weighed } from "../store/parallel.ts";
import type { CallOptions, ObjectInfo, ObjectStore } from "../store/store.ts";
import { Keys } from "./keys.ts";
import { named } from "./objects.ts";

/** How far a {@link rewrap} is. */
export interface RewrapProgress {
  /** How many objects were looked at. */
  readonly done: number;
  /** How many there were when it began; absent where nobody watches. */
  readonly total?: number;
  /** How many had their data key wrapped anew. */
  readonly rewrapped: number;
  /** How many were not encrypted, and are now. */
  readonly sealed: number;
  /** How many were left as they are: wrapped under the current key, or not encrypted and to be skipped. */
  readonly left: number;
  /** How many bytes were written. */
  readonly bytes: number;
}

/** Options of {@link rewrap}. */
export interface RewrapOptions extends CallOptions {
  /** What wraps: its current key is the one that all data keys are to be wrapped under. */
  readonly keys: KeyProvider;
  /** What unwraps. @default keys */
  readonly from?: KeyProvider | undefined;
  /** The folder that everything is kept under, as the checkpointer has it. @default "cairn/" */
  readonly prefix?: string | undefined;
  /**
   * What to do with an object that is not encrypted: refuse to go on, skip it, or
   * seal it where it stands.
   *
   * @default "refuse"
   */
  readonly plaintext?: "refuse" | "skip" | "seal" | undefined;
  /** Called after each object; the objects are counted first then, by one more listing. */
  readonly onProgress?: ((progress: RewrapProgress) => void) | undefined;
  /**
   * How many objects are under way at once, and never more than 12 MiB of them.
   * The store's own bound holds beside it.
   *
   * @default 6 in a Cloudflare Worker, else 50
   */
  readonly maxOpenRequests?: number | undefined;
}

/**
 * Wraps the data keys of all objects under a prefix anew, under the provider's
 * current key, so that an older one can go. What is sealed is neither opened nor
 * sealed again; each object is read, and written where its key is another.
 *
 * It may run while others read and write: an object is replaced only where it is
 * still the one that was read, on a store that can tell. It may be interrupted, and
 * begun again: what is done already is passed over.
 *
 * @returns what was done.
 * @throws {AccessError} where the provider does not have the key of an object.
 * @throws {CorruptError} where an object is damaged, or not encrypted and to be refused.
 * @throws {InvalidInputError} where an option cannot be used.
 *
 * @example Retire a key
 * ```ts
 * import { aesGcm, localKeys, memoryStore, rewrap, S3Checkpointer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const store = memoryStore();
 * const old = crypto.getRandomValues(new Uint8Array(32));
 * const fresh = crypto.getRandomValues(new Uint8Array(32));
 * const before = aesGcm({ keys: localKeys({ current: "2025", keys: { "2025": old } }) });
 * await new S3Checkpointer(store, { encryption: before }).save("thread-1", { step: 1 });
 *
 * const both = localKeys({ current: "2026", keys: { "2025": old, "2026": fresh } });
 * const { rewrapped } = await rewrap(store, { keys: both });
 * assert.equal(rewrapped, 1);
 *
 * const after = aesGcm({ keys: localKeys({ current: "2026", keys: { "2026": fresh } }) });
 * const checkpointer = new S3Checkpointer(store, { encryption: after });
 * assert.deepEqual((await checkpointer.load("thread-1"))?.state, { step: 1 });
 * ```
 */
export async function rewrap(store: ObjectStore, options: RewrapOptions): Promise<RewrapProgress> {
  const {
    keys,
    from = keys,
    prefix = "cairn/",
    plaintext = "refuse",
    onProgress,
    maxOpenRequests = openRequests(),
    signal,
  } = options;
  for (const [name, provider] of Object.entries({ keys, from })) {
    checkPart(name, provider, "unwrap", "localKeys(), or another key provider,");
  }
  if (from !== keys && from.current === keys.current) {
    throw new InvalidInputError(
      `Cannot rewrap: keys and from both call their current key ${quote(keys.current)}, so that ` +
        "no object tells which is meant; give the new key an id of its own",
    );
  }
  if (!["refuse", "skip", "seal"].includes(plaintext)) {
    refuse("plaintext", plaintext, '"refuse", "skip" or "seal"');
  }
  checkWhole({ maxOpenRequests }, 1);
  if (store.capabilities.lags) {
    throw new InvalidInputError(
      `Cannot rewrap ${store.name}: what a replica does not list yet would stay under the old key; ` +
        "give the origin's own store",
    );
  }
  const places = new Keys(prefix);
  const encryption = aesGcm({ keys });
  const wrapAnew = rewrapper(from, keys);
  const counts = { done: 0, rewrapped: 0, sealed: 0, left: 0, bytes: 0 };
  let total: number | undefined;
  const progress = () => ({ ...counts, ...(total === undefined ? {} : { total }) });

  async function* pages(): AsyncGenerator<ObjectInfo[]> {
    for await (const { objects } of store.list({ prefix: places.prefix, signal })) {
      yield objects.filter(({ key }) => places.parse(key) !== undefined);
    }
  }
  async function treat(key: string, inner: AbortSignal): Promise<void> {
    const thread = places.threadOf(key)!;
    let what: "rewrapped" | "sealed" = "rewrapped";
    const written = await replace(store, key, async (bytes) => {
      what = await isFrameEncrypted(bytes) ? "rewrapped" : "sealed";
      if (what === "rewrapped") {
        return await rewrapFrame(bytes, (wrapped) => wrapAnew(thread, wrapped));
      }
      if (plaintext === "skip") return undefined;
      if (plaintext === "seal") {
        return await sealFrame(bytes, { encryption, place: { thread, key } });
      }
      throw new CorruptError(
        'This object is not encrypted: give plaintext: "seal" to encrypt it, or "skip"',
      );
    }, { ...cachingOf(store, key), signal: inner }).catch((error) => {
      throw named(key, error);
    });
    counts.done++;
    counts.bytes += written;
    counts[written > 0 ? what : "left"]++;
    onProgress?.(progress());
  }

  if (onProgress) {
    total = 0;
    for await (const { length } of pages()) total += length;
  }
  const through = weighed(UNDER_WAY);
  for await (const objects of pages()) {
    await mapParallel(
      objects,
      maxOpenRequests,
      ({ key, size }, inner) => through(size, () => treat(key, inner)),
      signal,
    );
  }
  return progress();
}

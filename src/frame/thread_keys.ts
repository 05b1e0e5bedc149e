import {
  AccessError,
  CorruptError,
  NotFoundError,
  PreconditionFailedError,
  UnsupportedError,
} from "../errors.ts";
import { checkPart } from "../store/_options.ts";
import { getBytes } from "../store/body.ts";
import { toHex } from "../store/hex.ts";
import { quote } from "../store/key.ts";
import { openRequests } from "../store/open_requests.ts";
import { mapParallel } from "../store/parallel.ts";
import type { CallOptions, ObjectStore } from "../store/store.ts";
import { randomBytes } from "./_aes.ts";
import { checkWrapped } from "./_envelope.ts";
import { replace } from "./replace.ts";
import { sha256 } from "../store/sha256.ts";
import { utf8 } from "../store/utf8.ts";
import type { KeyContext, KeyProvider, WrappedKey } from "./key_provider.ts";
import { tooNew } from "./too_new.ts";

/** Options of {@link threadKeys}. */
export interface ThreadKeysOptions {
  /** Wraps the threads' keys where they are kept. */
  readonly provider: KeyProvider;
  /**
   * Where they are kept, and nowhere else: a bucket of its own without
   * versioning, replication and backups, since a copy of a key undoes its
   * erasure; `prefixed()` gives a part of one.
   */
  readonly store: ObjectStore;
}

/** A data key for each thread, that can be forgotten. */
export interface ThreadKeys extends KeyProvider {
  /**
   * Deletes a thread's key, after which nothing of the thread can be read any
   * more: not what is stored, not old versions, replicas or backups of it. This
   * process stops at once, another within its `cacheAge`. Delete the thread, too:
   * what stays is of no use. What is written under its id later has a new key.
   */
  forget(thread: string, options?: CallOptions): Promise<void>;
  /** Wraps all threads' keys anew that are not wrapped under the provider's current key; gives how many. */
  rewrap(options?: CallOptions): Promise<number>;
}

/** The id that stands in frames: which key it is, the wrapped key says. */
const ID = "thread-keys";
const NAME_LENGTH = 16;
/** No object of a thread's key comes near. */
const MAX_BYTES = 65_536;

/** What is kept of a thread's key. */
interface Kept extends WrappedKey {
  readonly thread: string;
  /** Which of the keys that the thread may have had in its time, in hex. */
  readonly name: string;
}

/**
 * One data key for each thread, kept apart from the thread: the thread's objects
 * only name it. To erase a thread for good, forget its key.
 *
 * A process reads a thread's key once, when it first needs it. Of two that make
 * it at once, the store lets one be first, and the other reads it.
 *
 * @throws {InvalidInputError} where there is no provider or no store.
 * @throws {UnsupportedError} where the store cannot let one of two writers be the first, or has a replica.
 *
 * @example Erasure
 * ```ts
 * import {
 *   AccessError,
 *   aesGcm,
 *   localKeys,
 *   memoryStore,
 *   S3Checkpointer,
 *   threadKeys,
 * } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const master = crypto.getRandomValues(new Uint8Array(32));
 * const provider = localKeys({ current: "2026", keys: { "2026": master } });
 * const keys = threadKeys({ provider, store: memoryStore() }); // a bucket of its own
 * const checkpointer = new S3Checkpointer(memoryStore(), { encryption: aesGcm({ keys }) });
 * await checkpointer.save("thread-1", { note: "personal" });
 *
 * await keys.forget("thread-1");
 * await assert.rejects(checkpointer.load("thread-1"), AccessError);
 * ```
 */
export function threadKeys(options: ThreadKeysOptions): ThreadKeys {
  const { provider, store } = options;
  checkPart("provider", provider, "unwrap", "localKeys(), or another key provider,");
  checkPart("store", store, "put", "edgeStore(), or another store,");
  if (!store.capabilities.conditionalCreate) {
    throw new UnsupportedError(
      `Cannot keep threads' keys in ${store.name}: of two processes that make a key at once, it ` +
        "cannot let one be first; take a store with conditional writes",
    );
  }
  if (store.capabilities.lags) {
    throw new UnsupportedError(
      `Cannot keep threads' keys in ${store.name}: a replica would still have a key that was erased; ` +
        "take a store without one",
    );
  }
  let forgotten = 0;

  async function read(thread: string): Promise<Kept | undefined> {
    const key = await keyOf(thread);
    try {
      const kept = parse(key, (await getBytes(store, key)).bytes);
      if (kept.thread === thread) return kept;
      throw new CorruptError(`${key} is the key of another thread`, { key });
    } catch (error) {
      if (error instanceof NotFoundError && error.what === "object") return undefined;
      throw error;
    }
  }
  async function make(context: KeyContext) {
    const { id, wrapped, key } = await provider.generate(context);
    checkWrapped({ id, wrapped });
    const name = toHex(randomBytes(NAME_LENGTH));
    const kept = { thread: context.thread, name, id, wrapped };
    await store.put(await keyOf(context.thread), format(kept), { precondition: "create" });
    return { id: ID, wrapped: fromHex(name), key };
  }
  async function existing(context: KeyContext) {
    const kept = await read(context.thread);
    if (kept === undefined) return undefined;
    return { id: ID, wrapped: fromHex(kept.name), key: await provider.unwrap(kept, context) };
  }

  return {
    current: ID,
    get revision() {
      return forgotten + (provider.revision ?? 0);
    },
    async generate(context) {
      const there = await existing(context);
      if (there !== undefined) return there;
      try {
        return await make(context);
      } catch (error) {
        // Another process was first; or this one, whose answer was lost.
        const made = error instanceof PreconditionFailedError ? await existing(context) : undefined;
        if (made === undefined) throw error;
        return made;
      }
    },
    wrap() {
      return Promise.reject(
        new UnsupportedError(
          "Cannot wrap a data key by threadKeys: each thread has the key that was made for it; " +
            "copy the thread into one that has",
        ),
      );
    },
    async unwrap({ id, wrapped }, context) {
      if (id !== ID) {
        throw new AccessError(
          `Cannot unwrap a data key: the key ${quote(id)} is none of threadKeys (${quote(ID)}); ` +
            "give the provider that it was wrapped with",
        );
      }
      const kept = await read(context.thread);
      if (kept?.name === toHex(wrapped)) return await provider.unwrap(kept, context);
      throw new AccessError(
        `The key of the thread ${
          quote(context.thread)
        } is not in ${store.name}: it was erased, and ` +
          "what it sealed cannot be read any more; or the object is another thread's, or the keys " +
          "are kept in another store",
        { code: "KeyErased" },
      );
    },
    async forget(thread, { signal } = {}) {
      await store.delete([await keyOf(thread)], { signal });
      forgotten++;
    },
    async rewrap({ signal } = {}) {
      let count = 0;
      for await (const { objects } of store.list({ prefix: FOLDER, signal })) {
        await mapParallel(objects, openRequests(), async ({ key }, inner) => {
          const written = await replace(store, key, async (bytes) => {
            const kept = parse(key, bytes);
            if (kept.id === provider.current) return undefined;
            const context = { thread: kept.thread };
            const raw = await provider.unwrap(kept, context);
            const wrapped = await provider.wrap(raw, context);
            raw.fill(0);
            checkWrapped(wrapped);
            return format({ ...kept, ...wrapped });
          }, { signal: inner });
          if (written > 0) count++;
        }, signal);
      }
      return count;
    },
  };
}

/** What all keys of the store start with. */
const FOLDER = "thread-keys/";

/** Where a thread's key is kept: of one length, whatever the thread's id. */
async function keyOf(thread: string): Promise<string> {
  return `${FOLDER}${toHex(await sha256(utf8(thread)))}`;
}

function format({ thread, name, id, wrapped }: Kept): Uint8Array {
  return utf8(
    JSON.stringify({ v: 1, thread, name, id, wrapped: toHex(wrapped) }),
  );
}

function parse(key: string, bytes: Uint8Array): Kept {
  let kept: Record<string, unknown> = {};
  try {
    if (bytes.length <= MAX_BYTES) kept = Object(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    // told below
  }
  const { v, thread, name, id, wrapped } = kept;
  if (typeof v === "number" && v > 1) {
    throw tooNew(key, { key });
  }
  const isWhole = v === 1 && typeof thread === "string" && typeof id === "string" &&
    typeof name === "string" && /^[0-9a-f]{32}$/.test(name) &&
    typeof wrapped === "string" && /^(?:[0-9a-f]{2})+$/.test(wrapped);
  if (isWhole) return { thread, name, id, wrapped: fromHex(wrapped) };
  throw new CorruptError(`${key} is no thread's key`, { key });
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => parseInt(digits, 16));
}

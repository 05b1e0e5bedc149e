import { AccessError, NotFoundError } from "../errors.ts";
import { Keys } from "../checkpoint/keys.ts";
import { getBytes } from "../store/body.ts";
import type { CallOptions, ObjectStore } from "../store/store.ts";

/** Whether something is allowed: `unknown` where it could not be told from another refusal. */
export type Permission = "allowed" | "denied" | "unknown";

/** What {@link checkAccess} found. */
export interface AccessReport {
  /** Listing what is under the prefix. */
  readonly list: Permission;
  /** Writing an object. */
  readonly put: Permission;
  /** Reading one. */
  readonly get: Permission;
  /** Deleting one. */
  readonly delete: Permission;
  /** The key of the probe object, where it could be written and not deleted. */
  readonly left?: string;
}

/** Options of {@link checkAccess}. */
export interface CheckAccessOptions extends CallOptions {
  /** The checkpointer's prefix. @default "cairn/" */
  readonly prefix?: string | undefined;
}

/**
 * Finds out what the store's credentials allow under a prefix, by doing it: a
 * probe object is written, read and deleted, under a key that is no thread's.
 * In a bucket with versions the probe stays as an old version.
 *
 * @throws {NotFoundError} where there is no bucket.
 * @throws {AccessError} where the credentials themselves are wrong or expired.
 *
 * @example
 * ```ts
 * import { memoryStore } from "@cairn/checkpoint";
 * import { checkAccess } from "@cairn/checkpoint/bucket";
 * import assert from "node:assert/strict";
 *
 * const store = memoryStore(); // or edgeStore(options), sdkStore(options)
 * assert.deepEqual(await checkAccess(store), {
 *   list: "allowed",
 *   put: "allowed",
 *   get: "allowed",
 *   delete: "allowed",
 * });
 * ```
 */
export async function checkAccess(
  store: ObjectStore,
  { prefix: given = "cairn/", signal }: CheckAccessOptions = {},
): Promise<AccessReport> {
  const { prefix } = new Keys(given);
  // A thread is a folder: this is none, and begins with what no thread's name does.
  const key = `${prefix}access-probe.${crypto.randomUUID()}`;
  const list = await tried(async () => {
    for await (const _ of store.list({ prefix, limit: 1, signal })) break;
  });
  const put = await tried(() => store.put(key, new Uint8Array([1]), { signal }));
  let get: Permission;
  let removal: Permission;
  try {
    get = await tried(() => getBytes(store, key, { signal }));
  } finally {
    // Also where nothing could be written: the right to delete is one of its own.
    removal = await tried(() => store.delete([key], { signal }));
  }
  // Without the right to list, S3 answers for what is not there as for what is closed.
  if (get === "denied" && put === "denied" && list === "denied") get = "unknown";
  const left = put === "allowed" && removal === "denied" ? { left: key } : {};
  return { list, put, get, delete: removal, ...left };
}

/** Codes that are about who asks, and not about what. */
const CREDENTIALS = /^(InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken)/;

async function tried(operation: () => Promise<unknown>): Promise<Permission> {
  try {
    await operation();
    return "allowed";
  } catch (error) {
    if (error instanceof NotFoundError && error.what === "object") return "allowed";
    if (!(error instanceof AccessError) || CREDENTIALS.test(error.code ?? "")) throw error;
    return "denied";
  }
}

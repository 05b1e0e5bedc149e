import { CorruptError, NotFoundError, UnsupportedError } from "../errors.ts";
import { quote } from "../store/key.ts";
import type { ObjectLink } from "../store/link_store.ts";
import { mapParallel } from "../store/parallel.ts";
import type { CallOptions, ObjectInfo, ObjectStore } from "../store/store.ts";
import { insideOf } from "./faces.ts";
import type { Group } from "./groups.ts";
import { uuid7 } from "./id.ts";
import type { CheckpointLog } from "./log.ts";
import { chunksOfGroup } from "./writes.ts";

/** What all links have in common. */
export interface LinkOptions extends CallOptions {
  /** For how long they hold, in seconds: from 1 to 604,800, seven days, and no longer than the credentials that sign. */
  readonly expiresIn: number;
  /**
   * Whether the links of a store with an `sseCustomerKey` may carry that key,
   * which opens everything else that it encrypts, too.
   *
   * @default false, and such a store makes no links
   */
  readonly withCustomerKey?: boolean | undefined;
}

/** Options of {@link objectLink}. */
export interface ObjectLinkOptions extends LinkOptions {
  /** What the link allows. @default "GET" */
  readonly method?: "GET" | "PUT" | undefined;
  /** The media type that an upload must name. @default any */
  readonly contentType?: string | undefined;
  /** The length that an upload must have, in bytes: exactly. @default any */
  readonly contentLength?: number | undefined;
}

/** Options of {@link checkpointLinks}. */
export interface CheckpointLinksOptions extends LinkOptions {
  /** The namespace. @default "" */
  readonly namespace?: string | undefined;
  /** The id. @default the latest */
  readonly id?: string | undefined;
}

/** Options of {@link uploadLinks}. */
export interface UploadLinksOptions extends LinkOptions {
  /** The namespace. @default "" */
  readonly namespace?: string | undefined;
  /** The id that the checkpoint will have. @default a new UUID version 7 */
  readonly id?: string | undefined;
}

/** Links to what a checkpoint needs, as plain data: it goes through JSON. */
export interface CheckpointLinks {
  /** The thread. */
  readonly thread: string;
  /** The namespace. */
  readonly namespace: string;
  /** The checkpoint's id. */
  readonly id: string;
  /** The `prefix` that whoever loads it gives a checkpointer. */
  readonly prefix: string;
  /** The links. */
  readonly links: ObjectLink[];
}

/**
 * A link to one object, such as an attachment that lies beside the threads: for
 * GET with what is known of it, for PUT with what must be sent.
 *
 * @throws {NotFoundError} where a link for GET is to nothing.
 * @throws {InvalidInputError} where it cannot hold so long.
 * @throws {UnsupportedError} where the store makes no links.
 *
 * @example An upload of one picture
 * ```ts
 * import { objectLink } from "@cairn/checkpoint";
 * import { edgeStore } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
 * const store = edgeStore({ bucket: "state", credentials });
 * const { url, headers } = await objectLink(store, "pictures/1.png", {
 *   method: "PUT",
 *   expiresIn: 300,
 *   contentType: "image/png",
 *   contentLength: 48_213,
 * });
 * assert.deepEqual(headers, { "content-type": "image/png", "content-length": "48213" });
 * // fetch(url, { method: "PUT", headers: { "content-type": "image/png" }, body: picture })
 * assert(url.startsWith("https://state.s3.us-east-1.amazonaws.com/pictures/1.png?"));
 * ```
 */
export async function objectLink(
  store: ObjectStore,
  key: string,
  options: ObjectLinkOptions,
): Promise<ObjectLink> {
  const { method = "GET", signal } = options;
  const info = method === "GET" ? await store.head(key, { signal }) : undefined;
  return await linkOf(store, key, { ...options, method }, info);
}

/** The header that a customer's key travels in. */
const CUSTOMER_KEY = "x-amz-server-side-encryption-customer-key";

async function linkOf(
  store: ObjectStore,
  key: string,
  options: ObjectLinkOptions & { readonly method: "GET" | "PUT" },
  info: ObjectInfo | undefined,
): Promise<ObjectLink> {
  const headers: Record<string, string> = {};
  // From before it is signed: it holds a moment longer than is said, and not less.
  const end = new Date(Date.now() + options.expiresIn * 1000);
  const { method, expiresIn, contentType, contentLength, withCustomerKey = false, signal } =
    options;
  const asked = { method, expiresIn, contentType, contentLength, signal, send: headers };
  const url = await store.presign(key, asked);
  if (!withCustomerKey && CUSTOMER_KEY in headers) {
    throw new UnsupportedError(
      `Cannot make a link to ${quote(key)}: it would carry the customer's key of ${store.name}; ` +
        "say withCustomerKey where whoever gets it may have that",
      { key },
    );
  }
  return {
    key,
    method,
    url,
    headers,
    expires: end.toISOString(),
    ...(info && {
      size: info.size,
      etag: info.etag,
      lastModified: info.lastModified.toISOString(),
    }),
  };
}

/**
 * Links for GET to everything that a checkpoint needs: its record, its pending
 * writes, and the chunks of its large values. With `linkStore`, whoever has
 * them loads the checkpoint, and needs no credentials. `undefined` where there is
 * no such checkpoint.
 *
 * @throws {CorruptError} where something that it needs is gone.
 * @throws {InvalidInputError} where the links cannot hold so long.
 * @throws {UnsupportedError} where the store makes no links.
 *
 * @example
 * ```ts
 * import { checkpointLinks, memoryStore, S3Checkpointer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const memory = memoryStore(); // has no links of its own: edgeStore and sdkStore do
 * const presign = (key: string) => Promise.resolve(`https://state.example.com/${key}`);
 * const checkpointer = new S3Checkpointer({ ...memory, presign });
 * await checkpointer.save("t", { step: 1 });
 *
 * const found = await checkpointLinks(checkpointer, "t", { expiresIn: 3600 });
 * assert.equal(found?.links.length, 1);
 * // There: new S3Checkpointer(linkStore(found), { prefix: found.prefix }).load(found.thread)
 * ```
 */
export async function checkpointLinks(
  checkpointer: object,
  thread: string,
  options: CheckpointLinksOptions,
): Promise<CheckpointLinks | undefined> {
  const { log } = insideOf(checkpointer);
  const { namespace = "", id, expiresIn, withCustomerKey, signal } = options;
  const group = await visible(log, { thread, namespace, id }, signal);
  if (group === undefined) return undefined;
  const hashes = new Set(await chunksOfGroup(log, group, { signal }));
  const { store } = log.objects;
  const chunks = await mapParallel(hashes, log.parallel, async (hash, inner) => {
    const key = log.keys.chunk(thread, hash);
    try {
      return await store.head(key, { signal: inner });
    } catch (error) {
      if (!(error instanceof NotFoundError && error.what === "object")) throw error;
      throw new CorruptError(`A chunk is gone: ${key}`, { key, cause: error });
    }
  }, signal);
  const infos = [group.record!, ...group.writes.map(({ info }) => info), ...chunks];
  const links = await mapParallel(
    infos,
    log.parallel,
    (info, inner) => {
      const options = { method: "GET", expiresIn, withCustomerKey, signal: inner } as const;
      return linkOf(store, info.key, options, info);
    },
    signal,
  );
  return { thread, namespace, id: group.place.id, prefix: prefixOf(log, thread), links };
}

/**
 * A link for PUT to the record of one checkpoint to come. With `linkStore`,
 * whoever has it saves the checkpoint under that id; a value has to travel inline
 * there, as nobody knows beforehand how its chunks are named: give the checkpointer
 * an `inlineLimit` above its largest.
 *
 * @throws {InvalidInputError} where the link cannot hold so long.
 * @throws {UnsupportedError} where the store makes no links.
 *
 * @example
 * ```ts
 * import { memoryStore, S3Checkpointer, uploadLinks } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const memory = memoryStore(); // has no links of its own: edgeStore and sdkStore do
 * const presign = (key: string) => Promise.resolve(`https://state.example.com/${key}`);
 * const checkpointer = new S3Checkpointer({ ...memory, presign });
 *
 * const given = await uploadLinks(checkpointer, "t", { expiresIn: 600 });
 * assert.equal(given.links[0]?.method, "PUT");
 * // There: new S3Checkpointer(linkStore(given), { prefix: given.prefix, inlineLimit: 2 ** 24 })
 * //   .save(given.thread, state, { id: given.id, parent: null })
 * ```
 */
export async function uploadLinks(
  checkpointer: object,
  thread: string,
  { namespace = "", id = uuid7(), ...rest }: UploadLinksOptions,
): Promise<CheckpointLinks> {
  const { log } = insideOf(checkpointer);
  const key = log.keys.record({ thread, namespace, id });
  const link = await linkOf(log.objects.store, key, { ...rest, method: "PUT" }, undefined);
  return { thread, namespace, id, prefix: prefixOf(log, thread), links: [link] };
}

/** The prefix that a thread's folder has, spread or not: whoever gets it need not know of a spread. */
function prefixOf(log: CheckpointLog, thread: string): string {
  return log.keys.thread(thread).replace(/[^/]+\/$/, "");
}

/** The checkpoint of an id, or the latest, where a reader could see it: of what is over, nothing is given away. */
async function visible(
  log: CheckpointLog,
  { id, ...place }: { thread: string; namespace: string; id: string | undefined },
  signal: AbortSignal | undefined,
): Promise<Group | undefined> {
  if (id !== undefined) {
    const group = await log.group({ ...place, id }, { signal });
    return group && await log.recordOf(group, { signal }) && group;
  }
  for await (const group of log.newest(place.thread, place.namespace, { signal })) {
    if (await log.recordOf(group, { signal }) !== undefined) return group;
  }
}

import { NotFoundError, UnsupportedError } from "../errors.ts";
import {
  type Checkpoint,
  S3Checkpointer,
  type S3CheckpointerOptions,
} from "../checkpoint/checkpointer.ts";
import { Keys } from "../checkpoint/keys.ts";
import type { Spread } from "../checkpoint/spread.ts";
import type { S3Store } from "../s3/api.ts";
import { quote } from "../store/key.ts";
import type { CallOptions } from "../store/store.ts";
import { apiOf } from "./_api.ts";
import { pastStore } from "./_past_store.ts";
import { listObjectVersions, requireVersions, versionsByKey } from "./_version_list.ts";

/** A version of a checkpoint, or its deletion. */
export interface CheckpointVersion {
  /** The thread. */
  readonly thread: string;
  /** The namespace; `""` is the root. */
  readonly namespace: string;
  /** The checkpoint's id. */
  readonly id: string;
  /** The version's id, as S3 gives it. */
  readonly versionId: string;
  /** Whether it is the one that `load` finds, or the deletion because of which it finds none. */
  readonly latest: boolean;
  /** Whether it is a delete marker: nothing to load. */
  readonly deleted: boolean;
  /** When it was written, or deleted, by the bucket's clock. */
  readonly at: Date;
  /** The size of its record in bytes; 0 for a deletion. */
  readonly size: number;
}

/** Which versions {@link listVersions} gives. */
export interface ListVersionsOptions extends CallOptions {
  /** The checkpointer's prefix. @default "cairn/" */
  readonly prefix?: string | undefined;
  /** The checkpointer's `spread`. @default none */
  readonly spread?: Spread | undefined;
  /** The namespace. @default all namespaces; with an id, `""` */
  readonly namespace?: string | undefined;
  /** Only this checkpoint. @default all of the thread */
  readonly id?: string | undefined;
}

/**
 * Lists the versions of a thread's checkpoints, deleted ones too: by namespace,
 * the newest checkpoint first, and of each the newest version.
 *
 * @throws {UnsupportedError} where the bucket keeps no versions, or the store is no S3 store.
 *
 * @example
 * ```ts
 * import { listVersions } from "@cairn/checkpoint/bucket";
 * import { edgeStore } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
 * const store = edgeStore({ bucket: "state", credentials });
 * async function deletions(thread: string) {
 *   const found = [];
 *   for await (const version of listVersions(store, thread)) {
 *     if (version.deleted && version.latest) found.push(version);
 *   }
 *   return found;
 * }
 * assert.equal(typeof deletions, "function");
 * ```
 */
export async function* listVersions(
  store: S3Store,
  thread: string,
  { prefix = "cairn/", spread, namespace, id, signal }: ListVersionsOptions = {},
): AsyncGenerator<CheckpointVersion> {
  const api = apiOf(store, "list versions of");
  const keys = new Keys(prefix, spread);
  const folder = id !== undefined
    ? keys.record({ thread, namespace: namespace ?? "", id })
    : namespace !== undefined
    ? keys.namespace(thread, namespace)
    : keys.namespaces(thread);
  await requireVersions(api, { signal });
  for await (const versions of versionsByKey(api, { prefix: folder, signal })) {
    const parsed = keys.parse(versions[0]!.key);
    if (parsed?.kind !== "checkpoint") continue;
    for (const { versionId, latest, at, info } of versions) {
      const deleted = info === undefined;
      yield { ...parsed.place, versionId, latest, deleted, at, size: info?.size ?? 0 };
    }
  }
}

/** Which version {@link loadVersion} loads: what {@link listVersions} gives fits. */
export type WhichVersion = Pick<CheckpointVersion, "thread" | "namespace" | "id" | "versionId">;

/**
 * Loads a checkpoint as it was in one version, also where it has been deleted
 * since, or is over by its time to live. Chunks that are gone are read from
 * their own versions: they are named by what is in them.
 *
 * @throws {NotFoundError} where there is no such version, or it is a deletion.
 * @throws {CorruptError} where a chunk has no version left.
 * @throws {UnsupportedError} where the bucket keeps no versions, or the store is no S3 store.
 *
 * @example What a thread was before somebody deleted it
 * ```ts
 * import { listVersions, loadVersion } from "@cairn/checkpoint/bucket";
 * import { edgeStore } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
 * const store = edgeStore({ bucket: "state", credentials });
 * async function lastState(thread: string) {
 *   for await (const version of listVersions(store, thread)) {
 *     if (!version.deleted) return (await loadVersion(store, version)).state;
 *   }
 * }
 * assert.equal(typeof lastState, "function");
 * ```
 */
export async function loadVersion<State = unknown>(
  store: S3Store,
  { thread, namespace, id, versionId }: WhichVersion,
  { signal, ...options }: S3CheckpointerOptions & CallOptions = {},
): Promise<Checkpoint<State>> {
  const api = apiOf(store, "load a version from");
  const record = new Keys(options.prefix ?? "cairn/", options.spread).record({
    thread,
    namespace,
    id,
  });
  await requireVersions(api, { signal });
  const past = pastStore(
    store,
    (key) => key === record ? versionId : undefined,
    async (key, inner) => {
      for await (const version of listObjectVersions(api, { prefix: key, ...inner })) {
        if (version.key === key && version.info) return version.versionId;
      }
    },
  );
  const missing = (how: string, cause?: unknown) =>
    new NotFoundError(
      `Cannot load version ${quote(versionId)} of checkpoint ${quote(id)} of thread ` +
        `${quote(thread)}: ${how}`,
      { what: "checkpoint", key: record, cause },
    );
  try {
    // At the beginning of time nothing is over.
    const checkpointer = new S3Checkpointer<State>(past, options, { now: () => 0 });
    const found = await checkpointer.load(thread, { namespace, id, signal });
    if (found !== undefined) return found;
  } catch (error) {
    // S3 answers 405 for a delete marker, and 400 for what is no version's id.
    if (error instanceof UnsupportedError && error.status === 405) {
      throw missing("it is a deletion; take the version before it", error);
    }
    throw error;
  }
  throw missing("there is none");
}

import { CorruptError, NotFoundError } from "../errors.ts";
import { CheckpointLog, type CheckpointOptions } from "../checkpoint/log.ts";
import { chunksOfGroup } from "../checkpoint/writes.ts";
import type { S3Store } from "../s3/api.ts";
import { quote } from "../store/key.ts";
import { mapParallel } from "../store/parallel.ts";
import type { CallOptions } from "../store/store.ts";
import { apiOf } from "./_api.ts";

/** Which checkpoint is asked about. */
export interface ReplicationPlace {
  /** The thread. */
  readonly thread: string;
  /** The namespace. @default "" */
  readonly namespace?: string | undefined;
  /** The checkpoint id. @default the latest */
  readonly id?: string | undefined;
}

/**
 * How far an object's replication is.
 *
 * | state | meaning |
 * |---|---|
 * | `failed` | it was not copied, and will not be by itself |
 * | `none` | no rule is about it: it was written before there was one |
 * | `pending` | it is on its way, to one destination or more |
 * | `completed` | it is at every destination |
 * | `replica` | it is itself a copy |
 */
export type ReplicationState = "failed" | "none" | "pending" | "completed" | "replica";

/** How far one object is. */
export interface ObjectReplication {
  /** The key. */
  readonly key: string;
  /** What it is of the checkpoint. */
  readonly kind: "checkpoint" | "writes" | "chunk";
  /** How far it is. */
  readonly state: ReplicationState;
}

/** How far a checkpoint is. */
export interface CheckpointReplication {
  /** The checkpoint's id. */
  readonly id: string;
  /** The worst of its objects: it can be loaded from a replica once this is `completed`. */
  readonly state: ReplicationState;
  /** Its record, its writes, and the chunks that they refer to. */
  readonly objects: readonly ObjectReplication[];
}

/** Options of {@link replicationStatus}: those of the checkpointer, which say how its records are read. */
export type ReplicationStatusOptions = CheckpointOptions & CallOptions;

/** From the worst to the best. */
const ORDER: readonly ReplicationState[] = ["failed", "none", "pending", "completed", "replica"];

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html */
const STATES: ReadonlyMap<string, ReplicationState> = new Map([
  ["", "none"],
  ["FAILED", "failed"],
  ["PENDING", "pending"],
  ["COMPLETED", "completed"],
  ["COMPLETE", "completed"],
  ["REPLICA", "replica"],
]);

/**
 * How far the replication of a checkpoint is: of its record, its writes and
 * every chunk they refer to, by one HEAD each, `maxOpenRequests` at once.
 *
 * @throws {NotFoundError} where there is no such checkpoint.
 * @throws {UnsupportedError} where the store is none of S3's.
 *
 * @example Wait until a checkpoint is at the replica, too
 * ```ts
 * import { replicationStatus } from "@cairn/checkpoint/bucket";
 * import { edgeStore } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
 * const store = edgeStore({ bucket: "state", credentials });
 * const isThere = async (thread: string) =>
 *   (await replicationStatus(store, { thread })).state === "completed";
 * assert.equal(typeof isThere, "function");
 * ```
 */
export async function replicationStatus(
  store: S3Store,
  { thread, namespace = "", id }: ReplicationPlace,
  { signal, ...options }: ReplicationStatusOptions = {},
): Promise<CheckpointReplication> {
  const api = apiOf(store, "tell the replication of");
  const log = new CheckpointLog(store, options);
  const group = await groupOf(log, { thread, namespace, id }, { signal });
  if (group?.record === undefined) {
    const which = id === undefined ? "any checkpoint" : `the checkpoint ${quote(id)}`;
    throw new NotFoundError(
      `Cannot tell the replication of ${which} of thread ${quote(thread)}: there is none`,
      { what: "checkpoint" },
    );
  }
  const chunks = new Set(await chunksOfGroup(log, group, { signal }));
  const all: Omit<ObjectReplication, "state">[] = [
    { kind: "checkpoint", key: group.record.key },
    ...group.writes.map(({ info }) => ({ kind: "writes", key: info.key }) as const),
    ...[...chunks].map((hash) => ({ kind: "chunk", key: log.keys.chunk(thread, hash) }) as const),
  ];
  const objects = await mapParallel(all, log.parallel, async (object, inner) => {
    const request = { method: "HEAD", key: object.key, operation: "HeadObject" } as const;
    const { headers } = await api.request(request, { signal: inner });
    return { ...object, state: stateOf(object.key, headers) };
  }, signal);
  const state = ORDER.find((state) => objects.some((object) => object.state === state))!;
  return { id: group.place.id, state, objects };
}

async function groupOf(
  log: CheckpointLog,
  { thread, namespace, id }: { thread: string; namespace: string; id: string | undefined },
  options: CallOptions,
) {
  if (id !== undefined) return await log.group({ thread, namespace, id }, options);
  for await (const group of log.newest(thread, namespace, options)) {
    if (group.record !== undefined) return group;
  }
}

function stateOf(key: string, headers: Headers): ReplicationState {
  const said = headers.get("x-amz-replication-status") ?? "";
  const state = STATES.get(said);
  if (state !== undefined) return state;
  throw new CorruptError(`The replication of ${quote(key)} is ${quote(said)}: S3 knows no such`, {
    key,
  });
}

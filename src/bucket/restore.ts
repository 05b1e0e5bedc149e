import type { Group } from "../checkpoint/groups.ts";
import { type ParsedKey, type Place } from "../checkpoint/keys.ts";
import { CheckpointLog, type CheckpointOptions } from "../checkpoint/log.ts";
import { chunksOfGroup } from "../checkpoint/writes.ts";
import type { BucketApi, S3Store } from "../s3/api.ts";
import { errorFrom } from "../s3/errors.ts";
import { deleteAnswer } from "../s3/messages.ts";
import { parseXml, renderXml } from "../s3/xml.ts";
import { mapParallel, UNDER_WAY, weighed } from "../store/parallel.ts";
import type { CallOptions } from "../store/store.ts";
import { apiOf } from "./_api.ts";
import { element } from "./_documents.ts";
import { pastStore } from "./_past_store.ts";
import { type ObjectVersion, requireVersions, versionsByKey } from "./_version_list.ts";

/** How far a restoration is. */
export interface RestoreProgress {
  /** What comes back: chunks before writes before records, so that what can be seen can be read. */
  readonly phase: "chunks" | "writes" | "records";
  /** How many objects of the phase are back. */
  readonly done: number;
  /** How many there are. */
  readonly total: number;
}

/** Options of {@link restoreThread} and {@link restoreCheckpoint}: the checkpointer's own, and more. */
export interface RestoreOptions extends CheckpointOptions, CallOptions {
  /** Only what was deleted at this time or later. @default whenever */
  readonly since?: Date | undefined;
  /** Hears of what has come back. */
  readonly onProgress?: ((progress: RestoreProgress) => void) | undefined;
}

/** What {@link restoreThread} did. */
export interface RestoreResult {
  /** The checkpoints that are back. */
  readonly restored: readonly Place[];
  /** Those that cannot be read, and stay deleted, and how many of the chunks they need have no version left. */
  readonly lost: readonly (Place & { readonly missingChunks: number })[];
  /** How many objects came back in all. */
  readonly objects: number;
}

/** The most versions one DeleteObjects takes: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html */
const BATCH = 1_000;

/**
 * Brings back what was deleted of a thread: removes its delete markers, of the
 * chunks first, then of the writes, then of the records, so that a checkpoint
 * that can be seen can be read. One whose chunks have no version left stays
 * deleted. What is there already is left alone, and doing it again, after a
 * failure or not, does only what is left.
 *
 * What is over by its time to live is over after that, too. In a thread that was
 * pruned all its pruned checkpoints come back, unless `since` says otherwise.
 *
 * @throws {UnsupportedError} where the bucket keeps no versions, or the store is no S3 store.
 *
 * @example
 * ```ts
 * import { restoreThread } from "@cairn/checkpoint/bucket";
 * import { edgeStore } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
 * const store = edgeStore({ bucket: "state", credentials });
 * const undo = (thread: string) =>
 *   restoreThread(store, thread, {
 *     since: new Date(Date.now() - 3_600_000),
 *     onProgress: ({ phase, done, total }) => console.log(`${phase}: ${done} of ${total}`),
 *   });
 * assert.equal(typeof undo, "function");
 * ```
 */
export async function restoreThread(
  store: S3Store,
  thread: string,
  options: RestoreOptions = {},
): Promise<RestoreResult> {
  return await restore(store, thread, options, () => true);
}

/**
 * Brings back one deleted checkpoint, with its writes and its chunks, as
 * {@link restoreThread} does.
 *
 * @throws {UnsupportedError} where the bucket keeps no versions, or the store is no S3 store.
 *
 * @example
 * ```ts
 * import { restoreCheckpoint } from "@cairn/checkpoint/bucket";
 * import { edgeStore } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
 * const store = edgeStore({ bucket: "state", credentials });
 * const undo = async (thread: string, id: string) => {
 *   const { restored } = await restoreCheckpoint(store, { thread, namespace: "", id });
 *   return restored.length === 1;
 * };
 * assert.equal(typeof undo, "function");
 * ```
 */
export async function restoreCheckpoint(
  store: S3Store,
  { thread, namespace, id }: Place,
  options: RestoreOptions = {},
): Promise<RestoreResult> {
  return await restore(
    store,
    thread,
    options,
    (place) => place.namespace === namespace && place.id === id,
  );
}

/** A key that is deleted and can come back. */
interface Deleted {
  /** What stands between it and being seen. */
  readonly markers: readonly ObjectVersion[];
  /** What comes back. */
  readonly version: ObjectVersion;
}

/** What the versions of a thread's keys show. */
interface Survey {
  readonly deleted: ReadonlyMap<string, Deleted>;
  /** Keys that can be seen. */
  readonly live: ReadonlySet<string>;
  /** Checkpoints that may lack something, with what is there of them and what can come back. */
  readonly groups: readonly Group[];
}

async function restore(
  store: S3Store,
  thread: string,
  { since, onProgress, signal, ...options }: RestoreOptions,
  isWanted: (place: Place) => boolean,
): Promise<RestoreResult> {
  const api = apiOf(store, "restore from");
  const keys = new CheckpointLog(store, options).keys;
  await requireVersions(api, { signal });
  const { deleted, live, groups } = await survey(
    api,
    { prefix: keys.thread(thread), signal },
    (key) => keys.parse(key),
    (markers) => since === undefined || markers.every(({ at }) => at >= since),
  );
  const past = pastStore(
    store,
    () => undefined,
    (key) => Promise.resolve(deleted.get(key)?.version.versionId),
  );
  const log = new CheckpointLog(past, options);

  const wanted = groups.filter(({ record, place }) => record !== undefined && isWanted(place));
  const lost: (Place & { missingChunks: number })[] = [];
  const back = { chunks: new Set<string>(), writes: new Set<string>(), records: new Set<string>() };
  const restored: Place[] = [];
  const through = weighed(UNDER_WAY);
  await mapParallel(wanted, log.parallel, async (group, inner) => {
    const hashes = await through(group.size, () => chunksOfGroup(log, group, { signal: inner }));
    const chunks = hashes.map((hash) => keys.chunk(thread, hash));
    const missing = new Set(chunks.filter((key) => !live.has(key) && !deleted.has(key)));
    if (missing.size > 0) return void lost.push({ ...group.place, missingChunks: missing.size });
    for (const key of chunks) if (deleted.has(key)) back.chunks.add(key);
    for (const { info } of group.writes) if (deleted.has(info.key)) back.writes.add(info.key);
    if (!deleted.has(group.record!.key)) return;
    back.records.add(group.record!.key);
    restored.push(group.place);
  }, signal);

  let objects = 0;
  for (const phase of ["chunks", "writes", "records"] as const) {
    const total = back[phase].size;
    let done = 0;
    for (const batch of batchesOf([...back[phase]].map((key) => deleted.get(key)!))) {
      await removeMarkers(api, batch.flatMap(({ markers }) => markers), { signal });
      done += batch.length;
      objects += batch.length;
      onProgress?.({ phase, done, total });
    }
  }
  return { restored, lost, objects };
}

/** Looks through all versions of a thread's keys. */
async function survey(
  api: BucketApi,
  query: CallOptions & { readonly prefix: string },
  parse: (key: string) => ParsedKey | undefined,
  counts: (markers: readonly ObjectVersion[]) => boolean,
): Promise<Survey> {
  const deleted = new Map<string, Deleted>();
  const live = new Set<string>();
  const groups = new Map<string, { group: Group; touched: boolean }>();
  let chunksGone = false;
  for await (const versions of versionsByKey(api, query)) {
    const version = versions.find(({ info }) => info !== undefined);
    const parsed = parse(versions[0]!.key);
    if (version === undefined || parsed === undefined) continue;
    // Those of the same second, too: one that stood before it hides nothing, and one after it all.
    const markers = version.latest
      ? []
      : versions.filter(({ info, at }) => info === undefined && at >= version.at);
    if (markers.length === 0) live.add(version.key);
    else if (counts(markers)) deleted.set(version.key, { markers, version });
    else continue;
    if (parsed.kind === "chunk") {
      chunksGone ||= markers.length > 0;
      continue;
    }
    const { place } = parsed;
    const name = JSON.stringify([place.namespace, place.id]);
    const found = groups.get(name) ??
      { group: { place, record: undefined, writes: [], size: 0 }, touched: false };
    groups.set(name, found);
    found.touched ||= markers.length > 0;
    const info = version.info!;
    found.group.size += info.size;
    if (parsed.kind === "checkpoint") found.group.record = info;
    else found.group.writes.push({ info, task: parsed.task, slot: parsed.slot });
  }
  const lacking = [...groups.values()].filter(({ touched }) => touched || chunksGone);
  return { deleted, live, groups: lacking.map(({ group }) => group) };
}

/** Batches with no more markers than one request takes. */
function* batchesOf(all: readonly Deleted[]): Generator<Deleted[]> {
  let batch: Deleted[] = [];
  let count = 0;
  for (const one of all) {
    if (batch.length > 0 && count + one.markers.length > BATCH) {
      yield batch;
      [batch, count] = [[], 0];
    }
    batch.push(one);
    count += one.markers.length;
  }
  if (batch.length > 0) yield batch;
}

async function removeMarkers(
  api: BucketApi,
  markers: readonly ObjectVersion[],
  options: CallOptions,
): Promise<void> {
  for (let from = 0; from < markers.length; from += BATCH) {
    const objects = markers.slice(from, from + BATCH).map(({ key, versionId }) =>
      element("Object", [element("Key", key), element("VersionId", versionId)])
    );
    const body = renderXml(element("Delete", [...objects, element("Quiet", "true")]));
    const operation = "DeleteObjects";
    const query = { delete: "" };
    const { text } = await api.request({ method: "POST", query, body, operation }, options);
    const [failure] = deleteAnswer(parseXml(text));
    if (failure) throw errorFrom({ operation, bucket: api.bucket, ...failure });
  }
}

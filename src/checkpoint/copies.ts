/**
 * Copying and moving a thread's objects, so that it can be cut off after any
 * request and done again: nothing is lost, and nothing is there twice.
 *
 * @module
 */

import {
  AccessError,
  CorruptError,
  InvalidInputError,
  NotFoundError,
  PreconditionFailedError,
} from "../errors.ts";
import { checkWhole, refuse } from "../store/_options.ts";
import { tell } from "../store/_tell.ts";
import { checkKey, quote } from "../store/key.ts";
import { mapParallel, UNDER_WAY, weighed } from "../store/parallel.ts";
import type { CallOptions, ObjectInfo } from "../store/store.ts";
import type { CheckpointLog } from "./log.ts";
import { contentOf, copyObject } from "./object_copies.ts";

/** How far a copy or a move has come. */
export interface CopyProgress {
  /** What is being done: a move copies, and then deletes. */
  readonly phase: "copy" | "delete";
  /** How many objects are done, with those that were there already. */
  readonly done: number;
  /** How many there are. */
  readonly total: number;
  /** The bytes of those that are done, as they are stored. */
  readonly bytes: number;
}

/** Options of {@link copyThread} and {@link moveThread}. */
export interface CopyThreadOptions extends CallOptions {
  /**
   * What the target may hold. A `new` thread may hold nothing but what the
   * source has, too, as after a copy that was cut off. With `merge` it may have
   * checkpoints of its own, and where both have one of the same id, the source's
   * takes its place.
   *
   * @default "new"
   */
  readonly onto?: "new" | "merge" | undefined;
  /** How many objects are under way at once. @default the checkpointer's `maxOpenRequests` */
  readonly parallel?: number | undefined;
  /** Told once the objects are known, and after each one. What it throws harms nothing. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
}

/** What a copy or a move took. */
export interface CopyResult {
  /** How many objects were copied. */
  readonly copied: number;
  /** How many were there already. */
  readonly skipped: number;
  /** The bytes of the objects copied, as they are stored. */
  readonly bytes: number;
}

/** An object of the source, and its place in the target. */
interface Pair {
  readonly from: ObjectInfo;
  readonly to: string;
}

/** The objects of a thread in the order in which they come: what is seen last may need all before it. */
interface Stages<T> {
  readonly chunks: readonly T[];
  readonly writes: readonly T[];
  readonly records: readonly T[];
}

/** What two threads hold. */
interface Comparison {
  readonly source: Stages<Pair>;
  /** What the target lacks. */
  readonly missing: Stages<Pair>;
  /** The target's writes and records in whose place the source has others. */
  readonly other: readonly string[];
  /** The target's writes and records in whose place the source has none. */
  readonly foreign: readonly string[];
  readonly targetIsEmpty: boolean;
}

/** A thread to be copied. */
interface Copying {
  readonly log: CheckpointLog;
  readonly source: string;
  readonly target: string;
  readonly options: CopyThreadOptions;
  /** Objects that hold the same as their pair: by their keys, both ETags. */
  readonly known: Map<string, string>;
}

/** How often a move looks again at what has come meanwhile. */
const ROUNDS = 5;

/**
 * Copies a thread, on the server where it can: the chunks first, then the
 * writes, then the records from the oldest on, so that what can be seen of the
 * copy can be read. The records are listed before the chunks: one that comes
 * meanwhile is left out, and with it the chunks that were not listed.
 *
 * @throws {InvalidInputError} where an option is wrong, or the target is so long
 * that a key of it would not fit; nothing is copied then.
 * @throws {PreconditionFailedError} where `onto` forbids what the target holds;
 * nothing is copied then.
 */
export async function copyObjects(
  log: CheckpointLog,
  source: string,
  target: string,
  options: CopyThreadOptions = {},
): Promise<CopyResult> {
  const copying = begin(log, source, target, options);
  const found = await compare(copying);
  refuseOther(copying, found);
  return await copyMissing(copying, found);
}

/**
 * Moves a thread: copies it, compares what both hold, and only then deletes the
 * source: its records, then its writes, then its chunks. What comes to the
 * source meanwhile is moved, too.
 *
 * @throws as {@link copyObjects}, and `NotFoundError` where neither thread holds anything.
 */
export async function moveObjects(
  log: CheckpointLog,
  source: string,
  target: string,
  options: CopyThreadOptions = {},
): Promise<CopyResult> {
  refuseItself(log, source, target);
  const copying = begin(log, source, target, options);
  let found = await compare(copying);
  // Cut off after its last request, and taken up again, a move finds nothing left to do.
  if (found.targetIsEmpty && count(found.source) === 0) throw missingThread(source);
  refuseOther(copying, found);
  let result: CopyResult | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    const { copied, skipped, bytes } = await copyMissing(copying, found);
    result = {
      copied: copied + (result?.copied ?? 0),
      skipped: result?.skipped ?? skipped,
      bytes: bytes + (result?.bytes ?? 0),
    };
    if (count(found.missing) > 0) found = await compare(copying);
    if (count(found.missing) > 0) continue;
    await deleteStage(copying, found, "records");
    await deleteStage(copying, found, "writes");
    const late = await listAll(copying, log.keys.namespaces(source));
    if (late.length === 0) {
      await deleteStage(copying, found, "chunks");
      return result;
    }
    found = await compare(copying);
  }
  throw new PreconditionFailedError(
    `Cannot move the thread ${quote(source)}: somebody keeps writing to it; nothing of it is ` +
      "lost; move it again once nobody does",
  );
}

/**
 * Refuses one thread as source and target.
 *
 * @throws {InvalidInputError} where they are one.
 */
export function refuseItself(log: CheckpointLog, source: string, target: string): void {
  if (log.keys.thread(source) !== log.keys.thread(target)) return;
  throw new InvalidInputError(
    `Cannot put the thread ${quote(source)} in its own place: give another target`,
  );
}

/** The error of a thread of which nothing is stored. */
export function missingThread(thread: string): NotFoundError {
  return new NotFoundError(`There is no thread ${quote(thread)}: nothing is stored of it`, {
    what: "checkpoint",
  });
}

function begin(
  log: CheckpointLog,
  source: string,
  target: string,
  options: CopyThreadOptions,
): Copying {
  const { onto = "new", parallel = log.parallel, signal } = options;
  if (onto !== "new" && onto !== "merge") refuse("onto", onto, `"new" or "merge"`);
  checkWhole({ parallel }, 1);
  signal?.throwIfAborted();
  return { log, source, target, options: { ...options, onto, parallel }, known: new Map() };
}

/** Lists both threads, and finds what the target lacks of the source. */
async function compare(copying: Copying): Promise<Comparison> {
  const { log: { keys }, source, target, options } = copying;
  const [from, to] = [keys.thread(source), keys.thread(target)];
  const pairOf = (info: ObjectInfo) => ({ from: info, to: to + info.key.slice(from.length) });
  // Of each checkpoint the newest comes first in a listing, and is to come last.
  const listed = (await listAll(copying, keys.namespaces(source))).map(pairOf).reverse();
  const chunks = (await listAll(copying, keys.chunks(source))).map(pairOf);
  for (const pair of [...listed, ...chunks]) checkKey(pair.to);
  const there = new Map((await listAll(copying, to)).map((info) => [info.key, info]));

  const other: string[] = [];
  const lacks = async (pair: Pair, isChunk: boolean, signal: AbortSignal) => {
    const info = there.get(pair.to);
    if (info === undefined) return true;
    if (await isSame(copying, pair, info, isChunk, signal)) {
      // A lifecycle rule may end what is older before what depends on it.
      return info.lastModified < pair.from.lastModified;
    }
    if (!isChunk) other.push(pair.to);
    return true;
  };
  const lacking = async (pairs: readonly Pair[], isChunk: boolean) => {
    const { parallel = 1, signal } = options;
    const through = weighed(UNDER_WAY);
    const lacked = await mapParallel(
      pairs,
      parallel,
      (pair, inner) => through(pair.from.size, () => lacks(pair, isChunk, inner)),
      signal,
    );
    return pairs.filter((_, at) => lacked[at]);
  };

  const isRecord = ({ to }: Pair) => to.endsWith("/c");
  const writes = listed.filter((pair) => !isRecord(pair));
  const records = listed.filter(isRecord);
  const missing = {
    chunks: await lacking(chunks, true),
    writes: await lacking(writes, false),
    records: await lacking(records, false),
  };
  const own = new Set(listed.map(({ to }) => to));
  const foreign = [...there.keys()].filter((key) =>
    key.startsWith(keys.namespaces(target)) && !own.has(key)
  );
  const targetIsEmpty = there.size === 0;
  return { source: { chunks, writes, records }, missing, other, foreign, targetIsEmpty };
}

/**
 * Whether an object holds what its pair does: by size and ETags, where the store
 * makes these of the bytes or gave them for this copy; else by what is in it. A
 * chunk is named by what it holds, so that its size is enough; but what is
 * encrypted is opened, to see that it can be.
 */
async function isSame(
  { log: { objects }, known }: Copying,
  { from }: Pair,
  info: ObjectInfo,
  isChunk: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const etags = `${from.etag} ${info.etag}`;
  if (known.get(from.key) === etags) return true;
  if (objects.sealing(from.key) === undefined) {
    if (from.size !== info.size) return false;
    if (isChunk || from.etag === info.etag) return true;
  }
  const there = await contentOf(objects, info, { signal }).catch(unreadable);
  const wanted = there && await contentOf(objects, from, { signal });
  const isSame = there?.length === wanted?.length &&
    there?.every((byte, at) => byte === wanted![at]) === true;
  if (isSame) known.set(from.key, etags);
  return isSame;
}

/** What cannot be read, for it was altered or its key was forgotten, is not the same. */
function unreadable(error: unknown): undefined {
  const isBad = error instanceof CorruptError || error instanceof AccessError;
  if (!isBad || error.key === undefined) throw error;
}

/** Refuses to copy onto a thread with checkpoints of its own. */
function refuseOther({ log, source, target, options }: Copying, found: Comparison): void {
  const { other: [other], foreign: [foreign], missing } = found;
  const adds = missing.records.length + missing.writes.length > 0;
  if (options.onto === "merge" || (other === undefined && (foreign === undefined || !adds))) return;
  const parsed = log.keys.parse(other ?? foreign!);
  const id = parsed && "place" in parsed ? ` of checkpoint ${quote(parsed.place.id)}` : "";
  throw new PreconditionFailedError(
    `Cannot copy the thread ${quote(source)} onto ${quote(target)}: that has ` +
      `${other === undefined ? "an object" : "another object"}${id} of its own; ` +
      'give another target, or onto: "merge"',
    { key: other ?? foreign },
  );
}

/** Copies what the target lacks, so many objects at once. */
async function copyMissing(copying: Copying, found: Comparison): Promise<CopyResult> {
  const { log: { objects }, options: { parallel = 1, onProgress, signal }, known } = copying;
  const total = count(found.source);
  const skipped = total - count(found.missing);
  let [copied, bytes] = [0, 0];
  const whole = sizeOf(found.source) - sizeOf(found.missing);
  const report = () =>
    tell(onProgress, { phase: "copy", done: skipped + copied, total, bytes: whole + bytes });
  const through = weighed(UNDER_WAY);
  // What is copied on the server weighs nothing here.
  const weightOf = ({ key, size }: ObjectInfo) => objects.sealing(key) ? size : 0;
  report();
  for (const stage of ["chunks", "writes", "records"] as const) {
    await mapParallel(found.missing[stage], parallel, async ({ from, to }, inner) => {
      try {
        const copy = () => copyObject(objects, from.key, to, { signal: inner });
        const { etag } = await through(weightOf(from), copy);
        known.set(from.key, `${from.etag} ${etag}`);
        copied++;
        bytes += from.size;
      } catch (error) {
        // Removed meanwhile, as a lifecycle rule may do: the record before its chunks, or it was over.
        if (!(error instanceof NotFoundError && error.what === "object")) throw error;
      }
      report();
    }, signal);
  }
  return { copied, skipped, bytes };
}

/** Deletes some of what the target holds, too. */
async function deleteStage(
  { log, options: { onProgress, signal } }: Copying,
  { source }: Comparison,
  stage: keyof Stages<Pair>,
): Promise<void> {
  // The newest first, as they are listed: they may need those before them.
  await log.objects.delete(source[stage].map(({ from }) => from.key).reverse(), signal);
  const left = {
    records: [],
    writes: stage === "records" ? source.writes : [],
    chunks: stage === "chunks" ? [] : source.chunks,
  };
  const [total, bytes] = [count(source), sizeOf(source) - sizeOf(left)];
  tell(onProgress, { phase: "delete", done: total - count(left), total, bytes });
}

async function listAll({ log, options: { signal } }: Copying, prefix: string) {
  const pages: (readonly ObjectInfo[])[] = [];
  for await (const { objects } of log.objects.store.list({ prefix, signal })) pages.push(objects);
  return pages.flat();
}

function count({ chunks, writes, records }: Stages<unknown>): number {
  return chunks.length + writes.length + records.length;
}

function sizeOf({ chunks, writes, records }: Stages<Pair>): number {
  return [...chunks, ...writes, ...records].reduce((sum, { from }) => sum + from.size, 0);
}

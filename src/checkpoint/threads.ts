import {
  copyObjects,
  type CopyResult,
  type CopyThreadOptions,
  missingThread,
  moveObjects,
  refuseItself,
} from "./copies.ts";
import type { S3Checkpointer } from "./checkpointer.ts";
import { forgetThread, insideOf } from "./faces.ts";

/** What keeps whole threads: an {@link S3Checkpointer}, or an `S3Saver`. */
export type ThreadKeeper = S3Checkpointer | SaverLike;

/** What tells an `S3Saver` by its methods; nothing of LangGraph is needed for it. */
export interface SaverLike {
  /** Deletes a thread. */
  deleteThread(threadId: string): Promise<void>;
  /** Moves a thread to another id. */
  moveThread(
    sourceThreadId: string,
    targetThreadId: string,
    options?: CopyThreadOptions,
  ): Promise<CopyResult>;
}

/**
 * Copies a thread, with all its namespaces, checkpoints, writes and values, to
 * another id, on the server where it can. What can be seen of the copy can be
 * read at each moment: what a checkpoint needs is there before it.
 *
 * Cut off at any point, and called again, it goes on: what is there already is
 * not copied again. Objects are taken for the same by size and ETag, where the
 * store makes its ETags of the bytes, else by their bytes; a chunk, which is
 * named by the hash of what it holds, by its size.
 *
 * @throws {InvalidInputError} where the two are one thread, an option is wrong,
 * or the target is so long that a key of it would not fit.
 * @throws {NotFoundError} where there is no such thread.
 * @throws {PreconditionFailedError} where the target has checkpoints of its own, and
 * something would be added, or has another one of the same id. Nothing is copied
 * then; `onto: "merge"` allows both.
 *
 * @example
 * ```ts
 * import { copyThread, memoryStore, S3Checkpointer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const checkpointer = new S3Checkpointer<{ step: number }>(memoryStore());
 * await checkpointer.save("original", { step: 1 });
 * assert.deepEqual(
 *   { ...await copyThread(checkpointer, "original", "copy"), bytes: 0 },
 *   { copied: 1, skipped: 0, bytes: 0 },
 * );
 * assert.equal((await checkpointer.load("copy"))?.state.step, 1);
 * assert.equal((await copyThread(checkpointer, "original", "copy")).copied, 0);
 * ```
 */
export async function copyThread(
  checkpointer: ThreadKeeper,
  from: string,
  to: string,
  options: CopyThreadOptions = {},
): Promise<CopyResult> {
  const { log } = insideOf(checkpointer);
  refuseItself(log, from, to);
  const result = await copyObjects(log, from, to, options);
  if (result.copied + result.skipped === 0) throw missingThread(from);
  return result;
}

/**
 * Moves a thread to another id: copies it as {@link copyThread} does, compares what
 * both hold, and only then deletes the source: the records first, their chunks
 * last, so that what can be seen of either can be read at each moment.
 *
 * Cut off at any point, and called again, it goes on, and ends in the same
 * state. Move a thread while nothing writes to it: what comes meanwhile is
 * moved, too, but a writer that goes on believes in what has left.
 *
 * @throws {InvalidInputError} where the two are one thread, an option is wrong,
 * or the target is so long that a key of it would not fit.
 * @throws {NotFoundError} where there is neither thread.
 * @throws {PreconditionFailedError} where the target has checkpoints of its own, as
 * {@link copyThread} says, or the source never rests.
 *
 * @example
 * ```ts
 * import { memoryStore, moveThread, S3Checkpointer } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const checkpointer = new S3Checkpointer<{ step: number }>(memoryStore());
 * await checkpointer.save("draft", { step: 1 });
 * await moveThread(checkpointer, "draft", "final");
 * assert.equal(await checkpointer.load("draft"), undefined);
 * assert.equal((await checkpointer.load("final"))?.state.step, 1);
 * ```
 */
export async function moveThread(
  checkpointer: ThreadKeeper,
  from: string,
  to: string,
  options: CopyThreadOptions = {},
): Promise<CopyResult> {
  const { log, last } = insideOf(checkpointer);
  const result = await moveObjects(log, from, to, options);
  forgetThread(last, from);
  return result;
}

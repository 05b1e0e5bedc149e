import { InvalidInputError } from "../errors.ts";
import type { CheckpointLog } from "./log.ts";

/** What stands behind a checkpointer or a saver. */
export interface Inside {
  readonly log: CheckpointLog;
  /** The last checkpoint of each thread and namespace that it saved or loaded, by {@link threadKey}. */
  readonly last?: Map<string, Last>;
}

/** A thread's last checkpoint. */
export interface Last {
  readonly id: string;
  readonly parent: string | undefined;
}

/**
 * What functions over whole threads reach of a face without its being public:
 * they are no methods, so that a bundle carries those alone that it uses.
 */
export const insides: WeakMap<object, Inside> = new WeakMap();

/**
 * What stands behind a face.
 *
 * @throws {InvalidInputError} where it is none.
 */
export function insideOf(face: unknown): Inside {
  const inside = typeof face === "object" && face !== null ? insides.get(face) : undefined;
  if (inside !== undefined) return inside;
  throw new InvalidInputError(
    "Cannot use the checkpointer: give an S3Checkpointer, or an S3Saver where one may stand",
  );
}

/** The key of a thread's namespace in {@link Inside.last}. */
export function threadKey({ thread, namespace }: { thread: string; namespace: string }): string {
  return JSON.stringify([thread, namespace]);
}

/** Forgets the last checkpoints of a thread. */
export function forgetThread(last: Map<string, Last> | undefined, thread: string): void {
  for (const key of [...last?.keys() ?? []]) {
    if (JSON.parse(key)[0] === thread) last!.delete(key);
  }
}

import { Keys } from "../checkpoint/keys.ts";
import { refuse } from "../store/_options.ts";
import { type EventEnvelope, unwrap } from "./_envelopes.ts";
import type { ObjectEvent } from "./_object_events.ts";

export type { EventEnvelope } from "./_envelopes.ts";
export type { EventAction, EventSource, ObjectEvent } from "./_object_events.ts";

/** What the object of an event is to a checkpointer. */
export type EventSubject =
  /** The record of a checkpoint. It is written last: all that it refers to is there. */
  | {
    readonly kind: "checkpoint";
    readonly thread: string;
    readonly namespace: string;
    readonly checkpointId: string;
  }
  /** Pending writes of a task. */
  | {
    readonly kind: "writes";
    readonly thread: string;
    readonly namespace: string;
    readonly checkpointId: string;
    readonly task: string;
    readonly slot: string;
  }
  /** A piece of a large value. */
  | { readonly kind: "chunk"; readonly thread: string; readonly hash: string }
  /** Somebody else's object. */
  | { readonly kind: "other" };

/** An event of an object, with what the object is. */
export type CheckpointEvent = ObjectEvent & EventSubject & {
  /** The envelopes it came in, from the outermost; empty where it came as its source made it. */
  readonly via: readonly EventEnvelope[];
};

/** Options of {@link parseCheckpointEvent}. */
export interface ParseEventOptions {
  /** The prefix that the checkpointer has. @default "cairn/" */
  readonly prefix?: string | undefined;
  /** Whether events of other objects are given, too, as `kind: "other"`. @default false */
  readonly others?: boolean | undefined;
}

/**
 * Reads a message about objects in a bucket, and says which checkpoints they
 * are. It takes what a consumer has in hand, as an object or as JSON:
 *
 * - a notification of S3 (one may have many records; a test event has none),
 * - one of SNS, of SQS with or without SNS in it, or what Lambda makes of
 *   either; a whole batch or one record of it,
 * - an event of EventBridge, by itself or in one of the above,
 * - a message of R2's event notifications, or a batch of them, pushed or pulled.
 *
 * Messages come at least once, in any order: see {@link compareSequencers}.
 * What is in them is not proven to come from the bucket; who may send to a
 * queue, its policy says (`notificationPolicy`).
 *
 * @throws {InvalidInputError} where the message is none of these, or a part of
 * it is malformed; nothing of it is given then.
 *
 * @example A notification of S3
 * ```ts
 * import { parseCheckpointEvent } from "@cairn/checkpoint/bucket";
 * import assert from "node:assert/strict";
 *
 * const [event] = parseCheckpointEvent({
 *   Records: [{
 *     eventName: "ObjectCreated:Put",
 *     eventTime: "2026-01-31T12:00:00.000Z",
 *     s3: {
 *       bucket: { name: "state" },
 *       object: { key: "cairn/user%7E2042/n/%7E/ce%7E/c", size: 812, sequencer: "0055AED6DCD90281E5" },
 *     },
 *   }],
 * });
 * assert(event?.kind === "checkpoint" && event.action === "created");
 * assert.equal(event.thread, "user 42");
 * assert.equal(event.checkpointId, "1");
 * ```
 */
export function parseCheckpointEvent(
  message: unknown,
  { prefix = "cairn/", others = false }: ParseEventOptions = {},
): CheckpointEvent[] {
  const keys = new Keys(prefix);
  const events: CheckpointEvent[] = [];
  for (const { event, via } of unwrap(message)) {
    const subject = subjectOf(keys, event.key);
    if (others || subject.kind !== "other") events.push({ ...event, ...subject, via });
  }
  return events;
}

function subjectOf(keys: Keys, key: string): EventSubject {
  const parsed = keys.parse(key);
  if (parsed === undefined) return { kind: "other" };
  if (parsed.kind === "chunk") return parsed;
  const { place: { id: checkpointId, ...place }, ...rest } = parsed;
  return { ...place, checkpointId, ...rest };
}

/**
 * Compares the sequencers of two events of one key: below 0 where the first
 * event came first. The shorter one is filled up with zeros at its end:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html.
 * Those of different keys say nothing.
 *
 * @throws {InvalidInputError} where one is not hexadecimal.
 *
 * @example Drop an event that has come too late
 * ```ts
 * import { compareSequencers } from "@cairn/checkpoint/bucket";
 * import assert from "node:assert/strict";
 *
 * const seen = "0055AED6DCD90281E5";
 * assert(compareSequencers("0055AED6DCD9", seen) < 0);
 * assert.equal(compareSequencers(seen, seen), 0); // the same event once more
 * ```
 */
export function compareSequencers(a: string, b: string): number {
  for (const [name, value] of Object.entries({ a, b })) {
    if (typeof value !== "string" || !/^[\da-f]+$/i.test(value)) {
      refuse(`the sequencer ${name}`, value, "hexadecimal digits, as an event has them");
    }
  }
  const length = Math.max(a.length, b.length);
  const [x, y] = [a, b].map((digits) => digits.toLowerCase().padEnd(length, "0"));
  return x! < y! ? -1 : x! > y! ? 1 : 0;
}

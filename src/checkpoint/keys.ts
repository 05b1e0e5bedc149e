/**
 * The one place that builds and parses keys. Every id is data: it is escaped to
 * one key segment of unreserved URL characters, so that no signer, proxy or file
 * system can read it in another way, and nothing leaves the prefix.
 *
 * ```
 * {prefix}{thread}/n/{namespace}/{descending id}/c                  checkpoint record
 * {prefix}{thread}/n/{namespace}/{descending id}/w.{task}.{slot}    pending writes
 * {prefix}{thread}/v/{hash}                                         chunk of a large value
 * ```
 *
 * Spread over folders, a thread's folder stands in one of these: `{prefix}~~{hex}/{thread}/`.
 * No thread's segment begins so, and a key says by itself whether it is spread.
 *
 * @module
 */

import { InvalidInputError } from "../errors.ts";
import { toHex } from "../store/hex.ts";
import { MAX_KEY_BYTES } from "../store/limits.ts";
import { checkKey, quote } from "../store/key.ts";
import { utf8 } from "../store/utf8.ts";
import type { Spread } from "./spread.ts";

/** Where a checkpoint stands. */
export interface Place {
  /** The thread. */
  readonly thread: string;
  /** The namespace; `""` is the root. */
  readonly namespace: string;
  /** The checkpoint id. */
  readonly id: string;
}

/** What the end of a key says the object is. */
export type ParsedKey =
  | { readonly kind: "checkpoint"; readonly place: Place }
  | { readonly kind: "writes"; readonly place: Place; readonly task: string; readonly slot: string }
  | { readonly kind: "chunk"; readonly thread: string; readonly hash: string };

/**
 * Escapes any string to one key segment: letters, digits, `_` and `-` stand for
 * themselves, every other byte of its UTF-8 is `~` and two hex digits, and the
 * empty string is a lone `~`.
 */
export function escapeSegment(text: string): string {
  return encodeURIComponent(text).replace(
    /%(..)|[!'()*.~]/g,
    (char, hex?: string) => "~" + (hex?.toLowerCase() ?? toHex([char.charCodeAt(0)])),
  ) || "~";
}

/** The string that {@link escapeSegment} made the segment of; `undefined` where it made none. */
export function unescapeSegment(segment: string): string | undefined {
  const text = segment === "~" ? "" : decode(segment.replaceAll("~", "%"));
  return text !== undefined && escapeSegment(text) === segment ? text : undefined;
}

/**
 * Turns a checkpoint id around so that the newest sorts first: each byte of its
 * UTF-8 complemented, in hex, and a `~` that sorts after every hex digit, so
 * that an id comes before those it begins with.
 */
export function descendingId(id: string): string {
  return toHex(utf8(id).map((byte) => 255 - byte)) + "~";
}

/** The id that {@link descendingId} turned around; `undefined` where it made none. */
export function ascendingId(segment: string): string | undefined {
  return /^(?:[0-9a-f]{2})+~$/.test(segment)
    ? decode(
      segment.replace(/~|../g, (at) => at === "~" ? "" : "%" + toHex([255 - parseInt(at, 16)])),
    )
    : undefined;
}

function decode(percent: string): string | undefined {
  try {
    return decodeURIComponent(percent);
  } catch {
    return undefined; // somebody else's key
  }
}

/** What is below a thread's folder: a chunk, or a record or writes of a checkpoint. */
export const BELOW =
  /^(?:~~[0-9a-f]{1,2}\/)?([^/]+)\/(?:v\/([0-9a-f]{64})|n\/([^/]+)\/([^/]+)\/(?:c|w\.([^.]+)\.(r0|[rs][1-9]\d*)))$/;

/** The keys under one prefix. */
export class Keys {
  /** What every key starts with: empty, or ending in a slash. */
  readonly prefix: string;

  /** How threads are spread over folders, where they are. */
  readonly spread: Spread | undefined;

  constructor(prefix: string, spread?: Spread) {
    this.spread = spread;
    requireText("prefix", prefix);
    this.prefix = prefix === "" || prefix.endsWith("/") ? prefix : prefix + "/";
    checkKey(this.prefix + "x");
  }

  /** Everything of a thread. */
  thread(thread: string): string {
    const segment = segmentOf("thread", thread);
    const folder = this.spread?.folderOf(segment) ?? "";
    return fitting(`${this.prefix}${folder}${segment}/`, { thread });
  }

  /** All namespaces of a thread: its records and writes, and none of its chunks. */
  namespaces(thread: string): string {
    return `${this.thread(thread)}n/`;
  }

  /** One namespace of a thread. */
  namespace(thread: string, namespace: string): string {
    const folder = `${this.namespaces(thread)}${segmentOf("namespace", namespace)}/`;
    return fitting(folder, { thread, namespace });
  }

  /** One checkpoint with its writes. */
  checkpoint(place: Place): string {
    const { thread, namespace, id } = place;
    requireCheckpointId(id);
    return fitting(`${this.namespace(thread, namespace)}${descendingId(id)}/`, place);
  }

  /** The record of a checkpoint. */
  record(place: Place): string {
    return fitting(`${this.checkpoint(place)}c`, place);
  }

  /** All chunks of a thread. */
  chunks(thread: string): string {
    return `${this.thread(thread)}v/`;
  }

  /** A chunk of a thread. */
  chunk(thread: string, hash: string): string {
    return fitting(`${this.chunks(thread)}${hash}`, { thread });
  }

  /** A key after all of a checkpoint's and before all of the next older one's: `/` is followed by `0`. */
  afterCheckpoint(place: Place): string {
    return this.checkpoint(place).slice(0, -1) + "0";
  }

  /** What a key says; `undefined` for a key that is none of ours. */
  parse(key: string): ParsedKey | undefined {
    if (!key.startsWith(this.prefix)) return undefined;
    const parts = BELOW.exec(key.slice(this.prefix.length));
    const [, threadPart, hash, namespacePart, idPart, taskPart, slot] = parts ?? [];
    const thread = unescapeSegment(threadPart ?? "");
    if (thread === undefined) return undefined;
    if (hash !== undefined) return { kind: "chunk", thread, hash };
    const namespace = unescapeSegment(namespacePart!);
    const id = ascendingId(idPart!);
    if (namespace === undefined || id === undefined) return undefined;
    const place = { thread, namespace, id };
    if (slot === undefined) return { kind: "checkpoint", place };
    const task = unescapeSegment(taskPart!);
    return task === undefined ? undefined : { kind: "writes", place, task, slot };
  }

  /** The thread that a key, or a folder, of ours belongs to; `undefined` for one that is none of ours. */
  threadOf(key: string): string | undefined {
    const segments = key.slice(this.prefix.length).split("/");
    return unescapeSegment(segments.find((segment) => !segment.startsWith("~~")) ?? "");
  }

  /** Refuses a key or a folder that a listing found and that stands where no thread of ours does. */
  requireOwn(key: string): void {
    if (key.startsWith(this.prefix + "~~") === !this.spread) throw spreadOtherwise(key);
  }
}

/** The key of a task's writes: slot `r0`, `r1`, … holds regular ones, `s1` the special one of index -1. */
export function writesKey(keys: Keys, place: Place, task: string, slot: string): string {
  return fitting(`${keys.checkpoint(place)}w.${segmentOf("task", task)}.${slot}`, place);
}

/** Refuses what can be no checkpoint's id. */
export function requireCheckpointId(id: unknown, what = "checkpoint id"): asserts id is string {
  requireText(what, id);
  if (id === "") throw new InvalidInputError(`Cannot use the ${what}: it is empty`);
}

/** The error of a folder that a checkpointer's options would not have made. */
export function spreadOtherwise(folder: string): InvalidInputError {
  return new InvalidInputError(
    `Cannot list ${folder}: its writer had another \`spread\`; give that`,
  );
}

function segmentOf(what: string, id: string): string {
  requireText(what, id);
  return escapeSegment(id);
}

function requireText(what: string, id: unknown): asserts id is string {
  if (typeof id === "string" && id.isWellFormed()) return;
  throw new InvalidInputError(
    `Cannot use the ${what} ${quote(id)}: give a string, with no lone surrogate`,
  );
}

function fitting(key: string, ids: Partial<Place>): string {
  const { length } = utf8(key);
  if (length <= MAX_KEY_BYTES) return key;
  const named = Object.entries(ids).map(([name, id]) => `${name} ${quote(id)}`);
  throw new InvalidInputError(
    `Cannot use ${named.join(", ")}: the key would have ${length} bytes; ` +
      `the limit is ${MAX_KEY_BYTES}; give shorter ids`,
  );
}

import { compareKeys } from "../store/key.ts";
import { PAGE_SIZE } from "../store/limits.ts";
import type { ObjectInfo, ObjectStore } from "../store/store.ts";
import type { Keys, Place } from "./keys.ts";

/** An object that holds writes of a task. */
export interface WritesObject {
  /** The object. */
  readonly info: ObjectInfo;
  /** The task's id. */
  readonly task: string;
  /** The slot: `r0`, `r1`, … or `s1`, … */
  readonly slot: string;
}

/** What a listing shows of a checkpoint. */
export interface Group {
  /** Where it stands. */
  readonly place: Place;
  /** Its record; absent where only writes have come so far. */
  record: ObjectInfo | undefined;
  /** The objects of its pending writes. */
  readonly writes: WritesObject[];
  /** The bytes of them all, as they are stored. */
  size: number;
  /** When its record was written, once that was read and was found to be over. */
  ended?: number | undefined;
}

/**
 * Leaves out what was stored before something that has been read since and was
 * over: that is over too, and is not read to find it out.
 */
export async function* notOver(
  groups: AsyncIterable<Group> | Iterable<Group>,
): AsyncGenerator<Group> {
  let over = -1;
  for await (const group of groups) {
    if (group.record && +group.record.lastModified <= over) continue;
    yield group;
    over = Math.max(over, group.ended ?? over);
  }
}

/** Options of {@link listGroups}. */
export interface ListGroupsOptions {
  /** The folder to list. */
  readonly prefix: string;
  /** Only keys after this one. */
  readonly startAfter?: string | undefined;
  /** The size of the first page, where little is likely to be needed; the next one has eight times as much. @default the store's own */
  readonly firstPage?: number | undefined;
  /** Cancels the listing. */
  readonly signal?: AbortSignal | undefined;
}

/** Lists checkpoints by their keys, each with its writes, in the keys' order: newest first in a namespace. */
export async function* listGroups(
  store: ObjectStore,
  keys: Keys,
  options: ListGroupsOptions,
): AsyncGenerator<Group> {
  let group: Group | undefined;
  let folder = "";
  for await (const info of listObjects(store, keys, options)) {
    const parsed = keys.parse(info.key);
    if (parsed === undefined || parsed.kind === "chunk") continue;
    const own = info.key.slice(0, info.key.lastIndexOf("/") + 1);
    if (own !== folder) {
      keys.requireOwn(own);
      if (group !== undefined) yield group;
      group = undefined;
      folder = own;
    }
    group ??= { place: parsed.place, record: undefined, writes: [], size: 0 };
    group.size += info.size;
    if (parsed.kind === "checkpoint") group.record = info;
    else group.writes.push({ info, task: parsed.task, slot: parsed.slot });
  }
  if (group !== undefined) yield group;
}

async function* listObjects(
  store: ObjectStore,
  keys: Keys,
  { prefix, startAfter, firstPage, signal }: ListGroupsOptions,
): AsyncGenerator<ObjectInfo> {
  if (!store.capabilities.orderedList) {
    const all: ObjectInfo[] = [];
    for await (const page of store.list({ prefix, signal })) all.push(...page.objects);
    all.sort((a, b) => compareKeys(a.key, b.key));
    for (const info of all) if (compareKeys(info.key, startAfter ?? "") > 0) yield info;
    return;
  }
  let limit = firstPage;
  for (let more = true; more; limit = limit! * 8 < PAGE_SIZE ? limit! * 8 : undefined) {
    let count = 0;
    more = false;
    for await (const page of store.list({ prefix, startAfter, limit, signal })) {
      for (const info of page.objects) {
        count++;
        startAfter = info.key;
        yield info;
      }
      more = count === limit;
      if (keys.parse(startAfter ?? "")?.kind === "chunk") {
        // A thread may have thousands more, and they come last.
        startAfter = startAfter!.slice(0, -64) + "~";
        more = true;
        break;
      }
    }
  }
}

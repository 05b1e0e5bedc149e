import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "./_file_errors.ts";
import { entryOf, foldersOf } from "./_file_names.ts";
import { refuseLinks } from "./_file_root.ts";
import { checkKey, compareKeys } from "./key.ts";

/** What a walk is after. */
export interface Sought {
  readonly prefix: string;
  readonly startAfter: string;
  /** Whether a folder is given as one, and not what is in it. */
  readonly folders: boolean;
}

/** What a walk finds: the file of a key, or a folder (its text ends in a slash). */
export interface Found {
  readonly text: string;
  /** The path of the file; nothing for a folder. */
  readonly path?: string;
}

/** Where keys come from: nothing in it is before its text. */
interface Source extends Found {
  readonly open?: () => AsyncIterator<Found>;
}

/** What lies under a root, from the deepest directory that all of it shares. */
export async function* walkFrom(root: string, sought: Sought): AsyncGenerator<Found, void> {
  const slash = sought.prefix.lastIndexOf("/");
  if (slash < 0) return yield* walk(root, "", sought);
  const text = sought.prefix.slice(0, slash + 1);
  // No key starts like that, so there is no directory to look into either.
  if (!isKey(`${text}x`)) return;
  const directory = join(root, ...foldersOf(text.slice(0, -1)));
  try {
    await refuseLinks(root, directory);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  yield* walk(directory, text, sought);
}

/**
 * What lies in a directory and below it, in the order of the keys. A directory
 * is read whole but only when its turn comes, and not at all where no key in it
 * can be meant.
 */
async function* walk(
  directory: string,
  text: string,
  sought: Sought,
): AsyncGenerator<Found, void> {
  const sources = (await entriesOf(directory))
    .flatMap((entry) => sourceOf(directory, text, entry, sought) ?? [])
    .sort((a, b) => compareKeys(a.text, b.text));
  yield* merge(sources);
}

function sourceOf(
  directory: string,
  base: string,
  entry: Dirent,
  sought: Sought,
): Source | undefined {
  if (!entry.isFile() && !entry.isDirectory()) return undefined;
  const known = entryOf(entry.name, entry.isDirectory());
  if (known === undefined) return undefined;
  const text = base + known.text;
  const path = join(directory, entry.name);
  if (known.kind === "object") {
    return text.startsWith(sought.prefix) && compareKeys(text, sought.startAfter) > 0
      ? { text, path }
      : undefined;
  }
  const mayHold = (text.startsWith(sought.prefix) || sought.prefix.startsWith(text)) &&
    (sought.startAfter.startsWith(text) || compareKeys(text, sought.startAfter) > 0);
  if (!mayHold) return undefined;
  return known.kind === "folder" && sought.folders
    ? { text, open: () => folder(path, text, sought) }
    : { text, open: () => walk(path, text, sought) };
}

/** A folder, if there is an object in it: an empty directory may be left of one. */
async function* folder(
  path: string,
  text: string,
  sought: Sought,
): AsyncGenerator<Found, void> {
  for await (const _ of walk(path, text, { ...sought, folders: false })) {
    yield { text };
    return;
  }
}

/**
 * Merges sources that are in the order of their first keys. Most follow one
 * another, and then one is open at a time; but what goes on from a long segment
 * lies on both sides of the folder of that name.
 */
async function* merge(sources: readonly Source[]): AsyncGenerator<Found, void> {
  const heads: { found: Found; rest?: AsyncIterator<Found> }[] = [];
  const push = async (rest: AsyncIterator<Found>) => {
    const { done, value } = await rest.next();
    if (!done) heads.push({ found: value, rest });
  };
  let next = 0;
  try {
    while (true) {
      heads.sort((a, b) => compareKeys(a.found.text, b.found.text));
      const source = sources[next];
      const first = heads[0];
      if (source !== undefined && !(first && compareKeys(first.found.text, source.text) <= 0)) {
        next++;
        if (source.open) await push(source.open());
        else heads.push({ found: source });
      } else if (first !== undefined) {
        yield first.found;
        heads.shift();
        if (first.rest) await push(first.rest);
      } else return;
    }
  } finally {
    for (const { rest } of heads) await rest?.return?.();
  }
}

function isKey(text: string): boolean {
  try {
    checkKey(text);
    return true;
  } catch {
    return false;
  }
}

async function entriesOf(directory: string): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

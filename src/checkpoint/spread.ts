import { toHex } from "../store/hex.ts";
import { refuse } from "../store/_options.ts";
import { compareKeys } from "../store/key.ts";
import { openRequests } from "../store/open_requests.ts";
import { mapAhead } from "../store/parallel.ts";
import type { CallOptions, ObjectStore } from "../store/store.ts";
import { spreadOtherwise, unescapeSegment } from "./keys.ts";

/** How threads are spread over folders, as {@link spread} makes it. */
export interface Spread {
  /** How many folders there are. */
  readonly folders: 16 | 256;
  /** The folder that a thread's folder stands in, by the thread's segment of a key; a slash at its end. */
  readonly folderOf: (segment: string) => string;
  /** The folders of all threads under a prefix, in the order of their keys. */
  readonly list: (
    store: ObjectStore,
    options: CallOptions & { readonly prefix: string },
  ) => AsyncIterable<{ readonly prefixes: readonly string[] }>;
}

/** How many folders are begun with; the more are given, the more are listed side by side. */
const FOLDERS_AHEAD = 6;

/** Up to how many pages are listed ahead, of all folders that are listed side by side: it bounds what is held. */
const PAGES_AHEAD = 100;

/**
 * Spreads threads over 16 or 256 folders by a hash of their ids, for a
 * checkpointer's `spread` option: a store that splits its load by where keys begin, as S3
 * does, finds cuts that part the load evenly, however the ids begin. Everything
 * of a thread still is in one folder of its own.
 *
 * Decide it before the first checkpoint: all that read and write under a prefix
 * have to be given the same, and nothing moves what is there already. Under
 * another one no thread is found; `threads()` fails then, and says why.
 *
 * @throws {InvalidInputError} for any other number of folders.
 *
 * @example
 * ```ts
 * import { memoryStore, S3Checkpointer, spread } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const store = memoryStore();
 * const checkpointer = new S3Checkpointer(store, { spread: spread(256) });
 * await checkpointer.save("user-1", { step: 1 });
 * await checkpointer.save("user-2", { step: 1 });
 * const folders = [];
 * for await (const page of store.list({ prefix: "cairn/", delimiter: "/" })) {
 *   folders.push(...page.prefixes);
 * }
 * assert.deepEqual(folders, ["cairn/~~32/", "cairn/~~77/"]);
 * assert.deepEqual(await Array.fromAsync(checkpointer.threads()), ["user-2", "user-1"]);
 * ```
 */
export function spread(folders: 16 | 256): Spread {
  if (folders !== 16 && folders !== 256) refuse("spread", folders, "16 or 256");
  const digits = folders === 16 ? 1 : 2;
  const own = new RegExp(`^~~[0-9a-f]{${digits}}/$`);

  /** The first names of a folder, and its further pages. */
  async function begin(store: ObjectStore, prefix: string, signal: AbortSignal | undefined) {
    const pages = store.list({ prefix, delimiter: "/", signal })[Symbol.asyncIterator]();
    const names: string[] = [];
    const ahead = Math.floor(PAGES_AHEAD / openRequests());
    for (let count = 0; count < ahead || !store.capabilities.orderedList; count++) {
      const next = await pages.next();
      if (next.done) return { names: names.sort(compareKeys) };
      names.push(...next.value.prefixes);
    }
    return { names, pages };
  }

  async function* foldersUnder(store: ObjectStore, prefix: string, signal?: AbortSignal) {
    const found: string[] = [];
    for await (const page of store.list({ prefix, delimiter: "/", signal })) {
      for (const folder of page.prefixes) {
        const name = folder.slice(prefix.length);
        if (own.test(name)) found.push(folder);
        // A thread's own folder, or one of another spread; what else there is, is somebody else's.
        else if (/^~~/.test(name) || unescapeSegment(name.slice(0, -1)) !== undefined) {
          throw spreadOtherwise(folder);
        }
      }
    }
    yield* found.sort(compareKeys);
  }

  return {
    folders,
    folderOf: (segment) => `~~${toHex([hashOf(segment) >>> 24]).slice(0, digits)}/`,
    async *list(store, { prefix, signal }) {
      const all = (inner: AbortSignal) => foldersUnder(store, prefix, inner);
      const open = (folder: string, inner: AbortSignal) => begin(store, folder, inner);
      let given = 0;
      const width = () => Math.min(openRequests(), FOLDERS_AHEAD + 2 * given);
      for await (const { names, pages } of mapAhead(all, width, open, signal)) {
        yield { prefixes: names };
        if (pages) yield* { [Symbol.asyncIterator]: () => pages };
        given++;
      }
    },
  };
}

/** FNV-1a of an ASCII text in 32 bits, mixed by the finaliser of MurmurHash3; `docs/format.md` has vectors. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * A store in a directory, for Deno, Node and Bun.
 *
 * @module
 */
import type { BigIntStats } from "node:fs";
import { lstat, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
  InvalidInputError,
  NotFoundError,
  PreconditionFailedError,
  UnsupportedError,
} from "../errors.ts";
import { fileError, isMissing, system } from "./_file_errors.ts";
import { namesOf } from "./_file_names.ts";
import { bodyOf, infoOf, openObject } from "./_file_reads.ts";
import { openRoot, refuseLinks } from "./_file_root.ts";
import { type Found, walkFrom } from "./_file_tree.ts";
import { place, removeEmpty, writeTemporary } from "./_file_writes.ts";
import { checkLimit, paged } from "./_listing.ts";
import { checkRange, resolveRange } from "./_range.ts";
import { requireCapabilities } from "./_capabilities.ts";
import { checkBody, discard } from "./_source.ts";
import { countAttempt } from "./_trace.ts";
import { isStream } from "./body.ts";
import { checkKey, quote } from "./key.ts";
import { mapParallel } from "./parallel.ts";
import { createGate } from "./gate.ts";
import type {
  Body,
  GetOptions,
  GetResult,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
} from "./store.ts";

/** Options of a file store. */
export interface FileStoreOptions {
  /** Makes the directory where it is missing. @default false */
  readonly createDirectory?: boolean | undefined;
}

/** The most files that this store opens, or asks the system about, at once. */
const OPEN_FILES = 32;

/**
 * A store in a directory on a local disk, for Deno, Node and Bun.
 *
 * - Each object is one file that holds just its bytes. It is written beside,
 *   brought to the disk (`fsync`) and moved to its place: whoever kills the
 *   process at any point leaves the old object or the new one. What a killed
 *   process leaves is never listed, and is removed after a day.
 * - File names are the keys, escaped so that no two meet on file systems that
 *   ignore case, or on Windows. Symbolic links in the directory are not followed.
 * - `create` is atomic among all processes, by hard links where there are any.
 *   There is no conditional update, and no URL to presign.
 * - The ETag tells the file, not the bytes: the same bytes put again have another.
 *
 * @throws {InvalidInputError} where the directory's name is empty.
 *
 * @example Keep objects in a directory
 * ```ts
 * import { fileStore } from "@cairn/checkpoint/file";
 * import { getBytes } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 * import { mkdtemp, rm } from "node:fs/promises";
 *
 * const directory = await mkdtemp("cairn-");
 * const store = fileStore(directory);
 * await store.put("trail/1", new TextEncoder().encode("first stone"));
 *
 * // Another process, or another day:
 * const { bytes } = await getBytes(fileStore(directory), "trail/1");
 * assert.equal(new TextDecoder().decode(bytes), "first stone");
 * await rm(directory, { recursive: true });
 * ```
 */
export function fileStore(directory: string | URL, options: FileStoreOptions = {}): ObjectStore {
  const given = directory instanceof URL ? fileURLToPath(directory) : directory;
  if (typeof given !== "string" || given === "") {
    throw new InvalidInputError(`Cannot use the directory ${quote(given)}: give a path`);
  }
  const path = resolve(given);
  const self = {
    name: `directory ${JSON.stringify(given)}`,
    capabilities: {
      conditionalCreate: true,
      conditionalUpdate: false,
      orderedList: true,
      presign: false,
      attributes: false,
      versions: false,
    },
  };
  const gate = createGate(OPEN_FILES);
  const rootFor = () => openRoot(path, options.createDirectory ?? false);

  async function write(key: string, body: Body, create: boolean, signal?: AbortSignal) {
    const doing = `write ${quote(key)}`;
    const root = await system(doing, key, rootFor);
    const target = join(root, ...namesOf(key));
    const taken = () =>
      new PreconditionFailedError(`Cannot create ${quote(key)}: it is there already`, { key });
    if (create && await system(doing, key, () => statsOf(root, target)) !== undefined) {
      throw taken();
    }
    const temporary = await writeTemporary(root, key, body, signal);
    try {
      await system(doing, key, () => place(root, temporary.path, target, create));
    } catch (error) {
      throw error instanceof PreconditionFailedError ? taken() : error;
    }
    return { etag: temporary.etag };
  }

  async function put(key: string, body: Body, options: PutOptions) {
    const { precondition = "overwrite", signal, trace } = options;
    try {
      checkKey(key);
      checkBody(body, key);
      requireCapabilities(self, key, options);
      signal?.throwIfAborted();
      if (typeof precondition !== "string") throw cannotUpdate(key);
      countAttempt(trace);
      const run = () => write(key, body, precondition === "create", signal);
      // A stream may wait for another that is written here: it takes no turn from it.
      return await (isStream(body) ? run() : gate(run, signal));
    } catch (error) {
      discard(body, error);
      throw error;
    }
  }

  async function open(key: string) {
    return await system(`read ${quote(key)}`, key, async () => {
      const root = await rootFor();
      const file = join(root, ...namesOf(key));
      const opened = await present(async () => {
        await refuseLinks(root, dirname(file));
        return await openObject(file);
      });
      if (opened === undefined) throw noObject(key, given);
      return opened;
    });
  }

  async function get(key: string, options: GetOptions): Promise<GetResult> {
    const { range, ifMatch, signal, trace } = options;
    checkKey(key);
    requireCapabilities(self, key, options);
    checkRange(range);
    signal?.throwIfAborted();
    countAttempt(trace);
    const { handle, stats } = await open(key);
    const info = infoOf(key, stats);
    try {
      signal?.throwIfAborted();
      if (ifMatch !== undefined && ifMatch !== info.etag) {
        throw new PreconditionFailedError(
          `The ETag of ${quote(key)} is not ${quote(ifMatch)}: it is ${quote(info.etag)}`,
          { key },
        );
      }
      const { start, end } = resolveRange(range, info.size, key);
      return { info, body: await bodyOf(handle, key, start, end) };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async function remove(keys: readonly string[]): Promise<void> {
    const root = await rootFor();
    const files = keys.map((key) => join(root, ...namesOf(key)));
    await mapParallel(files, OPEN_FILES, (file) =>
      present(async () => {
        await refuseLinks(root, dirname(file));
        await unlink(file);
      }));
    const folders = new Set(files.map((file) => dirname(file)));
    await mapParallel(folders, OPEN_FILES, (folder) => removeEmpty(root, folder));
  }

  async function* entries(
    options: ListOptions,
    limit: number,
  ): AsyncGenerator<ObjectInfo | string, void> {
    const { prefix = "", startAfter = "", delimiter, signal } = options;
    const found = walkFrom(await rootFor(), {
      prefix,
      startAfter,
      folders: delimiter !== undefined,
    });
    let batch: Found[] = [];
    for await (const one of found) {
      signal?.throwIfAborted();
      batch.push(one);
      if (batch.length < Math.min(limit, OPEN_FILES)) continue;
      yield* await infos(batch);
      batch = [];
    }
    yield* await infos(batch);
  }

  async function infos(batch: readonly Found[]): Promise<(ObjectInfo | string)[]> {
    const known = await Promise.all(batch.map(async ({ text, path }) => {
      if (path === undefined) return text;
      const stats = await present(() => lstat(path, { bigint: true }));
      return stats?.isFile() ? infoOf(text, stats) : undefined;
    }));
    return known.filter((one) => one !== undefined);
  }

  return {
    ...self,
    put: (key, body, options = {}) => put(key, body, options),
    get: (key, options = {}) => get(key, options),
    async head(key, options = {}) {
      const { signal, trace } = options;
      checkKey(key);
      requireCapabilities(self, key, options);
      signal?.throwIfAborted();
      countAttempt(trace);
      const stats = await system(`read ${quote(key)}`, key, async () => {
        const root = await rootFor();
        return await statsOf(root, join(root, ...namesOf(key)));
      });
      if (stats === undefined) throw noObject(key, given);
      return infoOf(key, stats);
    },
    async *list(options = {}) {
      const limit = checkLimit(options);
      options.signal?.throwIfAborted();
      if (limit > 0) countAttempt(options.trace);
      try {
        yield* paged(entries(options, limit), limit);
      } catch (error) {
        options.signal?.throwIfAborted();
        throw fileError(error, `list ${JSON.stringify(given)}`);
      }
    },
    async delete(keys, { signal, trace } = {}) {
      keys.forEach(checkKey);
      signal?.throwIfAborted();
      countAttempt(trace);
      await system(`delete from ${JSON.stringify(given)}`, undefined, () => remove(keys));
    },
    async copy(from, to, options = {}) {
      checkKey(to);
      const { signal, trace } = options;
      const { body } = await get(from, { signal, trace });
      return await put(to, body, options);
    },
    // deno-lint-ignore require-await -- async, so that a wrong key rejects
    async presign(key, { signal }) {
      checkKey(key);
      signal?.throwIfAborted();
      throw new UnsupportedError("Cannot presign: files have no URL; edgeStore and sdkStore can", {
        key,
      });
    },
  };
}

/** What the system knows of an object's file, if it is one. */
async function statsOf(root: string, file: string): Promise<BigIntStats | undefined> {
  const stats = await present(async () => {
    await refuseLinks(root, dirname(file));
    return await lstat(file, { bigint: true });
  });
  return stats?.isFile() ? stats : undefined;
}

/** The answer of an operation, or nothing where what it asks for is not there. */
async function present<T>(operation: () => Promise<T>): Promise<T | undefined> {
  try {
    return await operation();
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function noObject(key: string, given: string): NotFoundError {
  return new NotFoundError(`No object ${quote(key)} in ${JSON.stringify(given)}`, { key });
}

function cannotUpdate(key: string): UnsupportedError {
  return new UnsupportedError(
    "Cannot update under a condition: a file system has no such step; edgeStore, sdkStore and r2Store have",
    { key },
  );
}

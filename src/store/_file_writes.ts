import { link, lstat, mkdir, open, readdir, rename, rmdir, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PreconditionFailedError } from "../errors.ts";
import { claimAndRename } from "./_file_claim.ts";
import { codeOf, system } from "./_file_errors.ts";
import { infoOf } from "./_file_reads.ts";
import { refuseLinks } from "./_file_root.ts";
import { piecesOf } from "./_source.ts";
import { quote } from "./key.ts";
import type { Body } from "./store.ts";

/** Where files are written until they are whole. No key has a name that starts with a dot. */
const TEMPORARY = ".tmp";
/** A file that nobody wrote to for this long was left by a process that died: a day, in milliseconds. */
const LEFTOVER_AGE = 24 * 60 * 60 * 1000;
/** What file systems answer that have no hard links. */
const NO_LINKS = /^(EPERM|ENOTSUP|EOPNOTSUPP|ENOSYS|EMLINK|EINVAL|UNKNOWN)$/;
const ATTEMPTS = 100;

/** Writes a body to a file of its own, whole and on the disk, and gives its path and ETag. */
export async function writeTemporary(
  root: string,
  key: string,
  body: Body,
  signal?: AbortSignal,
): Promise<{ path: string; etag: string }> {
  const doing = `write ${quote(key)}`;
  const { path, handle } = await system(doing, key, () => openTemporary(root));
  try {
    try {
      // Only what the system does is put in our words: an error of the source stays its own.
      for await (const piece of piecesOf(body, signal)) {
        await system(doing, key, () => writeAll(handle, piece));
      }
      signal?.throwIfAborted();
      return { path, etag: await system(doing, key, () => finish(handle)) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    await unlink(path).catch(() => {});
    throw error;
  }
}

/** Gives a written file its place, at once and whole, or removes it. */
export async function place(
  root: string,
  temporary: string,
  target: string,
  create: boolean,
): Promise<void> {
  const folder = dirname(target);
  try {
    for (let attempt = 1;; attempt++) {
      try {
        const standing = await makeFolder(root, folder);
        await refuseLinks(root, folder);
        if (create) await createFile(temporary, target);
        else await rename(temporary, target);
        return await syncUpTo(folder, standing);
      } catch (error) {
        // Somebody who deleted the last object in there took the directory along.
        if (codeOf(error) !== "ENOENT" || attempt === ATTEMPTS) throw error;
        await lstat(temporary);
      }
    }
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
}

/** Moves a file to where nothing is. */
export async function createFile(
  temporary: string,
  target: string,
  linkFile: typeof link = link,
): Promise<void> {
  try {
    await linkFile(temporary, target);
  } catch (error) {
    const code = codeOf(error) ?? "";
    if (NO_LINKS.test(code)) return await claimAndRename(temporary, target);
    if (code === "EEXIST") {
      throw new PreconditionFailedError("It is there already", { cause: error });
    }
    throw error;
  }
  // Whatever becomes of the second name, the object is there.
  await unlink(temporary).catch(() => {});
}

/** Removes directories that are empty, from one upwards, and stops below the root. */
export async function removeEmpty(root: string, folder: string): Promise<void> {
  let place = folder;
  try {
    for (; place !== root; place = dirname(place)) await rmdir(place);
  } catch {
    // It is not empty, or somebody else removed it.
  }
  await syncUpTo(place, place);
}

async function openTemporary(root: string): Promise<{ path: string; handle: FileHandle }> {
  const folder = join(root, TEMPORARY);
  const path = join(folder, crypto.randomUUID());
  if (!swept.has(root)) {
    await mkdir(folder, { recursive: true });
    await refuseLinks(root, folder);
    swept.add(root);
    await sweep(folder);
  }
  try {
    return { path, handle: await open(path, "wx") };
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    await mkdir(folder, { recursive: true });
    return { path, handle: await open(path, "wx") };
  }
}

/** Makes a directory, and those above it, one by one: none through a link. Gives the lowest that stood. */
async function makeFolder(root: string, folder: string): Promise<string> {
  try {
    await refuseLinks(root, folder);
    return folder;
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
  const standing = await makeFolder(root, dirname(folder));
  try {
    await mkdir(folder);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
  return standing;
}

async function finish(handle: FileHandle): Promise<string> {
  const { ino } = await handle.stat({ bigint: true });
  // Half a millisecond on: a time that is rounded on its way keeps its millisecond.
  const seconds = (stampFor(ino) + 0.5) / 1000;
  await handle.utimes(seconds, seconds);
  await handle.sync();
  return infoOf("", await handle.stat({ bigint: true })).etag;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    offset += (await handle.write(bytes, offset, bytes.length - offset)).bytesWritten;
  }
}

let latest = 0;
const stamped = new Set<bigint>();

/**
 * A time of writing, in milliseconds, that no earlier file with the same inode
 * number has: a file system may give a number again as soon as it is free.
 */
function stampFor(inode: bigint): number {
  const now = Date.now();
  if (now > latest || stamped.has(inode)) {
    latest = Math.max(now, latest + 1);
    stamped.clear();
  }
  stamped.add(inode);
  return latest;
}

/** Sees to it that the names in a directory, and those of new ones above it, are on the disk. */
async function syncUpTo(folder: string, top: string): Promise<void> {
  for (let place = folder;; place = dirname(place)) {
    try {
      const handle = await open(place, "r");
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      // Windows and some network file systems cannot; a deleter may have been there.
      if (codeOf(error) === "EIO") throw error;
    }
    if (place === top) return;
  }
}

/** Roots whose leftovers this process has looked through. */
const swept = new Set<string>();

/** Removes what processes that died have left; a write that still goes on is younger. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    try {
      if (Date.now() - (await lstat(path)).mtimeMs > LEFTOVER_AGE) await unlink(path);
    } catch {
      // Somebody else was faster, or it is not ours to remove.
    }
  }
}

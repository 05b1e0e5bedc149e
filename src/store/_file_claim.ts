import { lstat, open, rename, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PreconditionFailedError, UnavailableError } from "../errors.ts";
import { codeOf, isMissing } from "./_file_errors.ts";
import { toHex } from "./hex.ts";
import { sha256 } from "./sha256.ts";
import { utf8 } from "./utf8.ts";

/** A claim is held for two calls of the system; one this old, in milliseconds, was left by a process that died. */
const STALE = 10_000;
const PAUSE = 5;

/**
 * Moves a file to where nothing is, on file systems
 * without hard links (FAT, some network and user-space ones). A file made
 * exclusively, named after the target, admits one process at a time.
 */
export async function claimAndRename(
  temporary: string,
  target: string,
  stale: number = STALE,
): Promise<void> {
  const claim = join(dirname(temporary), `claim-${toHex(await sha256(utf8(target)))}`);
  await take(claim, stale);
  try {
    if (await exists(target)) {
      throw new PreconditionFailedError("It is there already");
    }
    await rename(temporary, target);
  } finally {
    await remove(claim);
  }
}

async function take(claim: string, stale: number): Promise<void> {
  const start = Date.now();
  while (true) {
    try {
      const handle = await open(claim, "wx");
      return await handle.close();
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
    if (Date.now() - start > 3 * stale) {
      throw new UnavailableError(`Another process holds ${claim}`, { code: "EEXIST" });
    }
    if (await abandon(claim, stale)) continue;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

/**
 * Removes a stale claim; tells whether it did. Another one may stand there by
 * then, so whoever removes it first makes a file named after the claim and its
 * time: of those who found it one is left to look once more, and to remove it.
 */
async function abandon(claim: string, stale: number): Promise<boolean> {
  const time = await timeOf(claim);
  if (Date.now() - time <= stale) return false;
  const right = `${claim}-${time}`;
  try {
    await (await open(right, "wx")).close();
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    // Whoever has it removes it at once, or has died.
    if (Date.now() - await timeOf(right) > stale) await remove(right);
    return false;
  }
  try {
    const isThere = await timeOf(claim) === time;
    if (isThere) await remove(claim);
    return isThere;
  } finally {
    await remove(right);
  }
}

/** When a file was written, in milliseconds; never, so to speak, where it is gone. */
async function timeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return Infinity;
    throw error;
  }
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

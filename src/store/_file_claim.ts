import { lstat, open, rename, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PreconditionFailedError, UnavailableError } from "../errors.ts";
import { codeOf, isMissing } from "./_file_errors.ts";
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
  const claim = join(dirname(temporary), `claim-${await hashOf(target)}`);
  await take(claim, stale);
  try {
    if (await exists(target)) {
      throw new PreconditionFailedError("It is there already");
    }
    await rename(temporary, target);
  } finally {
    await unlink(claim);
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
    if (await isOlder(claim, stale)) await abandon(claim);
    else await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

/** Only one of those who find a stale claim can rename it away. */
async function abandon(claim: string): Promise<void> {
  const grave = `${claim}-${crypto.randomUUID()}`;
  try {
    await rename(claim, grave);
    await unlink(grave);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function isOlder(path: string, age: number): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > age;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
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

async function hashOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", utf8(text));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

import type { BigIntStats } from "node:fs";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { CorruptError } from "../errors.ts";
import { codeOf, system } from "./_file_errors.ts";
import { streamOf } from "./body.ts";
import { quote } from "./key.ts";
import type { ObjectInfo } from "./store.ts";

const CHUNK = 256 * 1024;
/** Up to here a body is read at once, and nobody has to keep a file open. */
const WHOLE = 64 * 1024;

/** What is known of an object by its file. */
export function infoOf(key: string, stats: BigIntStats): ObjectInfo {
  // Milliseconds: Deno's are cut there, and the runtimes shall agree.
  const modified = stats.mtimeNs / 1_000_000n;
  return {
    key,
    size: Number(stats.size),
    etag: [stats.ino, stats.size, modified].map((part) => part.toString(36)).join("-"),
    lastModified: new Date(Number(modified)),
  };
}

/** Opens the file of an object, if it is one: nothing for a link, a directory or a pipe. */
export async function openObject(
  path: string,
): Promise<{ handle: FileHandle; stats: BigIntStats } | undefined> {
  // Windows has neither flag, and no links that a plain user can make.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  let handle;
  try {
    handle = await open(path, flags);
  } catch (error) {
    if (codeOf(error) === "ELOOP") return undefined;
    throw error;
  }
  try {
    const stats = await handle.stat({ bigint: true });
    if (stats.isFile()) return { handle, stats };
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
}

/** The bytes of an open file; it is closed at the end, on failure and on cancellation. */
export async function bodyOf(
  handle: FileHandle,
  key: string,
  start: number,
  end: number,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  let position = start;
  const read = () => system(`read ${quote(key)}`, key, readPiece);
  const readPiece = async () => {
    const piece = new Uint8Array(Math.min(CHUNK, end - position));
    const { bytesRead } = await handle.read(piece, 0, piece.length, position);
    if (bytesRead === 0) {
      throw new CorruptError(`The file of ${quote(key)} was cut while it was read`, { key });
    }
    position += bytesRead;
    return piece.subarray(0, bytesRead);
  };
  if (end - start <= WHOLE) {
    try {
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      while (position < end) pieces.push(await read());
      return streamOf(...pieces);
    } finally {
      await handle.close();
    }
  }
  return new ReadableStream({
    async pull(controller) {
      try {
        controller.enqueue(await read());
      } catch (error) {
        await handle.close();
        throw error;
      }
      if (position < end) return;
      await handle.close();
      controller.close();
    },
    cancel: () => handle.close(),
  }, { highWaterMark: 0 });
}

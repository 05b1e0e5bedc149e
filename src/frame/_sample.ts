import { compressByStream } from "./_streams.ts";

/** Below this the header and the loss of time weigh more than what is saved. */
const WORTH_A_TRY = 200;
/** Up to this a whole try costs hardly more than a sample. */
const SMALL = 64 * 1024;
/** The length of each of a sample's three pieces. */
const PIECE = 4 * 1024;
/** What a sample has to shrink to. */
const ENOUGH = 0.9;

/** Whether a payload is likely to shrink: told from pieces of its start, its middle and its end. */
export async function worthCompressing(payload: Uint8Array): Promise<boolean> {
  if (payload.length < WORTH_A_TRY) return false;
  if (payload.length <= SMALL) return true;
  const last = payload.length - PIECE;
  for (const start of [0, last >>> 1, last]) {
    const piece = payload.subarray(start, start + PIECE);
    const packed = await compressByStream("deflate-raw", piece);
    if (packed.length < piece.length * ENOUGH) return true;
  }
  return false;
}

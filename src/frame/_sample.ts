import { concat } from "../store/body.ts";
import type { Encoder } from "./codec.ts";

/** Whether a payload is likely to shrink: told from pieces of its start, its middle and its end. */
export async function worthCompressing(payload: Uint8Array, encode: Encoder): Promise<boolean> {
  // Below this the header and the loss of time weigh more than what is saved.
  const WORTH_A_TRY = 200;
  // Up to this a whole try costs hardly more than a sample.
  const SMALL = 64 * 1024;
  // The length of each of a sample's three pieces.
  const PIECE = 4 * 1024;
  // What a sample has to shrink to: it does where one piece of the three does by a third.
  const ENOUGH = 0.9;
  const { length } = payload;
  if (length <= SMALL) return length >= WORTH_A_TRY;
  const last = length - PIECE;
  const sample = concat([0, last >>> 1, last].map((at) => payload.subarray(at, at + PIECE)));
  return (await encode(sample)).length < sample.length * ENOUGH;
}

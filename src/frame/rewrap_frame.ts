import { toHex } from "../store/hex.ts";
import { Answers } from "./_answers.ts";
import { checkWrapped, joinBody, parseBody } from "./_envelope.ts";
import { isEncrypted, join, seal, unseal } from "./_header.ts";
import { HEAD_LENGTH, HEADER_LENGTH } from "./layout.ts";
import type { Sealing } from "./encryption.ts";
import type { KeyProvider, WrappedKey } from "./key_provider.ts";

/** How many data keys that were wrapped anew are remembered. */
const REMEMBERED = 10_000;

/** Wraps a thread's data key anew; `undefined` where it is to stay as it is. */
export type Rewrapper = (thread: string, wrapped: WrappedKey) => Promise<WrappedKey | undefined>;

/** Makes what moves data keys under a provider's current key; each is asked for once. */
export function rewrapper(from: KeyProvider, to: KeyProvider): Rewrapper {
  const done = new Answers<WrappedKey>(REMEMBERED, Infinity, Date.now);
  return async (thread, { id, wrapped }) => {
    if (id === to.current) return undefined;
    return await done.get(JSON.stringify([thread, id, toHex(wrapped)]), async () => {
      const key = await from.unwrap({ id, wrapped }, { thread });
      const anew = await to.wrap(key, { thread });
      key.fill(0);
      checkWrapped(anew);
      return anew;
    });
  };
}

/**
 * Gives an encrypted frame its data key wrapped anew; what is sealed stays as it
 * is. `undefined` where the data key is to stay, too.
 */
export async function rewrapFrame(
  frame: Uint8Array,
  rewrap: (wrapped: WrappedKey) => Promise<WrappedKey | undefined>,
): Promise<Uint8Array | undefined> {
  const { bound, id, wrapped, ciphertext } = parseBody(frame.subarray(HEADER_LENGTH));
  const anew = await rewrap({ id, wrapped });
  if (anew === undefined) return undefined;
  return await join(frame.subarray(0, HEAD_LENGTH), joinBody(bound, anew, ciphertext));
}

/** Encrypts what a frame holds that is not encrypted. */
export async function sealFrame(frame: Uint8Array, sealing: Sealing): Promise<Uint8Array> {
  return await seal(await unseal(frame), frame.subarray(HEADER_LENGTH), sealing);
}

/**
 * Whether a frame is encrypted, once its checksum proves that it is as it was written.
 *
 * @throws {CorruptError} where it is not.
 */
export async function isFrameEncrypted(frame: Uint8Array): Promise<boolean> {
  await unseal(frame);
  return isEncrypted(frame);
}

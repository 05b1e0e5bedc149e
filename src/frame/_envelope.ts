import { CorruptError, InvalidInputError } from "../errors.ts";
import { concat } from "../store/body.ts";
import { quote } from "../store/key.ts";
import { utf8 } from "../store/utf8.ts";
import { TAG_LENGTH } from "./_aes.ts";
import type { WrappedKey } from "./key_provider.ts";
import { tooNew } from "./too_new.ts";

/** The most bytes of UTF-8 that the id of a key may have. */
export const MAX_KEY_ID_BYTES = 255;
/** The most bytes that a wrapped data key may have. */
export const MAX_WRAPPED_BYTES = 4096;

const VERSION = 1;
const SINCE_AT = 1, SALT_AT = 9, IV_AT = 25;
/** The length of what the payload is bound to; behind it stands what may be wrapped anew. */
const BOUND_LENGTH = 37;
const FIXED_LENGTH = 40;

/** What the encryption header of a frame says. */
export interface Envelope extends WrappedKey {
  /** When the writer began to use the data key, in milliseconds since 1970. */
  readonly since: number;
  readonly salt: Uint8Array;
  readonly iv: Uint8Array;
}

/** A sealed body, taken apart. */
export interface SealedBody extends Envelope {
  /** The part of the encryption header that the payload is bound to. */
  readonly bound: Uint8Array;
  /** The payload's ciphertext with its tag. */
  readonly ciphertext: Uint8Array;
}

/** The part of an encryption header that the payload is bound to. */
export function boundPart({ since, salt, iv }: Omit<Envelope, keyof WrappedKey>): Uint8Array {
  const bytes = new Uint8Array(BOUND_LENGTH);
  bytes[0] = VERSION;
  new DataView(bytes.buffer).setBigUint64(SINCE_AT, BigInt(since));
  bytes.set(salt, SALT_AT);
  bytes.set(iv, IV_AT);
  return bytes;
}

/** Joins the two parts of an encryption header and the ciphertext into a sealed body. */
export function joinBody(
  bound: Uint8Array,
  wrapped: WrappedKey,
  ciphertext: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const id = utf8(wrapped.id);
  const head = new Uint8Array(5 + BOUND_LENGTH);
  const view = new DataView(head.buffer);
  view.setUint16(0, FIXED_LENGTH + id.length + wrapped.wrapped.length);
  head.set(bound, 2);
  view.setUint8(2 + BOUND_LENGTH, id.length);
  view.setUint16(3 + BOUND_LENGTH, wrapped.wrapped.length);
  return concat([head, id, wrapped.wrapped, ciphertext]);
}

/**
 * Takes a sealed body apart.
 *
 * @throws {CorruptError} where it is none.
 * @throws {UnsupportedError} where a newer release made it.
 */
export function parseBody(body: Uint8Array): SealedBody {
  const must = (holds: boolean) => {
    if (!holds) throw new CorruptError("This frame's encryption header is malformed");
  };
  must(body.length > 2);
  const version = body[2];
  if (version! > VERSION) throw tooNew(`encryption header ${version}`);
  must(version === VERSION && body.length >= 2 + FIXED_LENGTH + TAG_LENGTH);
  const view = new DataView(body.buffer, body.byteOffset);
  const length = view.getUint16(0);
  const idLength = view.getUint8(2 + BOUND_LENGTH);
  const wrappedLength = view.getUint16(3 + BOUND_LENGTH);
  must(idLength > 0 && wrappedLength > 0 && wrappedLength <= MAX_WRAPPED_BYTES);
  must(length === FIXED_LENGTH + idLength + wrappedLength);
  must(body.length >= 2 + length + TAG_LENGTH);
  const bound = body.subarray(2, 2 + BOUND_LENGTH);
  const rest = body.subarray(2 + FIXED_LENGTH, 2 + length);
  let id;
  try {
    id = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      rest.subarray(0, idLength),
    );
  } catch {
    must(false);
  }
  return {
    id: id!,
    wrapped: rest.slice(idLength),
    // Above 2^53 the number is rounded, which no clock comes to.
    since: Number(view.getBigUint64(2 + SINCE_AT)),
    salt: bound.subarray(SALT_AT, IV_AT),
    iv: bound.subarray(IV_AT),
    bound,
    ciphertext: body.subarray(2 + length),
  };
}

/**
 * Checks the id of a key.
 *
 * @throws {InvalidInputError} where no frame can name it.
 */
export function checkKeyId(id: unknown): asserts id is string {
  const length = typeof id === "string" && id.isWellFormed() ? utf8(id).length : 0;
  if (length > 0 && length <= MAX_KEY_ID_BYTES) return;
  throw new InvalidInputError(
    `Cannot use the key id ${quote(id)}: give a string of 1 to ${MAX_KEY_ID_BYTES} bytes of UTF-8`,
  );
}

/**
 * Checks what a provider wrapped.
 *
 * @throws {InvalidInputError} where no frame can carry it.
 */
export function checkWrapped({ id, wrapped }: WrappedKey): void {
  checkKeyId(id);
  const length = wrapped instanceof Uint8Array ? wrapped.length : 0;
  if (length > 0 && length <= MAX_WRAPPED_BYTES) return;
  throw new InvalidInputError(
    `Cannot use a wrapped data key of ${length} bytes from the key provider: ` +
      `the limits are 1 and ${MAX_WRAPPED_BYTES}`,
  );
}

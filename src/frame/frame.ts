import { CorruptError, InvalidInputError, UnsupportedError } from "../errors.ts";
import { refuse } from "../store/_options.ts";
import { type FrameKind, isFrameKind, seal, unseal } from "./_header.ts";
import { HEADER_LENGTH, MAX_FRAME_PLAINTEXT, NONCE_LENGTH } from "./layout.ts";
import type { Compression } from "./codec.ts";
import { compress, type CompressionChoice, decompress } from "./compression.ts";
import type { Sealing } from "./encryption.ts";

export type { FrameKind };

/** A frame, opened. */
export interface Frame {
  /** What it holds. */
  readonly kind: FrameKind;
  /** The writer's mark: 16 bytes, random in records and zero in chunks. */
  readonly nonce: Uint8Array<ArrayBuffer>;
  /** How it was stored. */
  readonly compression: Compression;
  /** Whether it was encrypted. */
  readonly encrypted: boolean;
  /** The plaintext. Where it was neither compressed nor encrypted it shares the memory of the bytes it was read from. */
  readonly payload: Uint8Array;
}

/** Options of {@link encodeFrame}. */
export interface EncodeFrameOptions {
  /** What the frame holds. */
  readonly kind: FrameKind;
  /** How to pack it; what does not shrink is stored as it is. @default "gzip" */
  readonly compression?: CompressionChoice | undefined;
  /**
   * The writer's mark, by which it knows its own object again: 16 bytes.
   *
   * @default random for records, zero for chunks, so that the same chunk is the same object
   */
  readonly nonce?: Uint8Array | undefined;
  /** How to encrypt it, and the place it is for. @default not at all */
  readonly sealing?: Sealing | undefined;
}

/** Options of {@link decodeFrame}. */
export interface DecodeFrameOptions {
  /** The kind that is expected; another one is a `CorruptError`. @default any */
  readonly kind?: FrameKind | undefined;
  /** The most plaintext to accept, in bytes. @default MAX_FRAME_PLAINTEXT */
  readonly limit?: number | undefined;
  /** How it is encrypted, and the place it stands in; a frame that is not is refused then. @default not at all */
  readonly sealing?: Sealing | undefined;
}

/**
 * Packs a payload into a frame, the form of every stored object. The payload
 * must not change until the promise settles.
 *
 * @throws {InvalidInputError} where the payload is longer than
 * {@link MAX_FRAME_PLAINTEXT}, the nonce is not 16 bytes, or an option is none of its choices.
 * @throws {UnsupportedError} where this runtime has no such compression.
 *
 * @example Pack and unpack
 * ```ts
 * import { decodeFrame, encodeFrame } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const payload = new TextEncoder().encode("stone upon stone ".repeat(100));
 * const bytes = await encodeFrame(payload, { kind: "checkpoint" });
 * assert(bytes.length < payload.length);
 *
 * const frame = await decodeFrame(bytes);
 * assert.equal(frame.compression, "gzip");
 * assert.deepEqual(frame.payload, payload);
 * ```
 */
export async function encodeFrame(
  payload: Uint8Array,
  options: EncodeFrameOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { kind, compression: choice = "gzip", nonce = defaultNonce(kind), sealing } = options;
  if (!isFrameKind(kind)) refuse("kind", kind, "checkpoint, writes or chunk");
  if (payload.length > MAX_FRAME_PLAINTEXT) {
    throw new InvalidInputError(
      `Cannot store ${payload.length} bytes in one object: the limit is ${MAX_FRAME_PLAINTEXT}`,
    );
  }
  if (nonce.length !== NONCE_LENGTH) {
    refuse("nonce.length", nonce.length, String(NONCE_LENGTH));
  }
  const { compression, bytes } = await compress(payload, choice);
  return await seal(
    { kind, compression, length: payload.length, nonce: new Uint8Array(nonce) },
    bytes,
    sealing,
  );
}

/**
 * Opens a frame. It is never half right: either this gives the plaintext that
 * was written, or it rejects.
 *
 * @throws {CorruptError} where the bytes are not what was written, are no
 * frame, are of another kind than expected or claim more than the limit; where
 * `sealing` is given, also where they are not encrypted, or were for another place.
 * @throws {AccessError} where the key provider does not have the key, or may not use it.
 * @throws {UnsupportedError} where a newer release wrote the frame, it is
 * encrypted and no `sealing` is given, or this runtime cannot unpack its
 * compression and no decoder is registered.
 *
 * @example An altered frame is refused
 * ```ts
 * import { CorruptError, decodeFrame, encodeFrame } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const bytes = await encodeFrame(new Uint8Array([1, 2, 3]), { kind: "chunk" });
 * bytes[50]! ^= 1;
 * await assert.rejects(decodeFrame(bytes), CorruptError);
 * ```
 */
export async function decodeFrame(
  bytes: Uint8Array,
  options: DecodeFrameOptions = {},
): Promise<Frame> {
  const { kind: expected, limit = MAX_FRAME_PLAINTEXT, sealing } = options;
  const { kind, compression, length, nonce, encrypted = false } = await unseal(bytes);
  if (expected !== undefined && kind !== expected) {
    throw new CorruptError(`This frame holds a ${kind} where a ${expected} is expected`);
  }
  if (length > limit) {
    throw new CorruptError(`This frame claims ${length} bytes: the limit is ${limit}`);
  }
  if (encrypted && !sealing) {
    throw new UnsupportedError("This frame is encrypted: give the encryption option, as aesGcm()");
  }
  const packed = {
    compression,
    bytes: sealing
      ? await sealing.encryption.open(sealing.place, bytes)
      : bytes.subarray(HEADER_LENGTH),
  };
  return { kind, nonce, compression, encrypted, payload: await decompress(packed, length) };
}

function defaultNonce(kind: FrameKind): Uint8Array {
  const nonce = new Uint8Array(NONCE_LENGTH);
  return kind === "chunk" ? nonce : crypto.getRandomValues(nonce);
}

import { CorruptError } from "../errors.ts";
import { type Compression, COMPRESSIONS } from "./codec.ts";
import type { Sealing } from "./encryption.ts";
import {
  COMPRESSION_AT,
  ENCRYPTION_AT,
  HEAD_LENGTH,
  HEADER_LENGTH,
  KIND_AT,
  LENGTH_AT,
  NONCE_AT,
  VERSION,
  VERSION_AT,
} from "./layout.ts";
import { sha256 } from "../store/sha256.ts";
import { tooNew } from "./too_new.ts";

const MAGIC = /* @__PURE__ */ Uint8Array.of(0x89, 0x43, 0x52, 0x4e);

/** What a frame holds. */
export type FrameKind = "checkpoint" | "writes" | "chunk";

/** The kinds by their id. */
const KINDS: readonly (FrameKind | undefined)[] = [undefined, "checkpoint", "writes", "chunk"];

/** What a frame's header says. */
export interface Header {
  readonly kind: FrameKind;
  readonly compression: Compression;
  /** The plaintext's length in bytes: a claim until the payload is unpacked. */
  readonly length: number;
  readonly nonce: Uint8Array<ArrayBuffer>;
  /** Whether the payload is sealed. @default false */
  readonly encrypted?: boolean;
}

/** Whether a value is a kind of frame. */
export function isFrameKind(value: unknown): value is FrameKind {
  return value !== undefined && (KINDS as readonly unknown[]).includes(value);
}

/** Whether a frame whose checksum holds is encrypted. */
export function isEncrypted(frame: Uint8Array): boolean {
  return frame[ENCRYPTION_AT] !== 0;
}

/** Joins a header and a packed payload into a frame, sealed where it is said for which place. */
export async function seal(
  header: Header,
  packed: Uint8Array,
  sealing?: Sealing,
): Promise<Uint8Array<ArrayBuffer>> {
  const head = new Uint8Array(HEAD_LENGTH);
  head.set(MAGIC);
  head[VERSION_AT] = VERSION;
  head[KIND_AT] = KINDS.indexOf(header.kind);
  head[COMPRESSION_AT] = COMPRESSIONS.indexOf(header.compression);
  head[ENCRYPTION_AT] = sealing ? 1 : 0;
  new DataView(head.buffer).setBigUint64(LENGTH_AT, BigInt(header.length));
  head.set(header.nonce, NONCE_AT);
  return await join(
    head,
    sealing ? await sealing.encryption.seal(sealing.place, head, packed) : packed,
  );
}

/**
 * Joins a frame's head, its checksum and what comes after it. The checksum is of
 * the head and the body without itself in between, so the head stands beside the
 * body until it is taken: one copy of the body, not two.
 */
export async function join(head: Uint8Array, body: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const frame = new Uint8Array(HEADER_LENGTH + body.length);
  frame.set(head, HEADER_LENGTH - HEAD_LENGTH);
  frame.set(body, HEADER_LENGTH);
  const sum = await sha256(frame.subarray(HEADER_LENGTH - HEAD_LENGTH));
  frame.set(head);
  frame.set(sum.subarray(0, HEADER_LENGTH - HEAD_LENGTH), HEAD_LENGTH);
  return frame;
}

/**
 * Reads a frame's header, once its checksum proves that the whole is as it was written.
 *
 * @throws {CorruptError} where this is no frame, or no longer the one that was written.
 * @throws {UnsupportedError} where a newer writer made it.
 */
export async function unseal(bytes: Uint8Array): Promise<Header> {
  if (MAGIC.some((byte, at) => bytes[at] !== byte)) {
    throw new CorruptError("This is no frame: it does not begin with 89 43 52 4E");
  }
  const version = bytes[VERSION_AT] ?? 0;
  if (version > VERSION) throw tooNew(`frame version ${version}`);
  const head = bytes.subarray(0, HEAD_LENGTH);
  const computed = (await join(head, bytes.subarray(HEADER_LENGTH))).subarray(0, HEADER_LENGTH);
  if (version < VERSION || computed.some((byte, at) => byte !== bytes[at])) {
    throw new CorruptError(
      `This frame is cut short or altered: its checksum does not fit its ${bytes.length} bytes`,
    );
  }
  // The checksum holds, so the header is whole.
  const encryption = bytes[ENCRYPTION_AT]!;
  if (encryption > 1) throw tooNew(`encryption ${encryption}`);
  const kind = KINDS[bytes[KIND_AT]!];
  if (kind === undefined) throw tooNew(`frame kind ${bytes[KIND_AT]}`);
  const compression = COMPRESSIONS[bytes[COMPRESSION_AT]!];
  if (compression === undefined) throw tooNew(`compression ${bytes[COMPRESSION_AT]}`);
  return {
    kind,
    compression,
    // Above 2^53 the number is rounded, which no limit lets pass anyway.
    length: Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(LENGTH_AT)),
    nonce: new Uint8Array(head.subarray(NONCE_AT)),
    encrypted: isEncrypted(bytes),
  };
}

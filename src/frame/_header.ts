import { CorruptError, UnsupportedError } from "../errors.ts";
import { concat } from "../store/body.ts";
import { toHex } from "../store/hex.ts";
import { type Compression, COMPRESSIONS } from "./codec.ts";
import { sha256 } from "./hash.ts";

/** The length of a frame's fixed header, in bytes. */
export const HEADER_LENGTH = 48;
/** The length of a frame's nonce, in bytes. */
export const NONCE_LENGTH = 16;

const VERSION = 1;
const MAGIC = Uint8Array.of(0x89, 0x43, 0x52, 0x4e);
const VERSION_AT = 4, KIND_AT = 5, COMPRESSION_AT = 6, ENCRYPTION_AT = 7;
const LENGTH_AT = 8, NONCE_AT = 16, CHECKSUM_AT = 32;

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
}

/** Whether a value is a kind of frame. */
export function isFrameKind(value: unknown): value is FrameKind {
  return value !== undefined && (KINDS as readonly unknown[]).includes(value);
}

/** Joins a header and a packed payload into a sealed frame. */
export async function seal(header: Header, packed: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(HEADER_LENGTH + packed.length);
  bytes.set(MAGIC);
  bytes[VERSION_AT] = VERSION;
  bytes[KIND_AT] = KINDS.indexOf(header.kind);
  bytes[COMPRESSION_AT] = COMPRESSIONS.indexOf(header.compression);
  new DataView(bytes.buffer).setBigUint64(LENGTH_AT, BigInt(header.length));
  bytes.set(header.nonce, NONCE_AT);
  bytes.set(packed, HEADER_LENGTH);
  bytes.set(await checksum(bytes), CHECKSUM_AT);
  return bytes;
}

/**
 * Reads a frame's header, once its checksum proves that the whole is as it was written.
 *
 * @throws {CorruptError} where this is no frame, or no longer the one that was written.
 * @throws {UnsupportedError} where a newer writer made it.
 */
export async function unseal(bytes: Uint8Array): Promise<Header> {
  if (toHex(bytes.subarray(0, MAGIC.length)) !== toHex(MAGIC)) {
    throw new CorruptError("This is no frame: it does not begin with 89 43 52 4E");
  }
  const version = bytes[VERSION_AT] ?? 0;
  if (version > VERSION) throw tooNew(`frame version ${version}`);
  const recorded = toHex(bytes.subarray(CHECKSUM_AT, HEADER_LENGTH));
  if (version < VERSION || recorded !== toHex(await checksum(bytes))) {
    throw new CorruptError(
      `This frame is cut short or altered: its checksum does not fit its ${bytes.length} bytes`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const encryption = view.getUint8(ENCRYPTION_AT);
  if (encryption !== 0) throw tooNew(`encryption ${encryption}`);
  const kind = KINDS[view.getUint8(KIND_AT)];
  if (kind === undefined) throw tooNew(`frame kind ${view.getUint8(KIND_AT)}`);
  const compression = COMPRESSIONS[view.getUint8(COMPRESSION_AT)];
  if (compression === undefined) throw tooNew(`compression ${view.getUint8(COMPRESSION_AT)}`);
  return {
    kind,
    compression,
    // Above 2^53 the number is rounded, which no limit lets pass anyway.
    length: Number(view.getBigUint64(LENGTH_AT)),
    nonce: bytes.slice(NONCE_AT, CHECKSUM_AT) as Uint8Array<ArrayBuffer>,
  };
}

function tooNew(what: string): UnsupportedError {
  return new UnsupportedError(
    `Cannot read ${what}: a newer release wrote it; upgrade @cairn/checkpoint`,
  );
}

async function checksum(bytes: Uint8Array): Promise<Uint8Array> {
  const covered = concat([bytes.subarray(0, CHECKSUM_AT), bytes.subarray(HEADER_LENGTH)]);
  return (await sha256(covered)).subarray(0, HEADER_LENGTH - CHECKSUM_AT);
}

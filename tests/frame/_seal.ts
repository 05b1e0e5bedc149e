import { createHash } from "node:crypto";

/**
 * Gives altered bytes the checksum that fits them, written after the document
 * and not after the source: what a hostile writer can do.
 */
export function reseal(frame: Uint8Array): Uint8Array<ArrayBuffer> {
  const sealed = new Uint8Array(frame);
  const hash = createHash("sha256").update(frame.subarray(0, 32)).update(frame.subarray(48));
  sealed.set(hash.digest().subarray(0, 16), 32);
  return sealed;
}

/** A frame of the header fields and the packed payload given, with a checksum that fits. */
export function forge(
  { version = 1, kind = 1, compression = 0, encryption = 0, length, packed }: {
    version?: number;
    kind?: number;
    compression?: number;
    encryption?: number;
    length: bigint | number;
    packed: Uint8Array;
  },
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(48 + packed.length);
  bytes.set([0x89, 0x43, 0x52, 0x4e, version, kind, compression, encryption]);
  new DataView(bytes.buffer).setBigUint64(8, BigInt(length));
  bytes.set(packed, 48);
  return reseal(bytes);
}

export { toHex } from "../store/hex.ts";

/**
 * SHA-256 of bytes, by WebCrypto: 32 bytes.
 *
 * The bytes must not change until the promise settles.
 */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

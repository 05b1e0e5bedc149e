import { AT_ONCE, nodeCrypto } from "./_builtin.ts";

/**
 * SHA-256 of bytes: 32 bytes.
 *
 * The bytes must not change until the promise settles.
 */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const now = bytes.length <= AT_ONCE && nodeCrypto()?.createHash("sha256").update(bytes).digest();
  return new Uint8Array(
    now || await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>),
  );
}

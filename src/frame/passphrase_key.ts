import { InvalidInputError, UnsupportedError } from "../errors.ts";
import { checkWhole } from "../store/_options.ts";
import { utf8 } from "../store/utf8.ts";
import { KEY_LENGTH } from "./_aes.ts";

/** Options of {@link passphraseKey}. */
export interface PassphraseKeyOptions {
  /** At least 16 random bytes, kept beside the settings: no secret, but the same each time. */
  readonly salt: Uint8Array;
  /** How often the passphrase is hashed: at least the default. @default 600_000 */
  readonly iterations?: number | undefined;
}

/**
 * The least that OWASP asks of PBKDF2 with SHA-256:
 * https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#pbkdf2
 */
const ITERATIONS = 600_000;
/** As NIST SP 800-132, 5.1, has it. */
const MIN_SALT = 16;
/** As NIST SP 800-63B, 5.1.1.1, has it. */
const MIN_LENGTH = 8;

/**
 * Makes a key for `localKeys` of a passphrase, slowly: PBKDF2 with SHA-256,
 * the only such function that WebCrypto has (no scrypt, no Argon2). Half a
 * second or so makes guessing dear, not impossible: where there is a place for
 * 32 random bytes, those are better.
 *
 * Cloudflare's Workers allow 100,000 rounds at most: derive the key elsewhere,
 * and give them the 32 bytes as a secret.
 *
 * @throws {InvalidInputError} where the passphrase, the salt or the number of rounds is too small.
 * @throws {UnsupportedError} where the runtime does not do so many rounds.
 *
 * @example
 * ```ts
 * import { aesGcm, localKeys, passphraseKey } from "@cairn/checkpoint";
 * import assert from "node:assert/strict";
 *
 * const salt = new TextEncoder().encode("f3b1c9d2a4e80617"); // random, from the settings
 * const key = await passphraseKey("correct horse battery staple", { salt });
 * assert.equal(key.length, 32);
 * const encryption = aesGcm({ keys: localKeys({ current: "p1", keys: { p1: key } }) });
 * ```
 */
export async function passphraseKey(
  passphrase: string,
  options: PassphraseKeyOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { salt, iterations = ITERATIONS } = options ?? {};
  if (typeof passphrase !== "string" || !passphrase.isWellFormed()) {
    throw new InvalidInputError("Cannot use the passphrase: give a string, with no lone surrogate");
  }
  // However it was typed, the same text is the same passphrase.
  const text = passphrase.normalize("NFC");
  const length = [...text].length;
  if (length < MIN_LENGTH) {
    throw new InvalidInputError(
      `Cannot use the passphrase: it has ${length} characters; give at least ${MIN_LENGTH}`,
    );
  }
  const saltLength = salt instanceof Uint8Array ? salt.length : 0;
  if (saltLength < MIN_SALT) {
    throw new InvalidInputError(
      `Cannot use the salt: it has ${saltLength} bytes; give a Uint8Array of at least ${MIN_SALT}`,
    );
  }
  checkWhole({ iterations }, ITERATIONS, 2 ** 31 - 1);
  const parameters = {
    name: "PBKDF2",
    hash: "SHA-256",
    salt: new Uint8Array(salt),
    iterations,
  };
  const bytes = utf8(text);
  const secret = await crypto.subtle.importKey("raw", bytes, "PBKDF2", false, ["deriveBits"]);
  bytes.fill(0);
  try {
    return new Uint8Array(await crypto.subtle.deriveBits(parameters, secret, 8 * KEY_LENGTH));
  } catch (cause) {
    throw new UnsupportedError(
      `Cannot derive a key by ${iterations} rounds of PBKDF2 in this runtime: derive it in ` +
        "another one, and give localKeys its 32 bytes as a secret",
      { cause },
    );
  }
}

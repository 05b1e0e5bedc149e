import { AccessError, CairnError, InvalidInputError } from "../errors.ts";
import { withTimeout } from "../store/policy.ts";
import type { S3Credentials, S3CredentialsProvider } from "./options.ts";

/** Gives credentials to many callers, and reads them again when it is time. */
export interface CredentialsSource {
  /** The credentials of now; where the provider has such, those that hold for so many milliseconds. */
  get(least?: number): Promise<S3Credentials>;
  /**
   * Other credentials than these, which the store calls expired; `undefined`
   * where there are none.
   */
  replace(expired: S3Credentials): Promise<S3Credentials | undefined>;
}

/**
 * Makes a source of fixed credentials, or of a provider's. The provider is
 * asked once for all who wait; where it fails, or does not answer, while the
 * credentials it gave still hold, those are used on.
 *
 * @throws {InvalidInputError} where fixed credentials are no key pair.
 */
export function credentialsSource(
  credentials: S3Credentials | S3CredentialsProvider,
  now: () => number = Date.now,
): CredentialsSource {
  // How long before their end credentials are read again, in milliseconds.
  const MARGIN = 5 * 60_000;
  // For how long one caller's question to the provider serves the others, in milliseconds.
  const PATIENCE = 10_000;
  if (typeof credentials !== "function") check(credentials, InvalidInputError);
  const provider = typeof credentials === "function" ? credentials : () => credentials;
  let current: S3Credentials | undefined;
  let reading: Promise<S3Credentials> | undefined;
  let asked = 0;
  const left = () => current ? (current.expiration?.getTime() ?? Infinity) - now() : 0;

  async function ask(): Promise<S3Credentials> {
    try {
      const given = await provider();
      check(given, AccessError);
      return current = given;
    } catch (error) {
      if (current && left() > 0) return current;
      if (error instanceof CairnError) throw error;
      throw new AccessError("Cannot read credentials: the provider failed", { cause: error });
    }
  }
  const read = () => {
    // One that takes so long may be of a Worker's request that has ended, and never settles.
    if (reading !== undefined && now() - asked < PATIENCE) return reading;
    asked = now();
    const mine = ask().finally(() => {
      if (reading === mine) reading = undefined;
    });
    return reading = mine;
  };
  return {
    get(least = 0) {
      const held = Promise.resolve(current as S3Credentials);
      if (left() > Math.max(least, MARGIN)) return held;
      // Nobody waits long for others while those there are will do.
      return left() > least ? withTimeout(read, 1_000).catch(() => held) : read();
    },
    async replace(expired) {
      // Somebody else may have been told so before, and asked already.
      if (current === expired) current = undefined;
      const next = await (current ?? read());
      return same(next, expired) ? undefined : next;
    },
  };
}

function same(a: S3Credentials, b: S3Credentials): boolean {
  return a.accessKeyId === b.accessKeyId && a.secretAccessKey === b.secretAccessKey &&
    a.sessionToken === b.sessionToken;
}

// Says which field is wrong, and never what it holds.
function check(credentials: S3Credentials, Wrong: new (message: string) => CairnError): void {
  const { accessKeyId, secretAccessKey, sessionToken = "", expiration = new Date() } =
    (credentials ?? {}) as Partial<S3Credentials>;
  const wrong = !isWord(accessKeyId)
    ? "accessKeyId"
    : !isWord(secretAccessKey)
    ? "secretAccessKey"
    : typeof sessionToken !== "string"
    ? "sessionToken"
    : !(expiration instanceof Date) || isNaN(expiration.getTime())
    ? "expiration"
    : undefined;
  if (wrong === undefined) return;
  throw new Wrong(
    `Cannot use credentials: ${wrong} is missing or malformed; give { accessKeyId, ` +
      "secretAccessKey } of ASCII without a space, or a function that does",
  );
}

function isWord(value: unknown): boolean {
  return typeof value === "string" && /^[\x21-\x7e]+$/.test(value);
}

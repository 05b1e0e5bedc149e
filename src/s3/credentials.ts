import { AccessError, CairnError, InvalidInputError } from "../errors.ts";
import type { S3Credentials, S3CredentialsProvider } from "./options.ts";

/** Gives credentials to many callers, and reads them again when it is time. */
export interface CredentialsSource {
  /** The credentials of now. */
  get(): Promise<S3Credentials>;
  /**
   * Other credentials than these, which the store calls expired; `undefined`
   * where there are none.
   */
  replace(expired: S3Credentials): Promise<S3Credentials | undefined>;
}

/** How long before their end credentials are read again, in milliseconds. */
const MARGIN = 5 * 60_000;

/**
 * Makes a source of fixed credentials, or of a provider's. The provider is
 * asked once for all who wait; where it fails while the credentials it gave
 * still hold, those are used on.
 *
 * @throws {InvalidInputError} where fixed credentials are no key pair.
 */
export function credentialsSource(
  credentials: S3Credentials | S3CredentialsProvider,
  now: () => number = Date.now,
): CredentialsSource {
  if (typeof credentials !== "function") {
    const flaw = flawOf(credentials);
    if (flaw !== undefined) throw new InvalidInputError(`Cannot use credentials: ${flaw}`);
    return {
      get: () => Promise.resolve(credentials),
      replace: () => Promise.resolve(undefined),
    };
  }
  let current: S3Credentials | undefined;
  let reading: Promise<S3Credentials> | undefined;
  const left = () => current === undefined ? 0 : endOf(current) - now();

  async function ask(provider: S3CredentialsProvider): Promise<S3Credentials> {
    try {
      return current = checked(await provider());
    } catch (error) {
      if (current !== undefined && left() > 0) return current;
      if (error instanceof CairnError) throw error;
      throw new AccessError("Cannot read credentials: the provider failed", { cause: error });
    }
  }
  const read = () => reading ??= ask(credentials).finally(() => reading = undefined);
  return {
    get: () => left() > MARGIN ? Promise.resolve(current as S3Credentials) : read(),
    async replace(expired) {
      // Somebody else may have been told so before, and asked already.
      if (current === expired) current = undefined;
      const next = await (current ?? read());
      return same(next, expired) ? undefined : next;
    },
  };
}

function endOf({ expiration }: S3Credentials): number {
  return expiration === undefined ? Infinity : expiration.getTime();
}

function same(a: S3Credentials, b: S3Credentials): boolean {
  return a.accessKeyId === b.accessKeyId && a.secretAccessKey === b.secretAccessKey &&
    a.sessionToken === b.sessionToken;
}

function checked(credentials: S3Credentials): S3Credentials {
  const flaw = flawOf(credentials);
  if (flaw === undefined) return credentials;
  throw new AccessError(`Cannot use the credentials that the provider gave: ${flaw}`);
}

// Says which field is wrong, and never what it holds.
function flawOf(credentials: unknown): string | undefined {
  if (typeof credentials !== "object" || credentials === null) {
    return "give { accessKeyId, secretAccessKey } or a function that does";
  }
  const fields = credentials as Record<string, unknown>;
  for (const name of ["accessKeyId", "secretAccessKey"]) {
    const value = fields[name];
    if (typeof value !== "string" || value === "") return `${name} is no string, or empty`;
    if (!/^[\x21-\x7e]+$/.test(value)) return `${name} has a space or a character beyond ASCII`;
  }
  const { sessionToken, expiration } = fields;
  if (sessionToken !== undefined && typeof sessionToken !== "string") {
    return "sessionToken is no string";
  }
  if (expiration !== undefined && !(expiration instanceof Date && !isNaN(expiration.getTime()))) {
    return "expiration is no valid Date";
  }
}

import { CorruptError } from "../errors.ts";

/**
 * Encodes by RFC 3986 with nothing reserved left over, so that what is signed
 * and what is sent are the same bytes: `encodeURIComponent` leaves `!'()*`.
 */
export function encodeUri(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Encodes a key for a path: each segment by itself. */
export function encodeKey(key: string): string {
  return encodeUri(key).replaceAll("%2F", "/");
}

/** The value of `x-amz-copy-source`. */
export function copySource(bucket: string, key: string): string {
  // An access point's ARN has no slash before it, and a word between it and the key.
  return bucket.startsWith("arn:")
    ? encodeUri(`${bucket}/object/${key}`)
    : `/${bucket}/${encodeKey(key)}`;
}

/**
 * Decodes a key of a LIST that was asked for `encoding-type=url`.
 *
 * @throws {CorruptError} where it is not encoded so.
 */
export function decodeListed(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (cause) {
    throw new CorruptError("A listing has a key that is not URL-encoded", { cause });
  }
}

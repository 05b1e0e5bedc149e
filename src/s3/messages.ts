import { CorruptError } from "../errors.ts";
import type { PartRef } from "../store/multipart.ts";
import type { ListPage } from "../store/store.ts";
import { infoOf, quoteETag } from "./headers.ts";
import { toHex } from "../store/hex.ts";
import { md5 } from "./md5.ts";
import { decodeListed } from "./uri.ts";
import { childrenOf, escapeXml, textOf, type XmlElement } from "./xml.ts";

/** One page of LIST, and where the next one starts, if there is one. */
export interface ListAnswer extends ListPage {
  /** The token that asks for the next page. */
  readonly next: string | undefined;
}

/** What DeleteObjects says of a key that it did not delete. */
export interface DeleteFailure {
  readonly key: string | undefined;
  readonly code: string | undefined;
  readonly message: string | undefined;
}

/** The body of DeleteObjects: quiet, so that the answer names failures only. */
export function deleteBody(keys: readonly string[]): string {
  const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`);
  return document("Delete", `${objects.join("")}<Quiet>true</Quiet>`);
}

/** The body of CompleteMultipartUpload. */
export function completeBody(parts: readonly PartRef[]): string {
  const items = parts.map(({ number, etag }) =>
    `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(quoteETag(etag))}</ETag></Part>`
  );
  return document("CompleteMultipartUpload", items.join(""));
}

function document(root: string, content: string): string {
  return `<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</${root}>`;
}

/**
 * The ETag that a multipart upload of these parts gives, where the server
 * makes it of the parts' own; `undefined` where they are no MD5.
 */
export function multipartETag(parts: readonly PartRef[]): string | undefined {
  if (!parts.every(({ etag }) => /^[\da-f]{32}$/.test(etag))) return undefined;
  const digits = parts.map(({ etag }) => etag).join("");
  const bytes = Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  return `${toHex(md5(bytes))}-${parts.length}`;
}

/**
 * Reads the answer to ListObjectsV2.
 *
 * @throws {CorruptError} where it is no such answer.
 */
export function listAnswer(root: XmlElement): ListAnswer {
  expectRoot(root, "ListBucketResult");
  const decode = textOf(root, "EncodingType") === "url" ? decodeListed : (text: string) => text;
  return {
    objects: childrenOf(root, "Contents").map((entry) =>
      infoOf(
        decode(need(entry, "Key")),
        textOf(entry, "Size"),
        textOf(entry, "ETag"),
        textOf(entry, "LastModified"),
      )
    ),
    prefixes: childrenOf(root, "CommonPrefixes").map((entry) => decode(need(entry, "Prefix"))),
    next: textOf(root, "IsTruncated") === "true" ? need(root, "NextContinuationToken") : undefined,
  };
}

/**
 * Reads the answer to DeleteObjects: what was not deleted.
 *
 * @throws {CorruptError} where it is no such answer.
 */
export function deleteAnswer(root: XmlElement): DeleteFailure[] {
  expectRoot(root, "DeleteResult");
  return childrenOf(root, "Error").map((entry) => ({
    key: textOf(entry, "Key"),
    code: textOf(entry, "Code"),
    message: textOf(entry, "Message"),
  }));
}

/**
 * The text of one element of an answer.
 *
 * @throws {CorruptError} where it is another answer, or the element is missing.
 */
export function answerText(root: XmlElement, rootName: string, name: string): string {
  expectRoot(root, rootName);
  return need(root, name);
}

function expectRoot(root: XmlElement, name: string): void {
  if (root.name !== name) {
    throw new CorruptError(`The server's <${root.name}> is no <${name}>`);
  }
}

function need(element: XmlElement, name: string): string {
  const text = textOf(element, name);
  if (!text) throw new CorruptError(`The server's <${element.name}> has no <${name}>`);
  return text;
}

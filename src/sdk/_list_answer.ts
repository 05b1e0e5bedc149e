import type { ListObjectsV2CommandOutput } from "@aws-sdk/client-s3";
import { CorruptError } from "../errors.ts";
import { unquoteETag } from "../s3/headers.ts";
import type { ListAnswer } from "../s3/messages.ts";
import { decodeListed } from "../s3/uri.ts";
import type { ObjectInfo } from "../store/store.ts";

/**
 * A page of a listing from what the SDK read of it. The SDK makes an empty one
 * of any XML: only an answer that says something of itself is believed.
 *
 * @throws {CorruptError} where it is no listing.
 */
export function listAnswerOf(output: ListObjectsV2CommandOutput): ListAnswer {
  const { Contents = [], CommonPrefixes = [], IsTruncated, NextContinuationToken } = output;
  if (IsTruncated === undefined && output.Name === undefined && output.KeyCount === undefined) {
    throw new CorruptError("The server's answer to a list is no <ListBucketResult>");
  }
  const decode = output.EncodingType === "url" ? decodeListed : (text: string) => text;
  return {
    objects: Contents.map(({ Key, Size, ETag, LastModified }): ObjectInfo => ({
      key: decode(need(Key, "Key")),
      size: need(Size, "Size"),
      etag: unquoteETag(need(ETag, "ETag")),
      lastModified: need(LastModified, "LastModified"),
    })),
    prefixes: CommonPrefixes.map(({ Prefix }) => decode(need(Prefix, "Prefix"))),
    next: IsTruncated ? need(NextContinuationToken, "NextContinuationToken") : undefined,
  };
}

function need<T>(value: T | undefined, name: string): T {
  if (value !== undefined && value !== "") return value;
  throw new CorruptError(`The server's <ListBucketResult> has an entry with no <${name}>`);
}

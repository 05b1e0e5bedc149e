import { CorruptError, UnsupportedError } from "../errors.ts";
import type { BucketApi } from "../s3/api.ts";
import { dialectFor } from "../s3/dialect.ts";
import { infoOf, unquoteETag } from "../s3/headers.ts";
import { decodeListed } from "../s3/uri.ts";
import { parseXml, textOf, type XmlElement } from "../s3/xml.ts";
import { compareKeys } from "../store/key.ts";
import type { CallOptions, ObjectInfo } from "../store/store.ts";
import { documentOf, readState } from "./_states.ts";
import { versioning } from "./sections/versioning.ts";

/** One version of an object, or the marker of its deletion. */
export interface ObjectVersion {
  /** The key. */
  readonly key: string;
  /** The version. */
  readonly versionId: string;
  /** Whether it is what a GET without a version finds. */
  readonly latest: boolean;
  /** When it was written, or deleted. */
  readonly at: Date;
  /** The object; `undefined` for a delete marker. */
  readonly info: ObjectInfo | undefined;
}

/** Which versions to list. */
export interface VersionQuery extends CallOptions {
  /** Only keys that start with this. */
  readonly prefix: string;
  /** The most of one answer. @default 1000, S3's own */
  readonly maxKeys?: number;
}

/**
 * Refuses a bucket that keeps no versions, and never did.
 *
 * @throws {UnsupportedError} that says how to enable them.
 */
export async function requireVersions(api: BucketApi, options: CallOptions): Promise<void> {
  const document = documentOf(await readState(versioning, api, options));
  if (document !== undefined && textOf(document, "Status")) return;
  throw new UnsupportedError(
    `Cannot go back in bucket "${api.bucket}": it keeps no versions; enable them by ` +
      'planBucket(store, { versioning: "enabled" }), for what is written from then on',
  );
}

/**
 * Lists versions and delete markers by key. S3 gives the newest of each key
 * first; LocalStack gives a page's markers after its versions, so that of one
 * key's they stand in no order: `versionsByKey` puts them in it.
 */
export async function* listObjectVersions(
  api: BucketApi,
  { prefix, maxKeys, signal }: VersionQuery,
): AsyncGenerator<ObjectVersion> {
  // What a LIST may not be asked to encode, this may not, either.
  const encoding = dialectFor("http://localhost", api.dialect).listEncoding;
  let marker: { key?: string | undefined; versionId?: string | undefined } = {};
  for (;;) {
    const query = {
      versions: "",
      prefix: prefix || undefined,
      "encoding-type": encoding,
      "max-keys": maxKeys === undefined ? undefined : String(maxKeys),
      "key-marker": marker.key,
      "version-id-marker": marker.versionId,
    };
    const request = { method: "GET", query, operation: "ListObjectVersions" } as const;
    const root = parseXml((await api.request(request, { signal })).text);
    if (!/^ListVersionsResult$/.test(root.name)) {
      throw new CorruptError(`The server's <${root.name}> is no <ListVersionsResult>`);
    }
    const decode = textOf(root, "EncodingType") === "url" ? decodeListed : (text: string) => text;
    yield* root.children
      .filter(({ name }) => name === "Version" || name === "DeleteMarker")
      .map((entry) => versionOf(entry, decode))
      .sort((a, b) => compareKeys(a.key, b.key));
    if (textOf(root, "IsTruncated") !== "true") return;
    const next = {
      key: decode(textOf(root, "NextKeyMarker") ?? ""),
      versionId: textOf(root, "NextVersionIdMarker") || undefined,
    };
    if (next.key === "" || next.key === marker.key && next.versionId === marker.versionId) {
      throw new CorruptError(
        `Cannot list versions of bucket "${api.bucket}": a page names no next one`,
      );
    }
    marker = next;
  }
}

function versionOf(entry: XmlElement, decode: (text: string) => string): ObjectVersion {
  const key = decode(textOf(entry, "Key") ?? "");
  const versionId = textOf(entry, "VersionId");
  const date = textOf(entry, "LastModified");
  const at = new Date(date ?? NaN);
  if (key === "" || !versionId || isNaN(+at)) {
    throw new CorruptError("A list of versions has one without a key, an id or a date");
  }
  const latest = textOf(entry, "IsLatest") === "true";
  const info = entry.name === "Version"
    ? infoOf(key, textOf(entry, "Size"), unquoteETag(textOf(entry, "ETag") ?? ""), date)
    : undefined;
  return { key, versionId, latest, at, info };
}

/**
 * The versions of each key together, newest first. What was written in one
 * second, the finest that S3 tells, stays as the server gave it.
 */
export async function* versionsByKey(
  api: BucketApi,
  query: VersionQuery,
): AsyncGenerator<readonly ObjectVersion[]> {
  let group: ObjectVersion[] = [];
  for await (const version of listObjectVersions(api, query)) {
    if (group.length > 0 && group[0]!.key !== version.key) {
      yield inOrder(group);
      group = [];
    }
    group.push(version);
  }
  if (group.length > 0) yield inOrder(group);
}

function inOrder(versions: ObjectVersion[]): ObjectVersion[] {
  return versions.sort((a, b) => Number(b.latest) - Number(a.latest) || +b.at - +a.at);
}

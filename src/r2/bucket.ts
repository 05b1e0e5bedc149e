/**
 * What of Cloudflare's R2 binding is used here, structurally: the type
 * `R2Bucket` of `@cloudflare/workers-types`, or of `wrangler types`, fits.
 * https://developers.cloudflare.com/r2/api/workers/workers-api-reference/
 */
export interface R2Bucket {
  /** Reads what is known of an object. */
  head(key: string): Promise<R2Object | null>;
  /** Reads an object; without a body where its condition does not hold. */
  get(key: string, options?: R2GetOptions): Promise<R2ObjectBody | R2Object | null>;
  /** Writes an object; nothing comes back where its condition does not hold. */
  put(key: string, value: Uint8Array, options?: R2PutOptions): Promise<R2Object | null>;
  /** Deletes up to 1,000 objects. */
  delete(keys: string[]): Promise<void>;
  /** Lists up to 1,000 objects. */
  list(options?: R2ListOptions): Promise<R2Objects>;
  /** Starts a multipart upload. */
  createMultipartUpload(key: string, options?: R2AttributeOptions): Promise<R2MultipartUpload>;
}

/** What R2 knows of an object. */
export interface R2Object {
  /** The key. */
  readonly key: string;
  /** The length of the whole object in bytes. */
  readonly size: number;
  /** The ETag without quotes. */
  readonly etag: string;
  /** When it was written. */
  readonly uploaded: Date;
  /** What those who fetch it by HTTP are told. */
  readonly httpMetadata?: R2HttpMetadata;
  /** What else its writer noted. */
  readonly customMetadata?: Record<string, string>;
}

/** An object with its body. */
export interface R2ObjectBody extends R2Object {
  /** The bytes asked for. */
  readonly body: ReadableStream;
}

/** What a call of R2 demands. */
export interface R2Conditional {
  /** Only where this ETag stands. */
  etagMatches?: string;
  /** Only where this ETag does not stand; `*` is any. */
  etagDoesNotMatch?: string;
}

/** Options of `get`. */
export interface R2GetOptions {
  /** What it demands. */
  onlyIf?: R2Conditional;
  /** The bytes that are wanted. */
  range?: { offset: number; length?: number } | { suffix: number };
}

/** What R2 tells those who fetch an object by HTTP. */
export interface R2HttpMetadata {
  /** The media type. */
  contentType?: string;
  /** The language. */
  contentLanguage?: string;
  /** How a browser shows it. */
  contentDisposition?: string;
  /** How its bytes are encoded. */
  contentEncoding?: string;
  /** How long proxies and browsers may keep it. */
  cacheControl?: string;
  /** When it is no longer fresh. */
  cacheExpiry?: Date;
}

/** What R2 keeps beside the bytes. */
export interface R2AttributeOptions {
  /** What those who fetch it by HTTP are told. */
  httpMetadata?: R2HttpMetadata;
  /** What else its writer noted. */
  customMetadata?: Record<string, string>;
  /** `Standard` or `InfrequentAccess`. */
  storageClass?: string;
}

/** Options of `put`. */
export interface R2PutOptions extends R2AttributeOptions {
  /** What it demands. */
  onlyIf?: R2Conditional;
}

/** Options of `list`. */
export interface R2ListOptions {
  /** The most entries. */
  limit?: number;
  /** Only keys that start with this. */
  prefix?: string;
  /** Where the page before has ended. */
  cursor?: string;
  /** What folds keys into prefixes. */
  delimiter?: string;
  /** Only keys after this one. */
  startAfter?: string;
}

/** A page of a listing. */
export interface R2Objects {
  /** The objects. */
  objects: R2Object[];
  /** The folded keys. */
  delimitedPrefixes: string[];
  /** Whether there is more. */
  truncated: boolean;
  /** Where this page has ended, where there is more. */
  cursor?: string;
}

/** A multipart upload that was started. */
export interface R2MultipartUpload {
  /** Sends a part, numbered from 1. */
  uploadPart(number: number, value: Uint8Array): Promise<R2UploadedPart>;
  /** Makes the object of its parts. */
  complete(parts: R2UploadedPart[]): Promise<R2Object>;
  /** Drops what was sent. */
  abort(): Promise<void>;
}

/** A part that R2 has. */
export interface R2UploadedPart {
  /** From 1. */
  partNumber: number;
  /** Its ETag. */
  etag: string;
}

import type { R2Bucket, R2MultipartUpload, R2Object } from "@cairn/checkpoint/r2";

/** A binding that answers as it is told, for what the real one does not do on demand. */
export function scriptedBucket(script: Partial<R2Bucket>): R2Bucket {
  const unexpected = (name: string) => () => Promise.reject(new Error(`unexpected ${name}`));
  return {
    head: unexpected("head"),
    get: unexpected("get"),
    put: unexpected("put"),
    delete: unexpected("delete"),
    list: unexpected("list"),
    createMultipartUpload: unexpected("createMultipartUpload"),
    ...script,
  };
}

/** What R2 knows of an object. */
export function r2Object(key: string, size: number, etag = "etag"): R2Object {
  return { key, size, etag, uploaded: new Date(0) };
}

/** An upload that answers as it is told. */
export function scriptedUpload(script: Partial<R2MultipartUpload>): R2MultipartUpload {
  return {
    uploadPart: (partNumber) => Promise.resolve({ partNumber, etag: `part-${partNumber}` }),
    complete: (parts) => Promise.resolve(r2Object("key", 0, `etag-${parts.length}`)),
    abort: () => Promise.resolve(),
    ...script,
  };
}

import { checkWhole, given, refuse } from "../store/_options.ts";
import type { ObjectAttributes } from "../store/store.ts";
import { utf8 } from "../store/utf8.ts";
import { base64, md5 } from "./md5.ts";

/** How S3 encrypts what it stores, and who pays: options under the AWS SDK's names. */
export interface S3RequestOptions {
  /**
   * How the server encrypts each object: with S3's own keys (`AES256`), or by
   * KMS, once or in two layers.
   * https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html
   * @default as the bucket is set
   */
  readonly serverSideEncryption?: "AES256" | "aws:kms" | "aws:kms:dsse" | undefined;
  /** The KMS key's id, ARN or alias; only with KMS. @default the account's `aws/s3` */
  readonly sseKmsKeyId?: string | undefined;
  /** Pairs that KMS binds the object to and logs, never secret; only with KMS. */
  readonly sseKmsEncryptionContext?: Readonly<Record<string, string>> | undefined;
  /** Whether S3 asks KMS once for a bucket's key and not for each object; only with `aws:kms`. @default as the bucket is set */
  readonly bucketKeyEnabled?: boolean | undefined;
  /**
   * A key of your own, of 32 bytes, that comes with each request and that S3
   * forgets: without it nobody reads the object, nor what is known of it.
   * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
   */
  readonly sseCustomerKey?: Uint8Array | undefined;
  /** The storage class of what is written, such as `INTELLIGENT_TIERING`; `attributes` of a `put` go before. @default `STANDARD` */
  readonly storageClass?: string | undefined;
  /** Says that you pay for the requests, where the bucket's owner asks for that. */
  readonly requestPayer?: "requester" | undefined;
  /** The 12 digits of the account that the bucket must belong to; another's is an `AccessError`. */
  readonly expectedBucketOwner?: string | undefined;
}

/** The headers of a store's requests, beside what each one says of its own. */
export interface RequestHeaders {
  /** Of every request; the transports add them. */
  readonly every: Readonly<Record<string, string>>;
  /** Of what reads an object or sends a part of one. */
  readonly object: Readonly<Record<string, string>>;
  /** Of what makes an object: PUT, copy, the start of an upload. */
  readonly write: Readonly<Record<string, string>>;
  /** Of a copy, for what it reads. */
  readonly copySource: Readonly<Record<string, string>>;
}

const TOKEN = /^[\w.:/=+@-]{1,2048}$/;

/**
 * Makes the headers of a store's requests.
 *
 * @throws {InvalidInputError} for options that do not fit, alone or together; no key stands in it.
 */
export function requestHeaders(options: S3RequestOptions): RequestHeaders {
  const { serverSideEncryption: algorithm, sseCustomerKey: key } = options;
  const { sseKmsKeyId, sseKmsEncryptionContext: context, bucketKeyEnabled } = options;
  const kms = { sseKmsKeyId, sseKmsEncryptionContext: context, bucketKeyEnabled };
  if (algorithm !== undefined && !/^(AES256|aws:kms(:dsse)?)$/.test(algorithm)) {
    refuse("serverSideEncryption", algorithm, "AES256, aws:kms or aws:kms:dsse");
  }
  for (const [name, value] of given(kms)) {
    if (!algorithm?.startsWith("aws:kms")) {
      refuse(name, value, "it only with serverSideEncryption aws:kms or aws:kms:dsse");
    }
  }
  if (bucketKeyEnabled && algorithm === "aws:kms:dsse") {
    refuse("bucketKeyEnabled", true, "it without aws:kms:dsse");
  }
  if (key !== undefined) {
    if (!(key instanceof Uint8Array)) refuse("sseCustomerKey", typeof key, "a Uint8Array");
    checkWhole({ "sseCustomerKey.length": key.length }, 32, 32);
    if (algorithm) refuse("serverSideEncryption", algorithm, "it or sseCustomerKey, not both");
  }
  const every = present({
    "x-amz-request-payer": checked("requestPayer", options.requestPayer, /^requester$/),
    "x-amz-expected-bucket-owner": checked(
      "expectedBucketOwner",
      options.expectedBucketOwner,
      /^\d{12}$/,
    ),
  });
  const object = customerKey("x-amz-", key);
  return {
    every,
    object,
    write: present({
      ...object,
      ...attributeHeaders({ storageClass: options.storageClass }),
      [SSE]: algorithm,
      [`${SSE}-aws-kms-key-id`]: checked("sseKmsKeyId", sseKmsKeyId, TOKEN),
      [`${SSE}-context`]: context && base64(utf8(JSON.stringify(context))),
      [`${SSE}-bucket-key-enabled`]: bucketKeyEnabled?.toString(),
    }),
    copySource: customerKey("x-amz-copy-source-", key),
  };
}

const SSE = "x-amz-server-side-encryption";

function customerKey(prefix: string, key: Uint8Array | undefined): Record<string, string> {
  if (key === undefined) return {};
  const name = `${prefix}server-side-encryption-customer-`;
  return {
    [`${name}algorithm`]: "AES256",
    [`${name}key`]: base64(key),
    [`${name}key-md5`]: base64(md5(key)),
  };
}

/**
 * The headers of what is kept beside an object's bytes.
 *
 * @throws {InvalidInputError} where one cannot be a header.
 */
export function attributeHeaders(attributes: ObjectAttributes = {}): Record<string, string> {
  const { contentType, cacheControl, storageClass } = attributes;
  return present({
    "content-type": checked("contentType", contentType, /^[\x20-\x7e]{1,255}$/),
    "cache-control": checked("cacheControl", cacheControl, /^[\x20-\x7e]{1,255}$/),
    "x-amz-storage-class": checked("storageClass", storageClass, /^\w{1,64}$/),
  });
}

/**
 * What CopyObject takes along of an object, by the headers of its GET, for a copy
 * that is made another way: no storage class, which is for each write to say. A
 * value that is no ASCII cannot be signed as it came, and is left out.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
 */
export function copiedHeaders(headers: Headers): Record<string, string> {
  const names =
    /^(content-(type|disposition|encoding|language)|cache-control|expires|x-amz-meta-.+)$/;
  return Object.fromEntries(
    [...headers].filter(([name, value]) => names.test(name) && /^[\x20-\x7e]+$/.test(value)),
  );
}

function checked(name: string, value: string | undefined, fits: RegExp): string | undefined {
  if (value !== undefined && !fits.test(value)) refuse(name, value, `text like ${fits.source}`);
  return value;
}

function present(headers: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(given(headers));
}

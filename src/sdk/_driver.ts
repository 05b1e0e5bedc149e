import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  type ServiceInputTypes,
  type ServiceOutputTypes,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { xmlOf } from "../s3/answers.ts";
import type { S3Request } from "../s3/api.ts";
import type { CredentialsSource } from "../s3/credentials.ts";
import type { S3Driver } from "../s3/driver.ts";
import { quoteETag, unquoteETag } from "../s3/headers.ts";
import { base64, md5 } from "../s3/md5.ts";
import { answerText, deleteAnswer, listAnswer } from "../s3/messages.ts";
import type { S3Settings } from "../s3/options.ts";
import { copySource } from "../s3/uri.ts";
import { given } from "../store/_options.ts";
import { streamOf } from "../store/body.ts";
import { quote } from "../store/key.ts";
import { utf8 } from "../store/utf8.ts";
import { changed, type Command, type SdkRequest } from "./_middleware.ts";
import { presignedUrl } from "./_presign.ts";
import { type Send, type Subject, unsent } from "./_requests.ts";

/** The requests of an S3 store, as commands of the SDK. */
export function createDriver(
  settings: S3Settings,
  client: () => S3Client,
  credentials: CredentialsSource | undefined,
  send: Send,
): S3Driver {
  const { bucket, dialect } = settings;
  const at = (key: string) => ({ Bucket: bucket, Key: key });

  /** Sends a command whose answer is XML. */
  async function forXml<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    make: () => Command<I, O>,
    subject: Subject,
    signal: AbortSignal,
  ) {
    return xmlOf({ bucket, ...subject }, await send(make, subject, signal));
  }

  return {
    async getObject(key, VersionId, extra, signal) {
      const make = () => new GetObjectCommand({ ...at(key), VersionId });
      const subject = { operation: "GET", key, headers: extra, isObject: true };
      const { output, headers } = await send(make, subject, signal);
      return { headers, body: output.Body?.transformToWebStream() ?? streamOf() };
    },

    async headObject(key, VersionId, headers, signal) {
      const make = () => new HeadObjectCommand({ ...at(key), VersionId });
      return (await send(make, { operation: "HEAD", key, headers }, signal)).headers;
    },

    async listObjects({ prefix, startAfter, delimiter, token, maxKeys }, signal) {
      const input = {
        Bucket: bucket,
        EncodingType: dialect.listEncoding,
        MaxKeys: maxKeys,
        Prefix: prefix,
        StartAfter: startAfter,
        Delimiter: delimiter,
        ContinuationToken: token,
      };
      const make = () => new ListObjectsV2Command(input);
      return listAnswer(await forXml(make, { operation: "list" }, signal));
    },

    async putObject(key, bytes, headers, signal) {
      const make = () => new PutObjectCommand({ ...at(key), Body: bytes });
      return (await send(make, { operation: "PUT", key, headers }, signal)).headers;
    },

    async copyObject(from, to, headers, signal) {
      const make = () => new CopyObjectCommand({ ...at(to), CopySource: copySource(bucket, from) });
      const subject = { operation: `copy ${quote(from)} to`, key: to, headers };
      const root = await forXml(make, subject, signal);
      return unquoteETag(answerText(root, "CopyObjectResult", "ETag"));
    },

    async deleteObject(key, signal) {
      await send(() => new DeleteObjectCommand(at(key)), { operation: "DELETE", key }, signal);
    },

    async deleteObjects(keys, signal) {
      const Delete = { Objects: keys.map((Key) => ({ Key })), Quiet: true };
      const make = () => new DeleteObjectsCommand({ Bucket: bucket, Delete });
      const root = await forXml(
        dialect.deleteChecksum === "content-md5" ? () => changed(make(), useContentMd5) : make,
        { operation: "DeleteObjects" },
        signal,
      );
      return deleteAnswer(root);
    },

    // Parts are sent one by one, and not by Upload of @aws-sdk/lib-storage: its
    // abort() rejects with parts in flight and the upload not yet aborted, a part
    // that fails does not cancel the source, and it only stops past part 10,000.
    async createUpload(key, headers, signal) {
      const subject = { operation: "CreateMultipartUpload", key, headers };
      const make = () => new CreateMultipartUploadCommand(at(key));
      const root = await forXml(make, subject, signal);
      return answerText(root, "InitiateMultipartUploadResult", "UploadId");
    },

    async uploadPart(key, uploadId, number, bytes, headers, signal) {
      const input = { ...at(key), UploadId: uploadId, PartNumber: number, Body: bytes };
      const subject = { operation: "UploadPart", key, headers };
      return (await send(() => new UploadPartCommand(input), subject, signal)).headers;
    },

    async uploadPartCopy(from, to, uploadId, number, headers, signal) {
      const input = {
        ...at(to),
        UploadId: uploadId,
        PartNumber: number,
        CopySource: copySource(bucket, from),
      };
      const subject = { operation: `copy ${quote(from)} to`, key: to, headers };
      const make = () => new UploadPartCopyCommand(input);
      const root = await forXml(make, subject, signal);
      return unquoteETag(answerText(root, "CopyPartResult", "ETag"));
    },

    async completeUpload(key, uploadId, parts, headers, signal) {
      const input = {
        ...at(key),
        UploadId: uploadId,
        MultipartUpload: {
          Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: quoteETag(etag) })),
        },
      };
      const subject = { operation: "CompleteMultipartUpload", key, headers };
      const make = () => new CompleteMultipartUploadCommand(input);
      const root = await forXml(make, subject, signal);
      return unquoteETag(answerText(root, "CompleteMultipartUploadResult", "ETag"));
    },

    async abortUpload(key, uploadId, signal) {
      const make = () => new AbortMultipartUploadCommand({ ...at(key), UploadId: uploadId });
      await send(make, { operation: "AbortMultipartUpload", key }, signal);
    },

    async request(request, signal) {
      const { operation, key } = request;
      const make = () => {
        // The SDK finds the endpoint, signs and sends; which command it takes for that is all one.
        const command = key === undefined
          ? new HeadBucketCommand({ Bucket: bucket })
          : new HeadObjectCommand(at(key)) as unknown as HeadBucketCommand;
        return changed(command, (sent) => retarget(sent, request));
      };
      const { status, headers, text } = await send(make, { operation, key }, signal);
      return { status, headers, text };
    },

    async presign(key, request) {
      try {
        return await presignedUrl(client(), credentials, at(key), request);
      } catch (error) {
        throw unsent(error, "presign", key);
      }
    },
  };
}

/** Makes any request of the one that a command made. */
function retarget(sent: SdkRequest, { method, query = {}, headers, body }: S3Request): void {
  sent.method = method;
  sent.query = Object.fromEntries(given(query));
  Object.assign(sent.headers, headers);
  if (body === undefined) return;
  sent.body = body;
  sent.headers["content-length"] = String(utf8(body).length);
}

// Stores that want it know no other, and two would be one too many:
// https://github.com/aws/aws-sdk-js-v3/issues/6819
function useContentMd5({ headers, body }: SdkRequest): void {
  for (const name of Object.keys(headers)) {
    if (/^x-amz-(sdk-)?checksum-/i.test(name)) delete headers[name];
  }
  const bytes = typeof body === "string" ? utf8(body) : body as Uint8Array;
  headers["content-md5"] = base64(md5(bytes));
}

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
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { CorruptError } from "../errors.ts";
import type { S3Request } from "../s3/api.ts";
import type { CredentialsSource } from "../s3/credentials.ts";
import type { S3Driver } from "../s3/driver.ts";
import { errorFrom } from "../s3/errors.ts";
import { quoteETag, unquoteETag } from "../s3/headers.ts";
import { base64, md5 } from "../s3/md5.ts";
import type { S3Settings } from "../s3/options.ts";
import { copySource } from "../s3/uri.ts";
import { carriesError, parseXml, textOf } from "../s3/xml.ts";
import { readAll, streamOf } from "../store/body.ts";
import { quote } from "../store/key.ts";
import { listAnswerOf } from "./_list_answer.ts";
import { changed, readBody, type SdkRequest } from "./_middleware.ts";
import { presignedUrl } from "./_presign.ts";
import { type Send, unsent } from "./_requests.ts";

/** The most of an answer that is read, in bytes. */
const MAX_ANSWER = 8 * 1024 * 1024;

const encoder = new TextEncoder();

/** The requests of an S3 store, as commands of the SDK. */
export function createDriver(
  settings: S3Settings,
  client: () => S3Client,
  credentials: CredentialsSource | undefined,
  send: Send,
): S3Driver {
  const { bucket, dialect } = settings;
  const at = (key: string) => ({ Bucket: bucket, Key: key });

  return {
    async getObject(key, VersionId, extra, signal) {
      const make = () => new GetObjectCommand({ ...at(key), VersionId });
      const subject = { operation: "GET", key, headers: extra };
      const { output: { Body }, headers } = await send(make, subject, signal);
      return { headers, body: Body?.transformToWebStream() ?? streamOf() };
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
      const subject = { operation: "list" };
      const { output } = await send(() => new ListObjectsV2Command(input), subject, signal);
      return listAnswerOf(output);
    },

    async putObject(key, bytes, headers, signal) {
      const make = () => new PutObjectCommand({ ...at(key), Body: bytes });
      return (await send(make, { operation: "PUT", key, headers }, signal)).headers;
    },

    async copyObject(from, to, headers, signal) {
      const make = () => new CopyObjectCommand({ ...at(to), CopySource: copySource(bucket, from) });
      const subject = { operation: `copy ${quote(from)} to`, key: to, headers };
      const { output } = await send(make, subject, signal);
      return need(output.CopyObjectResult?.ETag, "ETag", to);
    },

    async deleteObject(key, signal) {
      await send(() => new DeleteObjectCommand(at(key)), { operation: "DELETE", key }, signal);
    },

    async deleteObjects(keys, signal) {
      const Delete = { Objects: keys.map((Key) => ({ Key })), Quiet: true };
      const make = () => new DeleteObjectsCommand({ Bucket: bucket, Delete });
      const { output, headers } = await send(
        dialect.deleteChecksum === "content-md5" ? () => changed(make(), useContentMd5) : make,
        { operation: "DeleteObjects" },
        signal,
      );
      if (/html/i.test(headers.get("content-type") ?? "")) throw noAnswer("DeleteResult");
      return (output.Errors ?? []).map(({ Key, Code, Message }) => ({
        key: Key,
        code: Code,
        message: Message,
      }));
    },

    // Parts are sent one by one, and not by Upload of @aws-sdk/lib-storage: its
    // abort() rejects with parts in flight and the upload not yet aborted, a part
    // that fails does not cancel the source, and it only stops past part 10,000.
    async createUpload(key, headers, signal) {
      const subject = { operation: "CreateMultipartUpload", key, headers };
      const make = () => new CreateMultipartUploadCommand(at(key));
      return need((await send(make, subject, signal)).output.UploadId, "UploadId", key);
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
      return need((await send(make, subject, signal)).output.CopyPartResult?.ETag, "ETag", to);
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
      return need((await send(make, subject, signal)).output.ETag, "ETag", key);
    },

    async abortUpload(key, uploadId, signal) {
      const make = () => new AbortMultipartUploadCommand({ ...at(key), UploadId: uploadId });
      await send(make, { operation: "AbortMultipartUpload", key }, signal);
    },

    async request(request, signal) {
      const { operation, key } = request;
      let text = "";
      const read = async (body: unknown) => {
        const stream = client().config.sdkStreamMixin(body).transformToWebStream();
        text = new TextDecoder().decode(await readAll(stream, MAX_ANSWER));
      };
      const make = () => {
        // The SDK finds the endpoint, signs and sends; which command it takes for that is all one.
        const command = key === undefined
          ? new HeadBucketCommand({ Bucket: bucket })
          : new HeadObjectCommand(at(key)) as unknown as HeadBucketCommand;
        return readBody(changed(command, (sent) => retarget(sent, request)), read);
      };
      const { output, headers } = await send(make, { operation, key }, signal);
      const status = output.$metadata.httpStatusCode ?? 200;
      if (!carriesError(text)) return { status, headers, text };
      const root = parseXml(text);
      const [code, message] = [textOf(root, "Code"), textOf(root, "Message")];
      throw errorFrom({ operation, key, bucket, status, code, message });
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
  sent.query = Object.fromEntries(
    Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  Object.assign(sent.headers, headers);
  if (body === undefined) return;
  sent.body = body;
  sent.headers["content-length"] = String(encoder.encode(body).length);
}

// Stores that want it know no other, and two would be one too many:
// https://github.com/aws/aws-sdk-js-v3/issues/6819
function useContentMd5({ headers, body }: SdkRequest): void {
  for (const name of Object.keys(headers)) {
    if (/^x-amz-(sdk-)?checksum-/i.test(name)) delete headers[name];
  }
  const bytes = typeof body === "string" ? encoder.encode(body) : body as Uint8Array;
  headers["content-md5"] = base64(md5(bytes));
}

function need(text: string | undefined, name: string, key: string): string {
  if (text !== undefined && text !== "") return name === "ETag" ? unquoteETag(text) : text;
  throw new CorruptError(`The server's answer for ${JSON.stringify(key)} has no ${name}`, { key });
}

function noAnswer(expected: string): CorruptError {
  return new CorruptError(`The server answered HTML where <${expected}> was expected`);
}

import { streamOf } from "../store/body.ts";
import { quote } from "../store/key.ts";
import { sha256 } from "../store/sha256.ts";
import { utf8 } from "../store/utf8.ts";
import type { S3Driver } from "../s3/driver.ts";
import { unquoteETag } from "../s3/headers.ts";
import { base64, md5 } from "../s3/md5.ts";
import { answerText, completeBody, deleteAnswer, deleteBody, listAnswer } from "../s3/messages.ts";
import type { S3Settings } from "../s3/options.ts";
import { copySource } from "../s3/uri.ts";
import type { Wire, WireRequest } from "./_wire.ts";

/** The requests of an S3 store, as HTTP. */
export function createDriver({ bucket, dialect }: S3Settings, wire: Wire): S3Driver {
  async function checksumOf(bytes: Uint8Array<ArrayBuffer>): Promise<Record<string, string>> {
    if (dialect.deleteChecksum === "content-md5") return { "content-md5": base64(md5(bytes)) };
    return { "x-amz-checksum-sha256": base64(await sha256(bytes)) };
  }

  /** Sends a request for its answer's headers. */
  const forHeaders = async (request: WireRequest, signal: AbortSignal) =>
    (await wire.sendForText(request, signal)).headers;

  /** Sends a copy, of a whole or a part; gives its ETag. */
  async function copy(
    from: string,
    { headers, ...request }: Pick<WireRequest, "key" | "query" | "headers">,
    result: string,
    signal: AbortSignal,
  ): Promise<string> {
    const source = { ...headers, "x-amz-copy-source": copySource(bucket, from) };
    const operation = `copy ${quote(from)} to`;
    const root = await wire.sendForXml(
      { method: "PUT", ...request, headers: source, operation },
      signal,
    );
    return unquoteETag(answerText(root, result, "ETag"));
  }

  return {
    async getObject(key, versionId, headers, signal) {
      const query = { versionId };
      const response = await wire.send({ method: "GET", key, query, headers }, signal);
      const body = response.body as ReadableStream<Uint8Array<ArrayBuffer>> | null;
      return { headers: response.headers, body: body ?? streamOf() };
    },

    headObject: (key, versionId, headers, signal) =>
      forHeaders({ method: "HEAD", key, query: { versionId }, headers }, signal),

    async listObjects({ prefix, startAfter, delimiter, token, maxKeys }, signal) {
      const query = {
        "list-type": "2",
        "encoding-type": dialect.listEncoding,
        "max-keys": String(maxKeys),
        prefix,
        "start-after": startAfter,
        delimiter,
        "continuation-token": token,
      };
      return listAnswer(
        await wire.sendForXml({ method: "GET", query, operation: "list" }, signal),
      );
    },

    putObject: (key, body, headers, signal) =>
      forHeaders({ method: "PUT", key, headers, body }, signal),

    copyObject: (from, to, headers, signal) =>
      copy(from, { key: to, headers }, "CopyObjectResult", signal),

    async deleteObject(key, signal) {
      await forHeaders({ method: "DELETE", key }, signal);
    },

    async deleteObjects(keys, signal) {
      const body = utf8(deleteBody(keys));
      const headers = await checksumOf(body);
      const query = { delete: "" };
      const operation = "DeleteObjects";
      return deleteAnswer(
        await wire.sendForXml({ method: "POST", query, headers, body, operation }, signal),
      );
    },

    async createUpload(key, headers, signal) {
      const operation = "CreateMultipartUpload";
      const query = { uploads: "" };
      const root = await wire.sendForXml(
        { method: "POST", key, query, headers, operation },
        signal,
      );
      return answerText(root, "InitiateMultipartUploadResult", "UploadId");
    },

    uploadPart(key, uploadId, number, body, headers, signal) {
      const query = partQuery(uploadId, number);
      const operation = "UploadPart";
      return forHeaders({ method: "PUT", key, query, headers, body, operation }, signal);
    },

    uploadPartCopy(from, key, uploadId, number, headers, signal) {
      const query = partQuery(uploadId, number);
      return copy(from, { key, query, headers }, "CopyPartResult", signal);
    },

    async completeUpload(key, uploadId, parts, headers, signal) {
      const root = await wire.sendForXml({
        method: "POST",
        key,
        query: { uploadId },
        headers,
        body: completeBody(parts),
        operation: "CompleteMultipartUpload",
      }, signal);
      return unquoteETag(answerText(root, "CompleteMultipartUploadResult", "ETag"));
    },

    async abortUpload(key, uploadId, signal) {
      const operation = "AbortMultipartUpload";
      await forHeaders({ method: "DELETE", key, query: { uploadId }, operation }, signal);
    },

    request: wire.sendForText,

    presign: wire.presign,
  };
}

function partQuery(uploadId: string, number: number): Record<string, string> {
  return { partNumber: String(number), uploadId };
}

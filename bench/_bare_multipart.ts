import { AwsClient } from "aws4fetch";
import { PART_SIZE, PARTS_IN_FLIGHT, type UploadStream } from "./_parts.ts";
import type { Server } from "./_server.ts";

/**
 * A multipart upload by aws4fetch and fetch, and nothing over them: no retries,
 * no checks, each buffer used again and given to fetch as it is.
 */
export function bareMultipart(server: Server): UploadStream {
  const client = new AwsClient({ ...server.credentials, region: server.region, service: "s3" });
  return async (key, stream) => {
    const url = `${server.endpoint}/${server.bucket}/${key}`;
    const send = async (method: string, query: string, body?: BodyInit) => {
      const { url: signed, headers } = await client.sign(`${url}?${query}`, {
        method,
        headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
      });
      const response = await fetch(signed, { method, headers, ...(body && { body }) });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${key}?${query}: ${response.status} ${text}`);
      return { text, etag: response.headers.get("etag") };
    };
    const { text } = await send("POST", "uploads");
    const uploadId = /<UploadId>(.*?)<\/UploadId>/.exec(text)![1]!;
    const etags: (string | null)[] = [];
    let parts = 0;
    // The stream is read by one at a time, and what was read is sent by all at once.
    let reading: Promise<unknown> = Promise.resolve();
    const pieces = stream[Symbol.asyncIterator]();
    let rest = new Uint8Array(0);
    const fill = async (buffer: Uint8Array) => {
      let length = 0;
      while (length < buffer.length) {
        if (rest.length === 0) {
          const { done, value } = await pieces.next();
          if (done) break;
          rest = value as Uint8Array<ArrayBuffer>;
        }
        const taken = rest.subarray(0, buffer.length - length);
        buffer.set(taken, length);
        length += taken.length;
        rest = rest.subarray(taken.length);
      }
      return { length, number: length === 0 ? 0 : ++parts };
    };
    const work = async () => {
      const buffer = new Uint8Array(PART_SIZE);
      for (;;) {
        const filled = reading.then(() => fill(buffer));
        reading = filled;
        const { length, number } = await filled;
        if (length === 0) return;
        const query = `partNumber=${number}&uploadId=${uploadId}`;
        etags[number - 1] = (await send("PUT", query, buffer.subarray(0, length))).etag;
      }
    };
    await Promise.all(Array.from({ length: PARTS_IN_FLIGHT }, work));
    const list = etags.map((etag, index) =>
      `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`
    );
    const body = `<CompleteMultipartUpload>${list.join("")}</CompleteMultipartUpload>`;
    await send("POST", `uploadId=${uploadId}`, body);
  };
}

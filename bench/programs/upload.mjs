/** The AWS SDK alone, with no store over it: what ours is compared with. */

import { S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { storeOptions } from "./serve.mjs";

/** How the parts of an upload are sent: the same for all that are compared. */
export const PART_SIZE = 8 * 2 ** 20, PARTS_IN_FLIGHT = 4;

export const { bucket, ...options } = storeOptions();

export const client = new S3Client({
  ...options,
  requestChecksumCalculation: "WHEN_REQUIRED",
  responseChecksumValidation: "WHEN_REQUIRED",
});

/** Sends bytes or a stream under a key by lib-storage. */
export async function upload(key, body) {
  const params = { Bucket: bucket, Key: key, Body: body };
  await new Upload({ client, params, partSize: PART_SIZE, queueSize: PARTS_IN_FLIGHT }).done();
}

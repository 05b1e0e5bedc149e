import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { changed } from "./_middleware.ts";

/** What a presigned URL allows, and for how many seconds. */
export interface UrlOptions {
  readonly method: "GET" | "PUT";
  readonly query: Readonly<Record<string, string>>;
  readonly expiresIn: number;
}

/** Signs a URL; no request is sent for it. */
export async function presignedUrl(
  client: S3Client,
  place: { Bucket: string; Key: string },
  { method, query, expiresIn }: UrlOptions,
): Promise<string> {
  const signer = withoutChecksums(client);
  const url = method === "PUT"
    ? await getSignedUrl(signer, new PutObjectCommand(place), { expiresIn })
    : await getSignedUrl(
      signer,
      changed(new GetObjectCommand(place), (request) => Object.assign(request.query, query)),
      { expiresIn },
    );
  return url;
}

// A client given to us may sum up each PUT, which here is one of no bytes, and
// ask for the sums of each GET: whoever uses the URL would have to match them.
function withoutChecksums({ config, middlewareStack }: S3Client): S3Client {
  const whenRequired = () => Promise.resolve("WHEN_REQUIRED" as const);
  return Object.assign(Object.create(S3Client.prototype), {
    middlewareStack,
    config: {
      ...config,
      requestChecksumCalculation: whenRequired,
      responseChecksumValidation: whenRequired,
    },
  });
}

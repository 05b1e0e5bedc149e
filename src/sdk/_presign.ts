import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { CredentialsSource } from "../s3/credentials.ts";
import type { S3Credentials } from "../s3/options.ts";
import { checkSession, type UrlRequest } from "../s3/presign.ts";
import { changed } from "./_middleware.ts";

/** Signs a URL; no request is sent for it. */
export async function presignedUrl(
  client: S3Client,
  source: CredentialsSource | undefined,
  place: { Bucket: string; Key: string },
  { method, query, headers, expiresIn }: UrlRequest,
): Promise<string> {
  const identity = await identityFor(client, source, expiresIn);
  // By the server's clock, as far as an answer has told it.
  const now = Date.now() + (client.config.systemClockOffset ?? 0);
  checkSession(expiresIn, identity.expiration, now);
  const signer = signerOf(client, identity);
  const command = method === "PUT" ? new PutObjectCommand(place) : new GetObjectCommand(place);
  const names = new Set(Object.keys(headers));
  return await getSignedUrl(
    signer,
    changed(command as GetObjectCommand, (request) => {
      Object.assign(request.query, query);
      Object.assign(request.headers, headers);
    }),
    // In the URL, a server may take a header for none.
    { expiresIn, signingDate: new Date(now), signableHeaders: names, unhoistableHeaders: names },
  );
}

/** Credentials that hold for so many seconds, where there are such. */
async function identityFor(
  { config }: S3Client,
  source: CredentialsSource | undefined,
  seconds: number,
): Promise<S3Credentials> {
  if (source !== undefined) return await source.get(seconds * 1000);
  const identity = await config.credentials();
  const left = (identity.expiration?.getTime() ?? Infinity) - Date.now();
  return left < seconds * 1000 ? await config.credentials({ forceRefresh: true }) : identity;
}

// A client given to us may sum up each PUT, which here is one of no bytes, and
// ask for the sums of each GET: whoever uses the URL would have to match them.
function signerOf({ config, middlewareStack }: S3Client, identity: S3Credentials): S3Client {
  const whenRequired = () => Promise.resolve("WHEN_REQUIRED" as const);
  return Object.assign(Object.create(S3Client.prototype), {
    middlewareStack,
    config: {
      ...config,
      // Those that were checked, and no others meanwhile.
      credentials: () => Promise.resolve(identity),
      requestChecksumCalculation: whenRequired,
      responseChecksumValidation: whenRequired,
    },
  });
}

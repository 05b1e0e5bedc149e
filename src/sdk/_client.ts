import { S3Client } from "@aws-sdk/client-s3";
import type { CredentialsSource } from "../s3/credentials.ts";
import { isArn } from "../s3/endpoint.ts";
import type { S3Credentials, S3Options, S3Settings } from "../s3/options.ts";
import { sendGetsByFetch } from "./_fetch_gets.ts";

/**
 * Makes a client that signs and sends, and leaves attempts and timeouts to us.
 * Without an endpoint, the SDK finds that of a region, an access point or a
 * directory bucket itself; without credentials, it looks along its own chain.
 */
export function createClient(
  { bucket, region, pathStyle }: S3Settings,
  { endpoint, useAccelerateEndpoint, useDualstackEndpoint, useFipsEndpoint }: S3Options,
  credentials: CredentialsSource | undefined,
  maxSockets: number,
): S3Client {
  const client = new S3Client({
    region,
    forcePathStyle: pathStyle && !isArn(bucket),
    // With a bucket in the host name, a slash at the end would be one too many.
    ...(endpoint !== undefined && { endpoint: endpoint.replace(/\/+$/, "") }),
    ...(useAccelerateEndpoint !== undefined && { useAccelerateEndpoint }),
    ...(useDualstackEndpoint !== undefined && { useDualstackEndpoint }),
    ...(useFipsEndpoint !== undefined && { useFipsEndpoint }),
    ...(credentials !== undefined && { credentials: memoized(() => credentials.get()) }),
    maxAttempts: 1,
    // Many stores refuse the checksums that the SDK adds of its own accord.
    // https://github.com/aws/aws-sdk-js-v3/issues/6810
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // It would cost each part a round trip and a connection of its own.
    expectContinueHeader: false,
    requestHandler: { httpAgent: { maxSockets }, httpsAgent: { maxSockets } },
  });
  sendGetsByFetch(client);
  return client;
}

// The mark keeps the SDK from holding credentials itself: it would never ask
// again for such as have no `expiration`, also where the store calls them expired.
function memoized(read: () => Promise<S3Credentials>) {
  const provider = async () => {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = await read();
    return {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
      ...(expiration !== undefined && { expiration }),
    };
  };
  return Object.assign(provider, { memoized: true });
}

import { S3Client } from "@aws-sdk/client-s3";
import type { CredentialsSource } from "../s3/credentials.ts";
import type { S3Credentials, S3Settings } from "../s3/options.ts";

/** What a client of ours is made of, beside the settings. */
export interface ClientOptions {
  /** As it was given: without one, the SDK finds that of a region or a directory bucket itself. */
  readonly endpoint: string | undefined;
  /** Without one, the SDK's default chain. */
  readonly credentials: CredentialsSource | undefined;
  readonly maxSockets: number;
}

/** Makes a client that signs and sends, and leaves attempts and timeouts to us. */
export function createClient(
  { region, pathStyle }: S3Settings,
  { endpoint, credentials, maxSockets }: ClientOptions,
): S3Client {
  return new S3Client({
    region,
    forcePathStyle: pathStyle,
    ...(endpoint !== undefined && { endpoint }),
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

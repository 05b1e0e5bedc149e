import { refuse } from "../store/_options.ts";

/** Which of AWS's endpoints is spoken to: options under the AWS SDK's names. */
export interface EndpointOptions {
  /**
   * Whether requests go to the nearest edge location, for a bucket that has
   * Transfer Acceleration on.
   * https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration.html
   * @default false
   */
  readonly useAccelerateEndpoint?: boolean | undefined;
  /** Whether the endpoint is the one with IPv6. @default false */
  readonly useDualstackEndpoint?: boolean | undefined;
  /** Whether the endpoint is the one with FIPS 140 validated cryptography. @default false */
  readonly useFipsEndpoint?: boolean | undefined;
}

/** An access point's ARN, taken apart. */
const ACCESS_POINT =
  /^arn:(aws[a-z-]*):s3:([a-z0-9-]+):(\d{12}):accesspoint[/:]([a-z0-9][a-z0-9-]{1,48}[a-z0-9])$/;

/** Whether a bucket is given as an ARN. */
export function isArn(bucket: string): boolean {
  return bucket.startsWith("arn:");
}

/**
 * What AWS's host names in a region end in: China and the European Sovereign Cloud
 * have their own. https://docs.aws.amazon.com/general/latest/gr/s3.html
 */
export function domainOf(region: string): string {
  return region.startsWith("eusc-")
    ? "amazonaws.eu"
    : `amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}

/**
 * Finds AWS's endpoint of a bucket or an access point, its name in the host
 * where it can stand there.
 * https://docs.aws.amazon.com/general/latest/gr/s3.html
 *
 * @throws {InvalidInputError} for options that do not go together.
 */
export function awsEndpoint(
  bucket: string,
  region: string,
  pathStyle: boolean,
  { useAccelerateEndpoint: fast, useDualstackEndpoint: dual, useFipsEndpoint: fips }:
    EndpointOptions,
): string {
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
  const china = region.startsWith("cn-");
  const domain = domainOf(region);
  const [safe, stack] = [fips ? "-fips" : "", dual ? ".dualstack" : ""];
  if (fips && china) refuse("useFipsEndpoint", true, "it for a region outside China");
  if (fast) {
    if (fips || pathStyle || isArn(bucket) || china) {
      refuse(
        "useAccelerateEndpoint",
        true,
        "it without useFipsEndpoint, forcePathStyle, an access point, a dot in the bucket's name " +
          "or a region in China",
      );
    }
    return `https://${bucket}.s3-accelerate${stack}.${domain}`;
  }
  if (!isArn(bucket)) {
    const host = `s3${safe}${stack}.${region}.${domain}`;
    return pathStyle ? `https://${host}/${bucket}` : `https://${bucket}.${host}`;
  }
  const [, , there, account, name] = ACCESS_POINT.exec(bucket) ?? refuse(
    "bucket",
    bucket,
    'the ARN of an access point, "arn:aws:s3:{region}:{account}:accesspoint/{name}"',
  );
  if (there !== region) refuse("region", region, `that of the access point, "${there}"`);
  return `https://${name}-${account}.s3-accesspoint${safe}${stack}.${region}.${domain}`;
}

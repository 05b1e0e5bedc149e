import { awsEndpoint, type EndpointOptions, isArn } from "./endpoint.ts";
import { type RequestHeaders, requestHeaders, type S3RequestOptions } from "./request_headers.ts";
import { MAX_PART_SIZE, MIB, MIN_PART_SIZE } from "../store/limits.ts";
import { checkWhole, refuse } from "../store/_options.ts";
import type { PolicyOptions } from "../store/policy.ts";
import type { StoreCapabilities } from "../store/store.ts";
import { capabilitiesOf, type Dialect, dialectFor, type DialectName } from "./dialect.ts";

/** A key pair of AWS or of a store that signs as AWS does. */
export interface S3Credentials {
  /** The public half. */
  readonly accessKeyId: string;
  /** The secret half. */
  readonly secretAccessKey: string;
  /** The token of temporary credentials. */
  readonly sessionToken?: string | undefined;
  /** When they end; a provider is asked again shortly before. @default never */
  readonly expiration?: Date | undefined;
}

/** Gives credentials: asked when they are first needed, and again shortly before they end. */
export type S3CredentialsProvider = () => Promise<S3Credentials>;

/** What both S3 transports take, under the AWS SDK's names. */
export interface S3Options extends PolicyOptions, S3RequestOptions, EndpointOptions {
  /** The bucket, or on AWS the ARN of an access point. It must be there already. */
  readonly bucket: string;
  /** The bucket's region. @default "us-east-1"; "auto" on R2 */
  readonly region?: string | undefined;
  /** The server's URL, without the bucket. @default AWS in `region` */
  readonly endpoint?: string | undefined;
  /**
   * Whether the bucket stands in the path and not in the host name. One whose
   * name cannot be a part of a host name always does.
   * @default true, but on AWS false
   */
  readonly forcePathStyle?: boolean | undefined;
  /** Credentials, or what gives them. */
  readonly credentials?: S3Credentials | S3CredentialsProvider | undefined;
  /** Whose S3 it is. @default told from `endpoint` */
  readonly dialect?: DialectName | undefined;
  /**
   * What `probe` found out about the bucket, where it differs from the dialect.
   * Without it, and with the dialect `unknown`, the first create is sent twice:
   * a server that takes both ignores conditions, and is sent no other.
   */
  readonly capabilities?: Partial<StoreCapabilities> | undefined;
  /** The most bytes of a body that go in one request. @default 8 MiB */
  readonly multipartThreshold?: number | undefined;
  /**
   * The length of each part of a multipart upload but the last, in bytes: from
   * 5 MiB to 5 GiB. There are 10,000 at most, so that a stream of unknown
   * length may have 80 GiB at the default.
   * @default 8 MiB
   */
  readonly partSize?: number | undefined;
  /** The most parts of one upload that are sent, and held in memory, at once. @default 4 */
  readonly partsInFlight?: number | undefined;
}

/** S3 options with every default filled in. */
export interface S3Settings {
  readonly bucket: string;
  readonly region: string;
  /** The URL of the bucket, without a slash at its end; it may have a base path. */
  readonly url: string;
  readonly pathStyle: boolean;
  readonly headers: RequestHeaders;
  readonly dialect: Dialect;
  readonly capabilities: StoreCapabilities;
  /** Whether the dialect or the user has said that conditions are honoured, or that they are not. */
  readonly sure: boolean;
  readonly multipartThreshold: number;
  readonly partSize: number;
  readonly partsInFlight: number;
}

const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/;
const HOST_LABEL = /^[a-z0-9-]{3,63}$/;
const REGION = /^[A-Za-z0-9-]{1,63}$/;
const IP = /^(\[.*\]|\d+\.\d+\.\d+\.\d+)$/;

/**
 * Checks options, and fills in the defaults.
 *
 * @throws {InvalidInputError} that names the option, its value and what fits.
 */
export function resolveS3Options(options: S3Options): S3Settings {
  const {
    bucket,
    forcePathStyle,
    multipartThreshold = 8 * MIB,
    partSize = 8 * MIB,
    partsInFlight = 4,
  } = options;
  const known = typeof bucket === "string" && (BUCKET.test(bucket) || isArn(bucket));
  if (!known || bucket.includes("..")) {
    refuse("bucket", bucket, "a name of 3 to 255 letters, digits, dots and hyphens");
  }
  const given = options.endpoint === undefined ? undefined : checkEndpoint(options.endpoint);
  const dialect = dialectFor(given, options.dialect);
  if (given === undefined && dialect.name !== "aws") {
    refuse("endpoint", undefined, `the server's URL`);
  }
  const region = options.region ?? dialect.region;
  checkRegion(region);
  checkWhole({ partSize }, MIN_PART_SIZE, MAX_PART_SIZE);
  checkWhole({ multipartThreshold }, 0, MAX_PART_SIZE);
  checkWhole({ partsInFlight }, 1, 1000);
  // An address has no subdomains, and a certificate for *.host covers no second dot.
  const pathStyle = IP.test(given?.hostname ?? "") || !(HOST_LABEL.test(bucket) || isArn(bucket)) ||
    (forcePathStyle ?? dialect.pathStyle);
  if (isArn(bucket) && (given ?? forcePathStyle)) {
    refuse("bucket", bucket, "the ARN of an access point without endpoint and forcePathStyle");
  }
  if (given && !given.protocol.endsWith("s:") && options.sseCustomerKey && !isLocal(given)) {
    refuse("endpoint", given.href, "an https: URL with sseCustomerKey");
  }
  return {
    bucket,
    region,
    url: given
      ? urlIn(given, bucket, pathStyle, options)
      : awsEndpoint(bucket, region, pathStyle, options),
    pathStyle,
    headers: requestHeaders(options),
    dialect,
    capabilities: capabilitiesOf(bucket, dialect, options.capabilities),
    sure: dialect.name !== "unknown" || !!options.capabilities,
    multipartThreshold,
    partSize,
    partsInFlight,
  };
}

/**
 * Checks options: an empty bucket, a bad endpoint, a part size out of range.
 *
 * @throws {InvalidInputError} that names the option, its value and what fits.
 */
export function checkS3Options(options: S3Options): void {
  resolveS3Options(options);
}

/** Checks a region's name. */
export function checkRegion(region: string): void {
  if (typeof region !== "string" || !REGION.test(region)) {
    refuse("region", region, `a name, such as "us-east-1"`);
  }
}

/** Checks a server's URL. */
export function checkEndpoint(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (
    !url || !/^https?:$/.test(url.protocol) || url.username + url.password + url.search + url.hash
  ) {
    // What stands before an @ may be a password.
    refuse(
      "endpoint",
      String(endpoint).replace(/[^]*@/, "...@"),
      "an https: or http: URL without a query, a fragment, a user name or a password",
    );
  }
  return url;
}

/** The bucket's URL on a server that was named. */
function urlIn(
  endpoint: URL,
  bucket: string,
  pathStyle: boolean,
  options: EndpointOptions,
): string {
  for (
    const name of ["useAccelerateEndpoint", "useDualstackEndpoint", "useFipsEndpoint"] as const
  ) if (options[name]) refuse(name, true, "it without endpoint");
  const base = `${endpoint.origin}${endpoint.pathname.replace(/\/+$/, "")}`;
  return pathStyle ? `${base}/${bucket}` : base.replace("://", `://${bucket}.`);
}

function isLocal({ hostname }: URL): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

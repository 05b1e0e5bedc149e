import { refuse } from "../store/_options.ts";
import { checkKey } from "../store/key.ts";
import { KNOWN_PARTITION } from "./_arn.ts";
import type { IamPolicyOptions } from "./policy.ts";

const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/;
const ACCESS_POINT =
  /^arn:(aws|aws-cn|aws-us-gov):s3:[a-z0-9-]*:\d{12}:accesspoint\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** What a policy reads as a pattern or a variable. */
export const PATTERN = /[*?]|\$\{/;
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html
const FOREIGN = /[^\u0020-\u00ff]/;

/** Where a policy's actions are allowed: patterns for the resources, and for what may be listed. */
export interface Places {
  readonly bucket: string;
  readonly object: (name: string) => string;
  readonly prefixes: readonly string[];
  readonly probe: string;
  readonly metrics: string;
}

/** The places that options name. */
export function placesOf(options: IamPolicyOptions): Places {
  const { bucket, prefix = "cairn/", probePrefix = "cairn-probe/", partition } = options;
  const { metricsNamespace: metrics = "Cairn" } = options;
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
  if (typeof metrics !== "string" || !/^[\w.#/ -]{1,255}$/.test(metrics)) {
    refuse("metricsNamespace", metrics, "1 to 255 letters, digits, spaces and . _ - / #");
  }
  const given = typeof prefix === "string" ? [prefix] : prefix;
  if (!Array.isArray(given) || given.length === 0) refuse("prefix", prefix, "a folder, or several");
  const folders = [...new Set(given.map((each) => folderOf("prefix", each)))].sort();
  // What lies in another of them needs no word of its own.
  const prefixes = folders.filter((folder) =>
    !folders.some((other) => other !== folder && folder.startsWith(other))
  );
  const probe = folderOf("probePrefix", probePrefix);
  if (typeof bucket === "string" && ACCESS_POINT.test(bucket)) {
    const own = KNOWN_PARTITION.exec(bucket)![1];
    if (partition !== undefined && partition !== own) refuse("partition", partition, own!);
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html
    return { bucket, object: (name) => `${bucket}/object/${name}`, prefixes, probe, metrics };
  }
  if (typeof bucket !== "string" || !BUCKET.test(bucket)) {
    refuse("bucket", bucket, "a bucket's name, or the ARN of an access point, without a pattern");
  }
  if (bucket.endsWith("--x-s3")) {
    refuse(
      "bucket",
      bucket,
      "one that is no directory bucket: those are entered whole, by s3express:CreateSession",
    );
  }
  if (partition !== undefined && !KNOWN_PARTITION.test(`arn:${partition}:`)) {
    refuse("partition", partition, "aws, aws-cn or aws-us-gov");
  }
  const arn = `arn:${partition ?? "aws"}:s3:::${bucket}`;
  return { bucket: arn, object: (name) => `${arn}/${name}`, prefixes, probe, metrics };
}

/** A folder as text that no policy reads as anything else; it ends in a slash, so that `a` is not `ab`. */
function folderOf(name: string, prefix: string): string {
  if (prefix === "") return prefix;
  if (typeof prefix !== "string") refuse(name, prefix, "a string");
  if (PATTERN.test(prefix)) {
    refuse(name, prefix, "one without *, ? and ${: a policy would read them as a pattern");
  }
  if (FOREIGN.test(prefix)) {
    refuse(name, prefix, "one of the characters up to U+00FF: a policy holds no others");
  }
  const folder = prefix.endsWith("/") ? prefix : `${prefix}/`;
  checkKey(`${folder}x`);
  return folder;
}

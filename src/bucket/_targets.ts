import type { DialectName } from "../s3/dialect.ts";
import { refuse } from "../store/_options.ts";
import { type Arn, isAccount, parseArn } from "./_arn.ts";

/** What S3 notifies, and how its configuration and its policy call it. */
export interface Target extends Arn {
  readonly service: "sqs" | "sns" | "lambda";
}

/** A service that S3 notifies. */
interface TargetService {
  /** The element of one configuration. */
  readonly configuration: string;
  /** The element in it that has the ARN. */
  readonly element: string;
  /** What it must allow. */
  readonly action: string;
  /** What its resources are called. */
  readonly resource: RegExp;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_NotificationConfiguration.html */
export const SERVICES: Readonly<Record<Target["service"], TargetService>> = {
  sqs: {
    configuration: "QueueConfiguration",
    element: "Queue",
    action: "sqs:SendMessage",
    resource: /^[\w-]{1,80}$/,
  },
  sns: {
    configuration: "TopicConfiguration",
    element: "Topic",
    action: "sns:Publish",
    resource: /^[\w-]{1,256}$/,
  },
  lambda: {
    configuration: "CloudFunctionConfiguration",
    element: "CloudFunction",
    action: "lambda:InvokeFunction",
    resource: /^function:[\w-]{1,64}(:(\$LATEST|[\w-]{1,128}))?$/,
  },
};

const WAY = "the ARN of a queue, a topic or a function, " +
  "such as arn:aws:sqs:eu-central-1:123456789012:queue";

/**
 * A target by its ARN.
 *
 * @throws {InvalidInputError} where it is none, or S3 cannot notify it.
 */
export function parseTarget(text: string, name: string, dialect: DialectName = "aws"): Target {
  const arn = parseArn(text, name, WAY);
  const { service, resource } = arn;
  if (!isTarget(arn)) refuse(name, text, WAY);
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
  if (resource.endsWith(".fifo")) {
    refuse(name, text, "a standard queue or topic: S3 notifies no FIFO ones; EventBridge can");
  }
  // Those of MinIO and Ceph stand for an endpoint that the server is configured with.
  if (dialect === "minio" || dialect === "ceph") return arn;
  const { region, account } = arn;
  if (!SERVICES[service as Target["service"]].resource.test(resource)) refuse(name, text, WAY);
  if (region === "" || !isAccount(account)) {
    refuse(name, text, "an ARN with a region and an account of twelve digits");
  }
  return arn;
}

function isTarget(arn: Arn): arn is Target {
  return Object.hasOwn(SERVICES, arn.service);
}

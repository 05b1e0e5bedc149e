import { refuse } from "../store/_options.ts";

/** The parts of an ARN: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
export interface Arn {
  readonly text: string;
  readonly partition: string;
  readonly service: string;
  /** Empty for what has none, as a bucket or a role. */
  readonly region: string;
  /** Empty for what has none, as a bucket. */
  readonly account: string;
  readonly resource: string;
}

const ARN = /^arn:([a-z][a-z-]*):([a-z0-9-]+):([a-z0-9-]*):([\w-]*):([!-~]{1,512})$/;

/** Takes an ARN apart. @throws {InvalidInputError} where it is none. */
export function parseArn(text: string, name: string, way: string): Arn {
  const parts = typeof text === "string" ? ARN.exec(text) : null;
  if (parts === null) refuse(name, text, way);
  const [, partition, service, region, account, resource] = parts as unknown as string[];
  return {
    text,
    partition: partition!,
    service: service!,
    region: region!,
    account: account!,
    resource: resource!,
  };
}

/** What an ARN begins with in the partitions that IAM policies are made for here. */
export const KNOWN_PARTITION = /^arn:(aws|aws-cn|aws-us-gov):/;

/** Whether it is the id of an account of AWS. */
export function isAccount(text: unknown): text is string {
  return typeof text === "string" && /^\d{12}$/.test(text);
}

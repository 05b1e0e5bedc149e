import { refuse } from "../store/_options.ts";
import { KNOWN_PARTITION } from "./_arn.ts";
import { PATTERN } from "./_policy_places.ts";
import type { IamAttachment, IamPolicyOptions, IamStatement } from "./policy.ts";

/** Refuses what does not go with a principal, and what does not go without. */
export function checkPrincipal(options: IamPolicyOptions, attachment: IamAttachment): void {
  const { principal, sourceArn, uses } = options;
  const isService = typeof principal === "object" && "Service" in principal;
  if (principal === undefined) {
    if (attachment === "bucket") {
      refuse("principal", principal, "who may, in a bucket's own policy");
    }
  } else {
    const names = typeof principal === "object" ? Object.entries(principal ?? {}) : [];
    const [[kind, name] = []] = names;
    const fits = principal === "*" ||
      (names.length === 1 && /^(AWS|Service)$/.test(kind!) && /^[\w:/+=,.@-]+$/.test(`${name}`));
    if (!fits) refuse("principal", JSON.stringify(principal), '"*", { AWS } or { Service }');
    if (attachment !== "bucket") refuse("attachment", attachment, '"bucket" with a principal');
    if (Array.isArray(uses) && uses.includes("metrics")) {
      refuse(
        "uses",
        "metrics",
        "none of it with a principal: a bucket's policy is about the bucket",
      );
    }
    for (const name of ["kmsKeyArn", "clientKeyArn", "replicationRoleArn"] as const) {
      if (options[name] === undefined) continue;
      refuse(name, options[name], "none with a principal: a bucket's policy is about the bucket");
    }
  }
  const arn = typeof sourceArn === "string" && KNOWN_PARTITION.test(sourceArn) &&
    !PATTERN.test(sourceArn);
  // Anybody's distribution would do otherwise.
  if (isService !== arn) {
    refuse(
      "sourceArn",
      sourceArn,
      "the ARN of what a Service asks for, and none without a Service",
    );
  }
}

/** A statement about the principal, where there is one. */
export function withPrincipal(
  { Sid, Effect, Condition = {}, ...rest }: IamStatement,
  { principal, sourceArn }: IamPolicyOptions,
): IamStatement {
  const conditions = sourceArn === undefined
    ? Condition
    : { ...Condition, StringEquals: { "AWS:SourceArn": sourceArn } };
  return {
    Sid,
    Effect,
    ...(principal === undefined ? {} : { Principal: principal }),
    ...rest,
    ...(Object.keys(conditions).length === 0 ? {} : { Condition: conditions }),
  };
}

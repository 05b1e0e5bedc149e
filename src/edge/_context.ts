import type { S3Settings } from "../s3/options.ts";
import type { Policy } from "../store/policy.ts";
import type { Wire } from "./_wire.ts";

/** What every operation of an edge store works with. */
export interface EdgeContext {
  readonly name: string;
  readonly settings: S3Settings;
  readonly policy: Policy;
  readonly wire: Wire;
}

import type { Policy } from "../store/policy.ts";
import type { S3Driver } from "./driver.ts";
import type { S3Settings } from "./options.ts";

/** What every operation of an S3 store works with. */
export interface S3Context {
  readonly name: string;
  readonly settings: S3Settings;
  readonly policy: Policy;
  readonly driver: S3Driver;
}

import type { Policy } from "../store/policy.ts";
import type { CallOptions } from "../store/store.ts";
import type { S3Driver } from "./driver.ts";
import type { S3Settings } from "./options.ts";

/** What every operation of an S3 store works with. */
export interface S3Context {
  readonly name: string;
  readonly settings: S3Settings;
  readonly policy: Policy;
  readonly driver: S3Driver;
  /** Runs a request under the policy, as its caller's options say. */
  run<T>(attempt: (signal: AbortSignal) => Promise<T>, options?: CallOptions): Promise<T>;
}

export * from "./src/errors.ts";
export * from "./src/store/store.ts";
export { createPolicy, isRetryable } from "./src/store/policy.ts";
export type { Policy, PolicyComponents, PolicyOptions, RetryOptions } from "./src/store/policy.ts";
export { checkKey, MAX_KEY_BYTES } from "./src/store/key.ts";
export { getBytes } from "./src/store/body.ts";
export { memoryStore } from "./src/store/memory_store.ts";

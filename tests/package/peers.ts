import type { Versions } from "./npm.ts";

/**
 * The oldest versions of what users have beside the package, by which it was
 * passed in `tests/runtimes`: package.json takes them and what is compatible.
 * The newest are deno.lock's. Who has pinned an SDK need not change it. Below 3.826 the SDK neither
 * follows the server's clock nor renews credentials that the store calls expired.
 *
 * `@langchain/langgraph-checkpoint` is not here: the saver speaks the language
 * of the newest one, which every LangGraph of the last half year runs with.
 */
export const OLDEST_PEERS: Versions = {
  "@aws-sdk/client-s3": "3.826.0",
  "@aws-sdk/s3-request-presigner": "3.826.0",
  // The oldest that the newest LangGraph takes.
  "@langchain/core": "1.3.4",
};

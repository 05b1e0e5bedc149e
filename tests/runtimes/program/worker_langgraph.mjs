/**
 * The Worker that runs the LangGraph round trip, under `nodejs_compat`. A
 * Worker's bundler takes LangGraph's entry for browsers, which leaves it to the
 * application to bring the AsyncLocalStorage that `interrupt` stands on
 * (https://github.com/langchain-ai/langgraphjs/issues/879).
 */

import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { AsyncLocalStorage } from "node:async_hooks";
import { roundTrip } from "./round_trip.mjs";
import { respond } from "./worker_stores.mjs";

AsyncLocalStorageProviderSingleton.initializeGlobalInstance(new AsyncLocalStorage());

export default { fetch: (request) => respond(request, "langgraph", roundTrip) };

/**
 * The Worker that runs the LangGraph round trip, and the compressions again, under `nodejs_compat`. A
 * Worker's bundler takes LangGraph's entry for browsers, which leaves it to the
 * application to bring the AsyncLocalStorage that `interrupt` stands on
 * (https://github.com/langchain-ai/langgraphjs/issues/879).
 */

import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { AsyncLocalStorage } from "node:async_hooks";
import { compression } from "./compression.mjs";
import { roundTrip } from "./round_trip.mjs";
import { respond } from "./worker_stores.mjs";

AsyncLocalStorageProviderSingleton.initializeGlobalInstance(new AsyncLocalStorage());

/** The compressions stand in both Workers: this one has a node:zlib. */
const cases = (store) => [...roundTrip(store), ...compression(store)];

export default { fetch: (request) => respond(request, "langgraph", cases) };

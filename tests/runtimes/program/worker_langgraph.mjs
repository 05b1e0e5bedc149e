/** The Worker that runs the LangGraph round trip: LangGraph itself needs `nodejs_compat`. */

import { roundTrip } from "./round_trip.mjs";
import { respond } from "./worker_stores.mjs";

export default { fetch: (request, env) => respond(request, env, "langgraph", roundTrip) };

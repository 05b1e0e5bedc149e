/** The Worker that runs the conformance cases; it asks for no compatibility flag. */

import { compression } from "./compression.mjs";
import { conformance } from "./conformance.mjs";
import { respond } from "./worker_stores.mjs";

const cases = (store) => [...conformance(store), ...compression(store)];

export default { fetch: (request) => respond(request, "conformance", cases) };

/** The Worker that runs the conformance cases; it asks for no compatibility flag. */

import { conformance } from "./conformance.mjs";
import { respond } from "./worker_stores.mjs";

export default { fetch: (request) => respond(request, "conformance", conformance) };

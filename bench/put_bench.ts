/**
 * A small checkpoint beside the bare signed request with the same bytes:
 * `deno task bench`. For ratios in one table: `deno task bench:report put`.
 *
 * @module
 */

import { putCases } from "./_put.ts";
import { requireServer } from "./_server.ts";

for (const { transport, name, run } of await putCases(requireServer())) {
  Deno.bench({
    name,
    group: `put 10 KB, ${transport}`,
    baseline: name === "the bare signed request",
    fn: async () => {
      await run();
    },
  });
}

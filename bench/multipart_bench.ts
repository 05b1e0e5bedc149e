/**
 * A large stream through both transports, beside lib-storage's `Upload`:
 * `deno task bench`. For memory and ratios: `deno task bench:report multipart`.
 *
 * @module
 */

import { streamOfNoise } from "./_data.ts";
import { UPLOAD_SIZE } from "./_multipart.ts";
import { requireServer } from "./_server.ts";
import { UPLOADS } from "./_target.ts";

const server = requireServer();
for (const [index, [name, uploadBy]] of Object.entries(UPLOADS).entries()) {
  const upload = uploadBy(server);
  Deno.bench({
    name,
    group: "upload 256 MiB from a stream",
    baseline: index === 0,
    n: 5,
    warmup: 1,
    fn: async () => {
      await upload("bench/upload", streamOfNoise(UPLOAD_SIZE));
    },
  });
}

import { memoryStore } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { r2Store } from "@cairn/checkpoint/r2";
import { env } from "cloudflare:workers";
import { runCases, s3Options } from "./report.mjs";
import { visit } from "./visit.mjs";

/** Made as the module loads, as Workers do: each serves every request. */
const stores = {
  memory: memoryStore(),
  r2: r2Store(env.BUCKET),
  edge: edgeStore(s3Options(env)),
};

/**
 * Answers `/{store}` with the results of a suite on that store, a line of JSON
 * for each as it comes; `/{store}/{visitor}` with what that visitor stored; and
 * `/{store}/{visitor}/leave` at once, in the middle of the visit, which workerd
 * then cuts off.
 */
export async function respond(request, suite, casesOn) {
  const [store, visitor, leave] = new URL(request.url).pathname.slice(1).split("/");
  if (visitor !== undefined) {
    const visiting = visit(stores[store], visitor);
    return new Response(leave === undefined ? await visiting : "left");
  }
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  const say = (line) => writer.write(encoder.encode(`${JSON.stringify(line)}\n`));
  const run = async () => {
    await runCases(say, { suite, store }, casesOn(stores[store]));
    await writer.close();
  };
  run().catch((error) => writer.abort(error));
  return new Response(readable);
}

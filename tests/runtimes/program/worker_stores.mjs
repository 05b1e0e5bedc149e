import { memoryStore } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { r2Store } from "@cairn/checkpoint/r2";
import { runCases, s3Options } from "./report.mjs";

const stores = {
  memory: () => memoryStore(),
  r2: (env) => r2Store(env.BUCKET),
  edge: (env) => edgeStore(s3Options(env)),
};

/**
 * Answers `/{store}` with the results of a suite on that store, a line of JSON
 * for each as it comes.
 */
export function respond(request, env, suite, casesOn) {
  const store = new URL(request.url).pathname.slice(1);
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  const say = (line) => writer.write(encoder.encode(`${JSON.stringify(line)}\n`));
  const run = async () => {
    await runCases(say, { suite, store }, casesOn(stores[store](env)));
    await writer.close();
  };
  run().catch((error) => writer.abort(error));
  return new Response(readable);
}

/** Runs conformance cases inside workerd, on the binding: `GET /<layer>/<index>`. */
import { type ObjectStore, prefixed } from "../../mod.ts";
import { type R2Bucket, r2Store } from "../../src/r2/mod.ts";
import { conformanceCases } from "../../src/testing/mod.ts";

const LAYERS: Record<string, { taken: number; over(store: ObjectStore): ObjectStore }> = {
  plain: { taken: 0, over: (store) => store },
  prefixed: { taken: 10, over: (store) => prefixed(store, "staging/é") },
};

export default {
  async fetch(request: Request, env: { BUCKET: R2Bucket }): Promise<Response> {
    const [, layer = "", index = ""] = new URL(request.url).pathname.split("/");
    const { taken, over } = LAYERS[layer]!;
    const prefix = `conformance/${crypto.randomUUID()}/`;
    try {
      const store = over(r2Store(env.BUCKET));
      await conformanceCases[Number(index)]!.run(store, { prefix, maxKeyBytes: 1024 - taken });
      return new Response("passed");
    } catch (error) {
      return new Response((error as Error).stack ?? String(error), { status: 500 });
    }
  },
};

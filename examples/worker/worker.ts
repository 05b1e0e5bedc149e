/**
 * A Cloudflare Worker that counts each thread's visits in an R2 bucket. In a
 * project of its own, with this file and wrangler.toml:
 *
 * ```sh
 * npm install @cairn/checkpoint wrangler
 * npx wrangler dev                              # here, with an R2 of its own
 * curl localhost:8787/ada
 *
 * npx wrangler r2 bucket create cairn-visits    # there
 * npx wrangler deploy
 * ```
 *
 * @module
 */
import { S3Checkpointer } from "@cairn/checkpoint";
import { type R2Bucket, r2Store } from "@cairn/checkpoint/r2";

interface Env {
  /** The bucket's binding, of wrangler.toml. */
  readonly STATE: R2Bucket;
}

interface Visits {
  readonly count: number;
  readonly last: string;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const checkpointer = new S3Checkpointer<Visits>(r2Store(env.STATE));
    const thread = new URL(request.url).pathname;
    const before = await checkpointer.load(thread, { signal: request.signal });
    const visits = { count: (before?.state.count ?? 0) + 1, last: new Date().toISOString() };
    await checkpointer.save(thread, visits);
    return Response.json({ thread, ...visits, before: before?.state.last ?? null });
  },
};

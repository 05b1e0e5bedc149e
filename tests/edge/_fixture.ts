import { edgeStore, type EdgeStoreOptions } from "../../src/edge/mod.ts";
import type { ObjectStore } from "../../src/store/store.ts";
import { type Answer, type Reply, type Seen, withScript } from "../sdk/_scripted_server.ts";

export type { Answer, Reply, Seen };

/** The secrets of every store here: no error may name them. */
export const SECRET = "the-secret-access-key";

/** A test that holds, beside what it asserts, that no operation and no connection is left open. */
export function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });
}

/** Options of a store that waits next to nothing between attempts. */
export function optionsFor(
  endpoint: string,
  options: Partial<EdgeStoreOptions> = {},
): EdgeStoreOptions {
  return {
    bucket: "state",
    endpoint,
    credentials: { accessKeyId: "id", secretAccessKey: SECRET },
    retry: { baseDelay: 1, maxDelay: 2 },
    ...options,
  };
}

/** Runs with a store whose server answers by a script. */
export async function withStore(
  script: (request: Seen, number: number) => Answer | Promise<Answer>,
  use: (store: ObjectStore, seen: Seen[]) => Promise<void>,
  options: Partial<EdgeStoreOptions> = {},
): Promise<void> {
  await withScript(
    script,
    (endpoint, seen) => use(edgeStore(optionsFor(endpoint, options)), seen),
  );
}

/** The answer to a PUT that went well. */
export const STORED: Reply = { headers: { etag: '"e1"' } };

/** The answer to a GET or a HEAD of an object. */
export function object(body: string, headers: Record<string, string> = {}): Reply {
  const lastModified = "Thu, 01 Jan 2026 00:00:00 GMT";
  return { body, headers: { etag: '"e1"', "last-modified": lastModified, ...headers } };
}

/** An error as S3 answers it. */
export function failure(
  status: number,
  code: string,
  headers: Record<string, string> = {},
  more = "",
): Reply {
  const body =
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>It failed</Message>${more}</Error>`;
  return { status, headers: { "x-amz-request-id": "R1", ...headers }, body };
}

/** Bytes that differ from place to place. */
export function bytesOf(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 255);
}

/** Reads a stream as text. */
export function textOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  return new Response(body).text();
}

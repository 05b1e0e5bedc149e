import { sdkStore, type SdkStoreOptions } from "../../src/sdk/mod.ts";
import type { ObjectStore } from "../../src/store/store.ts";
import { type Answer, type Reply, type Seen, withScript } from "./_scripted_server.ts";

/** The secrets of every store here: no error may name them. */
export const SECRET = "the-secret-access-key";
export const TOKEN = "the-session-token";

/** Options of a store that waits next to nothing between attempts. */
export function optionsFor(endpoint: string, options: Partial<SdkStoreOptions> = {}) {
  return {
    bucket: "state",
    endpoint,
    dialect: "minio",
    credentials: { accessKeyId: "id", secretAccessKey: SECRET },
    retry: { baseDelay: 1, maxDelay: 2 },
    ...options,
  } satisfies SdkStoreOptions;
}

/** A test that holds, beside what it asserts, that no operation and no connection is left open. */
export function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });
}

/** Runs with a store whose server answers by a script. */
export async function withStore(
  script: (request: Seen, number: number) => Answer | Promise<Answer>,
  use: (store: ObjectStore, seen: Seen[]) => Promise<void>,
  options: Partial<SdkStoreOptions> = {},
): Promise<void> {
  await withScript(
    script,
    (endpoint, seen) => use(sdkStore(optionsFor(endpoint, options)), seen),
  );
}

/** The answer to a PUT that went well. */
export const STORED: Reply = { headers: { etag: '"e1"' } };

/** The answer to a GET or a HEAD of an object. */
export function object(
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) {
  return {
    body,
    headers: { etag: '"e1"', "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT", ...headers },
  };
}

/** An error as S3 answers it. */
export function failure(status: number, code: string, headers: Record<string, string> = {}) {
  return {
    status,
    headers: { "content-type": "application/xml", "x-amz-request-id": "R1", ...headers },
    body: errorXml(code),
  };
}

/** The body of an error. */
export function errorXml(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>As scripted</Message></Error>`;
}

/** The text of a stream. */
export async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
}

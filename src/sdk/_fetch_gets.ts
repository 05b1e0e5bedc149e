import type { S3Client } from "@aws-sdk/client-s3";
import { encodeUri } from "../s3/uri.ts";
import { streamOf } from "../store/body.ts";

/**
 * Has `fetch` send a client's GETs where this is Deno. What reads a body there
 * by `node:http` makes three copies of each byte, most of them in buffers that
 * V8 does not count until it is late: 110 to 190 MiB of a body of 256 MiB stand
 * in memory at once, and reading it takes twice the time.
 *
 * Where a proxy is set, all is left to `node:http`: only `fetch` goes through
 * it unasked, and a client's requests shall go one way.
 */
export function sendGetsByFetch({ config: { requestHandler } }: S3Client): void {
  if (!("Deno" in globalThis) || mayHaveProxy(globalThis.Deno.env)) return;
  const { handle } = requestHandler;
  requestHandler.handle = async (request, options: { abortSignal?: unknown } = {}) => {
    if (request.method !== "GET") return await handle.call(requestHandler, request, options);
    const { protocol, hostname, port, path, query, headers } = request;
    const search = Object.entries(query).map(([name, value]) =>
      `${encodeUri(name)}=${encodeUri(String(value ?? ""))}`
    ).join("&");
    const { status, statusText, headers: answered, body } = await fetch(
      `${protocol}//${hostname}${port ? `:${port}` : ""}${path}${search && `?${search}`}`,
      {
        // Not signed, and without it `fetch` would unpack what the object itself has as its encoding.
        headers: { ...headers, "accept-encoding": "identity" },
        redirect: "manual",
        signal: options.abortSignal as AbortSignal,
      },
    );
    return {
      response: {
        statusCode: status,
        reason: statusText,
        headers: Object.fromEntries(answered),
        body: body ?? streamOf(),
      },
    };
  };
}

/** Whether `fetch` may go through a proxy: also where nobody may know. */
function mayHaveProxy(env: { get(name: string): string | undefined }): boolean {
  const names = ["http_proxy", "https_proxy", "all_proxy"];
  try {
    return names.some((name) => env.get(name) || env.get(name.toUpperCase()));
  } catch {
    return true; // without the permission to read them
  }
}

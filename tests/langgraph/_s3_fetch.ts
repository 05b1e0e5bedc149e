/** A `fetch` that reads from a store as an S3 server would. */
import { getBytes, NotFoundError, type ObjectStore } from "@cairn/checkpoint";
import { escapeXml } from "../../src/s3/xml.ts";

/** Answers GET and ListObjectsV2 of the bucket `state`, in the path, from a store. */
export function fetchOf(store: ObjectStore): typeof fetch {
  return async (input) => {
    const { pathname, searchParams } = new URL(String(input));
    const key = decodeURIComponent(pathname).slice("/state/".length);
    if (key !== "") return await object(store, key);
    const prefix = searchParams.get("prefix") ?? "";
    const startAfter = searchParams.get("continuation-token") ?? searchParams.get("start-after");
    const limit = Number(searchParams.get("max-keys"));
    const options = { prefix, limit, ...(startAfter !== null && { startAfter }) };
    return new Response(await listing(store, options));
  };
}

async function object(store: ObjectStore, key: string): Promise<Response> {
  try {
    const { info, bytes } = await getBytes(store, key);
    const headers = {
      etag: `"${info.etag}"`,
      "last-modified": info.lastModified.toUTCString(),
      "content-length": `${info.size}`,
    };
    return new Response(bytes, { headers });
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    return new Response("<Error><Code>NoSuchKey</Code></Error>", { status: 404 });
  }
}

/** One page: as long as the limit it may be followed by another one. */
async function listing(
  store: ObjectStore,
  options: { prefix: string; limit: number; startAfter?: string },
): Promise<string> {
  const pages = await Array.fromAsync(store.list(options));
  const objects = pages.flatMap((page) => page.objects);
  const contents = objects.map(({ key, size, etag, lastModified }) =>
    `<Contents><Key>${
      escapeXml(key)
    }</Key><LastModified>${lastModified.toISOString()}</LastModified>` +
    `<ETag>&quot;${escapeXml(etag)}&quot;</ETag><Size>${size}</Size></Contents>`
  );
  const isFull = objects.length === options.limit;
  const next = isFull
    ? `<NextContinuationToken>${escapeXml(objects.at(-1)!.key)}</NextContinuationToken>`
    : "";
  return `<ListBucketResult><IsTruncated>${isFull}</IsTruncated>${next}${
    contents.join("")
  }</ListBucketResult>`;
}

import { edgeStore, type S3Store } from "@cairn/checkpoint/edge";
import type { EdgeStoreOptions } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { serverOptions } from "../conformance/_server.ts";

/** Opens a store by one of the transports. */
export type Open = (options: EdgeStoreOptions) => S3Store;

/** Both S3 transports. */
export const TRANSPORTS: Readonly<Record<string, Open>> = {
  edgeStore,
  sdkStore,
};

/** A bucket of its own on the server, gone with all that is in it when the work is done. */
export async function withBucket(
  open: Open,
  work: (store: S3Store) => Promise<void>,
): Promise<void> {
  const bucket = `bucket-${crypto.randomUUID().slice(0, 13)}`;
  const store = open({ ...serverOptions(), bucket });
  await store.api.request({ method: "PUT", operation: "CreateBucket" });
  try {
    await work(store);
  } finally {
    await emptyBucket(store);
    await store.api.request({ method: "DELETE", operation: "DeleteBucket" });
  }
}

/** Deletes every version of every object. */
async function emptyBucket({ api }: S3Store): Promise<void> {
  for (;;) {
    const query = { versions: "" };
    const { text } = await api.request({ method: "GET", query, operation: "ListObjectVersions" });
    const found = [...text.matchAll(/<Key>([^<]*)<\/Key>.*?<VersionId>([^<]*)<\/VersionId>/gs)];
    if (found.length === 0) return;
    for (const [, key, versionId] of found) {
      await api.request({ method: "DELETE", key: key!, query: { versionId }, operation: "DELETE" });
    }
  }
}

import { edgeStore, type S3Store } from "@cairn/checkpoint/edge";
import type { EdgeStoreOptions } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { listObjectVersions } from "../../src/bucket/_version_list.ts";
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
  bucket = `bucket-${crypto.randomUUID().slice(0, 13)}`,
): Promise<void> {
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
  const found = [];
  for await (const version of listObjectVersions(api, { prefix: "" })) found.push(version);
  for (const { key, versionId } of found) {
    const query = { versionId };
    await api.request({ method: "DELETE", key, query, operation: "DeleteObject" });
  }
}

import type { ObjectStore } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { fileStore } from "@cairn/checkpoint/file";

/**
 * The store that the environment names: a bucket where `CAIRN_S3_BUCKET` is
 * set, and otherwise the directory `CAIRN_DIRECTORY`.
 */
export function storeFromEnv(): { store: ObjectStore; where: string } {
  const bucket = Deno.env.get("CAIRN_S3_BUCKET");
  if (!bucket) {
    const directory = Deno.env.get("CAIRN_DIRECTORY") ?? ".cache/quickstart";
    return {
      store: fileStore(directory, { createDirectory: true }),
      where: `the directory ${directory}`,
    };
  }
  const endpoint = Deno.env.get("CAIRN_S3_ENDPOINT");
  const store = edgeStore({
    bucket,
    ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
    region: Deno.env.get("CAIRN_S3_REGION") ?? Deno.env.get("AWS_REGION") ?? "us-east-1",
    credentials: {
      accessKeyId: required("CAIRN_S3_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
      secretAccessKey: required("CAIRN_S3_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
      ...optional("sessionToken", "CAIRN_S3_SESSION_TOKEN", "AWS_SESSION_TOKEN"),
    },
  });
  return { store, where: `the bucket ${bucket}${endpoint ? ` at ${endpoint}` : ""}` };
}

function required(...names: string[]): string {
  for (const name of names) {
    const value = Deno.env.get(name);
    if (value) return value;
  }
  throw new Error(`Set ${names.join(" or ")} to use the bucket of CAIRN_S3_BUCKET`);
}

function optional(field: string, ...names: string[]): Record<string, string> {
  const value = names.map((name) => Deno.env.get(name)).find(Boolean);
  return value === undefined ? {} : { [field]: value };
}

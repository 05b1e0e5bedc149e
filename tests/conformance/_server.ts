import type { DialectName } from "@cairn/checkpoint/edge";
import { requireServer } from "../servers/env.ts";

const KNOWN: readonly DialectName[] = ["aws", "r2", "minio", "localstack", "ceph"];

/** The options of an S3 store on the server that the environment names; fails where it names none. */
export function serverOptions() {
  const { endpoint, region, accessKeyId, secretAccessKey, bucket, name } = requireServer();
  return {
    endpoint,
    region,
    bucket,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    dialect: KNOWN.find((known) => known === name) ?? "unknown",
  } as const;
}

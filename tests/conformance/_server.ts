import type { StoreCapabilities } from "@cairn/checkpoint";
import type { DialectName } from "@cairn/checkpoint/edge";
import { requireServer } from "../servers/env.ts";

const KNOWN: readonly DialectName[] = ["aws", "r2", "minio", "localstack", "ceph"];

/**
 * What servers without a dialect were seen not to honour, as `docs/dialects.md`
 * tells it, and as their users give it to a store: what `probe` finds.
 */
const LACKING: Readonly<Record<string, Partial<StoreCapabilities>>> = {
  garage: { conditionalCreate: false, conditionalUpdate: false, versions: false },
};

/** What the server that the environment names does not honour. */
export function lacking(): Partial<StoreCapabilities> {
  return LACKING[requireServer().name] ?? {};
}

/** The options of an S3 store on the server that the environment names; fails where it names none. */
export function serverOptions() {
  const { endpoint, region, accessKeyId, secretAccessKey, bucket, name } = requireServer();
  return {
    endpoint,
    region,
    bucket,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    capabilities: lacking(),
    dialect: KNOWN.find((known) => known === name) ?? "unknown",
  } as const;
}

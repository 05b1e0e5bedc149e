import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import { lacking } from "../../conformance/_server.ts";
import { requireServer } from "../../servers/env.ts";
import { validate } from "./_suite.ts";

const { name, endpoint, region, bucket, accessKeyId, secretAccessKey } = requireServer();
const options = {
  endpoint,
  region,
  bucket,
  forcePathStyle: true,
  credentials: { accessKeyId, secretAccessKey },
  capabilities: lacking(),
};

validate(`edgeStore, ${name}`, () => ({ store: edgeStore(options) }));
validate(`sdkStore, ${name}`, () => ({ store: sdkStore(options) }));

/**
 * Puts and gets an object on both S3 stores, each in a bucket of its name:
 * `_behind_proxies.ts <endpoint>`. How its requests go is for its environment to say.
 */
import { edgeStore } from "../../src/edge/mod.ts";
import { sdkStore } from "../../src/sdk/mod.ts";
import { getBytes } from "../../src/store/body.ts";

const [endpoint = ""] = Deno.args;
for (const [bucket, open] of Object.entries({ "the-sdk": sdkStore, "the-edge": edgeStore })) {
  const store = open({
    bucket,
    endpoint,
    credentials: { accessKeyId: "id", secretAccessKey: "secret" },
    retry: { maxAttempts: 1 },
  });
  await store.put("key", new Uint8Array(1)).catch(() => {});
  await getBytes(store, "key").catch(() => {});
}

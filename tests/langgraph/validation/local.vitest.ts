import { aesGcm, localKeys, memoryStore } from "@cairn/checkpoint";
import { fileStore } from "@cairn/checkpoint/file";
import { type R2Bucket, r2Store } from "@cairn/checkpoint/r2";
import { Miniflare } from "miniflare";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { validate } from "./_suite.ts";

const miniflare = new Miniflare({
  modules: true,
  script: "export default { fetch: () => new Response() }",
  r2Buckets: ["BUCKET"],
});
afterAll(() => miniflare.dispose());

validate("memoryStore", () => ({ store: memoryStore() }));

validate("memoryStore, encrypted", () => {
  const keys = localKeys({
    current: "1",
    keys: { "1": crypto.getRandomValues(new Uint8Array(32)) },
  });
  return { store: memoryStore(), options: { encryption: aesGcm({ keys }), inlineLimit: 64 } };
});

validate("fileStore", async () => {
  const directory = await mkdtemp(join(tmpdir(), "cairn-validation-"));
  return {
    store: fileStore(directory),
    close: () => rm(directory, { recursive: true }),
  };
});

validate("r2Store", async () => ({
  store: r2Store(await miniflare.getR2Bucket("BUCKET") as unknown as R2Bucket),
}));

/**
 * MinIO for the tests, built from its Go module.
 *
 * ```sh
 * deno run -A tests/servers/minio.ts up|down|env
 * ```
 *
 * @module
 */
import { mkdir, rename, stat } from "node:fs/promises";
import { main, run, type ServerKind } from "./_server.ts";

const VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c";

/** MinIO. */
export const minio: ServerKind = {
  name: "minio",
  health: "/minio/health/ready",
  patience: 60,
  accessKeyId: "cairn-tests",
  secretAccessKey: "cairn-tests-secret",
  async install(home) {
    const binary = `${home}/minio-${VERSION}`;
    const isThere = await stat(binary).then(() => true, () => false);
    if (isThere) return;
    await mkdir(`${home}/bin`, { recursive: true });
    await run(
      `minio: building ${VERSION} with go, about three minutes the first time`,
      "go",
      ["install", "-trimpath", "-ldflags=-s -w", `github.com/minio/minio@${VERSION}`],
      { GOBIN: `${home}/bin`, CGO_ENABLED: "0" },
    );
    await rename(`${home}/bin/minio`, binary);
  },
  command(home, port) {
    return {
      command: `${home}/minio-${VERSION}`,
      args: ["server", "--quiet", "--address", `127.0.0.1:${port}`, `${home}/data`],
      env: {
        MINIO_ROOT_USER: minio.accessKeyId,
        MINIO_ROOT_PASSWORD: minio.secretAccessKey,
        // A key of its own, without which it encrypts nothing by itself: no secret.
        MINIO_KMS_SECRET_KEY: `cairn-tests:${btoa("a key that protects tests alone.")}`,
        MINIO_BROWSER: "off",
        MINIO_UPDATE: "off",
        MINIO_CALLHOME_ENABLE: "off",
      },
    };
  },
};

if (import.meta.main) await main(minio);

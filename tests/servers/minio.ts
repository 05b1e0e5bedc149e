/**
 * MinIO for the tests, built from its Go module.
 *
 * ```sh
 * deno run -A tests/servers/minio.ts up|down|env
 * ```
 *
 * @module
 */
import { goBinary, goInstall, type GoProgram } from "./_go.ts";
import { main, type ServerKind } from "./_server.ts";

const PROGRAM: GoProgram = {
  name: "minio",
  module: "github.com/minio/minio",
  version: "v0.0.0-20260212201848-7aac2a2c5b7c",
  takes: "three minutes",
};

/** MinIO. */
export const minio: ServerKind = {
  name: "minio",
  health: "/minio/health/ready",
  patience: 60,
  accessKeyId: "cairn-tests",
  secretAccessKey: "cairn-tests-secret",
  configures: true,
  install: (home) => goInstall(home, PROGRAM),
  command(home, port) {
    return {
      command: goBinary(home, PROGRAM),
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

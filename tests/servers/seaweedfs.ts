/**
 * SeaweedFS for the tests, all of it in one process, built from its Go module.
 *
 * ```sh
 * deno run -A tests/servers/seaweedfs.ts up|down|env
 * ```
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import { goBinary, goInstall, type GoProgram } from "./_go.ts";
import { freePort, main, type ServerKind } from "./_server.ts";

const PROGRAM: GoProgram = {
  name: "seaweedfs",
  module: "github.com/seaweedfs/seaweedfs",
  // 4.53: its tags are no versions to Go.
  version: "v0.0.0-20261109003541-7506e5f91cd6",
  path: "./weed",
  takes: "eight minutes",
};

/** SeaweedFS. */
export const seaweedfs: ServerKind = {
  name: "seaweedfs",
  health: "/readyz",
  patience: 90,
  accessKeyId: "cairn-tests",
  secretAccessKey: "cairn-tests-secret",
  configures: false,
  faults: [
    // Empty folders are swept out later, after two minutes or more.
    {
      test: /forgets a folder with its last object$/,
      error: /folders after: got \["f\/"\], expected \[\]$/,
    },
  ],
  async install(home) {
    await goInstall(home, PROGRAM);
    await mkdir(`${home}/data`, { recursive: true });
  },
  async command(home, port) {
    const ports: string[] = [];
    for (const service of ["master", "volume", "filer"]) {
      ports.push(
        `-${service}.port=${await freePort()}`,
        `-${service}.port.grpc=${await freePort()}`,
      );
    }
    return {
      command: goBinary(home, PROGRAM),
      args: [
        "server",
        `-dir=${home}/data`,
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        ...ports,
        `-filer.localSocket=${home}/data/filer.sock`,
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=0",
        "-s3",
        `-s3.port=${port}`,
        `-s3.port.grpc=${await freePort()}`,
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        `-s3.localSocket=${home}/data/s3.sock`,
      ],
      env: {
        // Where it keeps its logs.
        TMPDIR: `${home}/data`,
        AWS_ACCESS_KEY_ID: seaweedfs.accessKeyId,
        AWS_SECRET_ACCESS_KEY: seaweedfs.secretAccessKey,
      },
    };
  },
};

if (import.meta.main) await main(seaweedfs);

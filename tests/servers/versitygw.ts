/**
 * The Versity S3 Gateway over a file system for the tests, built from its Go module.
 *
 * ```sh
 * deno run -A tests/servers/versitygw.ts up|down|env
 * ```
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import { goBinary, goInstall, type GoProgram } from "./_go.ts";
import { main, type ServerKind } from "./_server.ts";

const PROGRAM: GoProgram = {
  name: "versitygw",
  module: "github.com/versity/versitygw",
  version: "v1.8.0",
  path: "./cmd/versitygw",
  takes: "two minutes",
};

/** The Versity S3 Gateway. */
export const versitygw: ServerKind = {
  name: "versitygw",
  health: "/cairn-health",
  patience: 60,
  accessKeyId: "cairn-tests",
  secretAccessKey: "cairn-tests-secret",
  configures: false,
  faults: [
    // It refuses before it has read a body, and closes: whoever still sends may see no answer.
    {
      test: /creates from a long body only where none is$/,
      error: /UnavailableError: .*\(no answer\), expected PreconditionFailedError$/,
      races: true,
    },
  ],
  async install(home) {
    await goInstall(home, PROGRAM);
    for (const folder of ["buckets", "versions"]) {
      await mkdir(`${home}/data/${folder}`, { recursive: true });
    }
  },
  command(home, port) {
    return {
      command: goBinary(home, PROGRAM),
      args: [
        ...["--port", `127.0.0.1:${port}`, "--health", versitygw.health, "--quiet"],
        ...["posix", "--versioning-dir", `${home}/data/versions`, `${home}/data/buckets`],
      ],
      env: {
        ROOT_ACCESS_KEY: versitygw.accessKeyId,
        ROOT_SECRET_KEY: versitygw.secretAccessKey,
      },
    };
  },
};

if (import.meta.main) await main(versitygw);

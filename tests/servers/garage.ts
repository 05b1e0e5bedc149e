/**
 * Garage for the tests, one node of it, built from its crate.
 *
 * ```sh
 * deno run -A tests/servers/garage.ts up|down|env
 * ```
 *
 * @module
 */
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { freePort, main, run, type ServerKind } from "./_server.ts";

const VERSION = "2.5.0";

/** Garage. */
export const garage: ServerKind = {
  name: "garage",
  health: "/",
  // Who signs nothing is refused, once somebody is there to refuse.
  healthy: 403,
  patience: 60,
  // A key of Garage's own form.
  accessKeyId: "GKca1a0000000000000000cafe",
  secretAccessKey: "ca1a".repeat(16),
  configures: false,
  faults: [
    // It has no conditional writes: nobody is first, what needs that is refused.
    {
      test: /keeps one of fifty writers' regular writes for an index/,
      error: /strictly deep-equal/,
      races: true,
    },
    { test: /whose key was forgotten$/, error: /take a store with conditional writes$/ },
    {
      test: /copy\(\) (has the server copy parts|takes along what is kept)/,
      error: /honours none where conditionalCreate is false$/,
    },
    {
      test: /finds no object where one was to be replaced/,
      error: /honours none where conditionalUpdate is false/,
    },
    // Neither versions nor tags.
    { test: /\.api /, error: /\(501 NotImplemented\)/ },
    // It names no request.
    { test: /^observed\(.*\) tells what a server was asked/, error: /AssertionError: put$/ },
    // It calls a link that has ended a bad request, and not one that is denied.
    { test: /the server calls it expired afterwards$/, error: /400 !== 403/ },
    { test: /links that have ended say so/, error: /instanceof AccessError/ },
  ],
  async install(home) {
    const isThere = await stat(binaryOf(home)).then(() => true, () => false);
    if (!isThere) {
      await run(
        `garage: building ${VERSION} with cargo, about ten minutes the first time`,
        "cargo",
        [
          ...["install", "garage", "--version", VERSION, "--locked", "--no-track"],
          ...["--no-default-features", "--features", "bundled-libs,sqlite"],
          ...["--root", home, "--target-dir", `${home}/target`],
        ],
      );
      await rename(`${home}/bin/garage`, binaryOf(home));
      await rm(`${home}/target`, { recursive: true });
    }
    await mkdir(`${home}/data`, { recursive: true });
  },
  async command(home, port) {
    const config = `${home}/data/garage.toml`;
    const rpc = `127.0.0.1:${await freePort()}`;
    await writeFile(
      config,
      `
metadata_dir = "${home}/data/meta"
data_dir = "${home}/data/objects"
db_engine = "sqlite"
replication_factor = 1
rpc_bind_addr = "${rpc}"
rpc_public_addr = "${rpc}"
rpc_secret = "${"ca1a".repeat(16)}"
[s3_api]
s3_region = "us-east-1"
api_bind_addr = "127.0.0.1:${port}"
[admin]
`,
    );
    return {
      command: binaryOf(home),
      args: ["-c", config, "server", "--single-node", "--default-bucket"],
      env: {
        GARAGE_DEFAULT_ACCESS_KEY: garage.accessKeyId,
        GARAGE_DEFAULT_SECRET_KEY: garage.secretAccessKey,
        GARAGE_DEFAULT_BUCKET: "cairn",
        RUST_LOG: "garage=warn",
      },
    };
  },
};

function binaryOf(home: string): string {
  return `${home}/garage-${VERSION}`;
}

if (import.meta.main) await main(garage);

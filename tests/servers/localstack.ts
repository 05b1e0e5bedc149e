/**
 * LocalStack for the tests, from PyPI, in a virtual environment of its own.
 *
 * ```sh
 * deno run -A tests/servers/localstack.ts up|down|env
 * ```
 *
 * @module
 */
import { stat } from "node:fs/promises";
import { main, ROOT, run, type ServerKind } from "./_server.ts";

/**
 * The last line that needs no account. Every package is pinned in
 * `localstack_requirements.txt`, with the few that its own bounds leave too open.
 */
const VERSION = "4.12.0";

/** Its gateway would listen on every interface; this holds it to the loopback one. */
const START = `
import functools
from twisted.internet import endpoints
endpoints.TCP4ServerEndpoint = functools.partial(
    endpoints.TCP4ServerEndpoint, interface="127.0.0.1")
from localstack.runtime.main import main
main()
`;

/** LocalStack. */
export const localstack: ServerKind = {
  name: "localstack",
  health: "/_localstack/health",
  patience: 120,
  accessKeyId: "test",
  secretAccessKey: "test",
  async install(home) {
    const venv = `${home}/venv-${VERSION}`;
    const isThere = await stat(`${venv}/installed`).then(() => true, () => false);
    if (isThere) return;
    await run("localstack: making a virtual environment", "python3", ["-m", "venv", venv]);
    const requirements = `${ROOT}tests/servers/localstack_requirements.txt`;
    await run(`localstack: installing ${VERSION}, about a minute`, `${venv}/bin/pip`, [
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "--no-deps", // the list is whole
      "--requirement",
      requirements,
    ]);
    await Deno.writeTextFile(`${venv}/installed`, "");
  },
  command(home, port) {
    return {
      command: `${home}/venv-${VERSION}/bin/python`,
      args: ["-c", START],
      env: {
        GATEWAY_LISTEN: `127.0.0.1:${port}`,
        SERVICES: "s3,sqs,sns,kms,iam,sts,cloudwatch",
        FILESYSTEM_ROOT: `${home}/data`,
        LOCALSTACK_VOLUME_DIR: `${home}/data/volume`,
        CONFIG_DIR: `${home}/data/config`,
        DISABLE_EVENTS: "1",
        SKIP_SSL_CERT_DOWNLOAD: "1",
        DNS_ADDRESS: "0",
        // Loads what is asked for, and waits for it: the first request is as good as the last.
        EAGER_SERVICE_LOADING: "0",
        LS_LOG: "warning",
      },
    };
  },
};

if (import.meta.main) await main(localstack);

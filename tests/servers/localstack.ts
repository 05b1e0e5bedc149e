/**
 * LocalStack for the tests, from PyPI, in a virtual environment of its own.
 *
 * ```sh
 * deno run -A tests/servers/localstack.ts up|down|env
 * ```
 *
 * @module
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { main, ROOT, run, type ServerKind } from "./_server.ts";

/**
 * The newest that needs no account and runs on Python 3.11, which Debian 12 has. Every package is pinned in
 * `localstack_requirements.txt`, with the few that its own bounds leave too open.
 */
const VERSION = "4.12.0";

/**
 * Its gateway would listen on every interface; this holds it to the loopback
 * one. And its KMS names key material by a UUID of bytes, which Python's own
 * function takes only from 3.12 on.
 */
const START = `
import functools, hashlib, uuid
uuid5_of_text = uuid.uuid5
def uuid5(namespace, name):
    if isinstance(name, str):
        return uuid5_of_text(namespace, name)
    return uuid.UUID(bytes=hashlib.sha1(namespace.bytes + name).digest()[:16], version=5)
uuid.uuid5 = uuid5
from twisted.internet import endpoints
endpoints.TCP4ServerEndpoint = functools.partial(
    endpoints.TCP4ServerEndpoint, interface="127.0.0.1")
from localstack.runtime.main import main
main()
`;

/** The first Python that LocalStack runs on. */
async function python(): Promise<string> {
  const names = ["python3", "python3.13", "python3.12", "python3.11"];
  const args = ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"];
  for (const name of names) {
    const { success } = await new Deno.Command(name, { args }).output()
      .catch(() => ({ success: false }));
    if (success) return name;
  }
  throw new Error(`LocalStack needs Python 3.11 or newer on the PATH; tried ${names.join(", ")}`);
}

/** LocalStack. */
export const localstack: ServerKind = {
  name: "localstack",
  health: "/_localstack/health",
  patience: 120,
  accessKeyId: "test",
  secretAccessKey: "test",
  configures: true,
  async install(home) {
    const venv = `${home}/venv-${VERSION}`;
    const marker = `${venv}/installed`;
    const list = `${ROOT}tests/servers/localstack_requirements.txt`;
    const wanted = await readFile(list, "utf8");
    // An installation that was interrupted, or that is of another list, is made anew.
    if (await readFile(marker, "utf8").catch(() => "") === wanted) return;
    await rm(venv, { recursive: true, force: true });
    await run("localstack: making a virtual environment", await python(), ["-m", "venv", venv]);
    await run(`localstack: installing ${VERSION}, about a minute`, `${venv}/bin/pip`, [
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "--no-deps", // the list is whole
      "--requirement",
      list,
    ]);
    await writeFile(marker, wanted);
  },
  command(home, port) {
    return {
      command: `${home}/venv-${VERSION}/bin/python`,
      args: ["-c", START],
      env: {
        GATEWAY_LISTEN: `127.0.0.1:${port}`,
        SERVICES: "s3,sqs,sns,kms,iam,sts,cloudwatch,events",
        FILESYSTEM_ROOT: `${home}/data`,
        LOCALSTACK_VOLUME_DIR: `${home}/data/volume`,
        CONFIG_DIR: `${home}/data/config`,
        DISABLE_EVENTS: "1",
        // A link with a signature that does not fit is refused, as S3 refuses it.
        S3_SKIP_SIGNATURE_VALIDATION: "0",
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

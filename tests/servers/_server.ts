/**
 * What the scripts for the test servers share: each server is installed under
 * `.cache`, runs on a free loopback port, and is known by a state file.
 *
 * @module
 */
import { AwsClient } from "aws4fetch";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { KnownFault } from "../_junit.ts";

/** The checkout. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** How to reach a server, as the suites are told it. */
export interface ServerAddress {
  readonly name: string;
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly bucket: string;
}

/** A server that can be installed and started. */
export interface ServerKind {
  /** Its name, and that of its folder under `.cache`. */
  readonly name: string;
  /** The path that answers once it is ready. */
  readonly health: string;
  /** With which status. @default 200 */
  readonly healthy?: number;
  /** How long a start may take, in seconds. */
  readonly patience: number;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Whether a bucket of it has a lifecycle, versions and so on; others run what needs objects alone. */
  readonly configures: boolean;
  /** What it does not honour, as `docs/dialects.md` tells: the tests that fail on it, and with what. */
  readonly faults?: readonly KnownFault[];
  /** Installs it, where it is not there yet. */
  install(home: string): Promise<void>;
  /** How to start it on a port. */
  command(home: string, port: number): ServerCommand | Promise<ServerCommand>;
}

/** What starts a server. */
export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const BUCKET = "cairn";
const REGION = "us-east-1";

/** Starts a server, or finds it running, and makes sure of its bucket. */
export async function up(kind: ServerKind): Promise<ServerAddress> {
  const named = fromEnvironment(kind);
  if (named !== undefined) {
    console.error(`${kind.name}: using ${named.endpoint}`);
    await makeBucket(named);
    return named;
  }
  const running = await find(kind);
  if (running !== undefined) return running;
  // What is left of one that no longer answers would stay for good: the state is written anew.
  await down(kind);
  const home = homeOf(kind);
  await mkdir(home, { recursive: true });
  await kind.install(home);
  const port = await freePort();
  const { command, args, env } = await kind.command(home, port);
  const log = logOf(kind);
  // A group of its own: a Ctrl-C for the tests must not stop it before they let go of it.
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", 'log=$1; shift; exec "$@" >"$log" 2>&1', "sh", log, command, ...args],
    cwd: home,
    env: { ...env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  child.unref();
  let ended = false;
  child.status.then(() => ended = true);
  await writeFile(stateOf(kind), JSON.stringify({ pid: child.pid, port }));
  const address = addressOf(kind, port);
  console.error(`${kind.name}: starting on port ${port}`);
  const started = Date.now();
  while (!await isHealthy(kind, address)) {
    const seconds = Math.round((Date.now() - started) / 1000);
    if (ended || seconds > kind.patience) {
      const end = (await readFile(log, "utf8")).split("\n").slice(-40).join("\n");
      await down(kind);
      throw new Error(
        `${kind.name} ${ended ? "ended" : `was not ready after ${seconds} s`}; ` +
          `the end of ${log}:\n${end}`,
      );
    }
    await pause();
  }
  await makeBucket(address);
  console.error(`${kind.name}: ready after ${Math.round((Date.now() - started) / 1000)} s`);
  return address;
}

/** Ends a server that `up` started, and removes what it kept. */
export async function down(kind: ServerKind): Promise<void> {
  const state = await readState(kind);
  if (state === undefined) return;
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (!await isOurs(kind, state.pid)) break;
    // The whole group: a server may have children.
    process.kill(-state.pid, signal);
    for (let tries = 0; tries < 40 && await isOurs(kind, state.pid); tries++) await pause();
  }
  await rm(stateOf(kind), { force: true });
  await rm(`${homeOf(kind)}/data`, { recursive: true, force: true });
}

/** The server that runs, if it does. */
export async function find(kind: ServerKind): Promise<ServerAddress | undefined> {
  const named = fromEnvironment(kind);
  if (named !== undefined) return named;
  const state = await readState(kind);
  if (state === undefined) return undefined;
  const address = addressOf(kind, state.port);
  return await isOurs(kind, state.pid) && await isHealthy(kind, address) ? address : undefined;
}

/** The variables by which suites find a server. */
export function variablesOf(address: ServerAddress): Record<string, string> {
  return {
    CAIRN_S3_SERVER: address.name,
    CAIRN_S3_ENDPOINT: address.endpoint,
    CAIRN_S3_REGION: address.region,
    CAIRN_S3_BUCKET: address.bucket,
    CAIRN_S3_ACCESS_KEY_ID: address.accessKeyId,
    CAIRN_S3_SECRET_ACCESS_KEY: address.secretAccessKey,
  };
}

/** The command line of a server's script: `up`, `down` or `env`. */
export async function main(kind: ServerKind): Promise<void> {
  const [verb] = Deno.args;
  if (verb === "up") console.log((await up(kind)).endpoint);
  else if (verb === "down") await down(kind);
  else if (verb === "env") {
    const address = await find(kind);
    if (address === undefined) throw new Error(`${kind.name} does not run: call up first`);
    for (const [name, value] of Object.entries(variablesOf(address))) {
      console.log(`export ${name}='${value.replaceAll("'", `'\\''`)}'`);
    }
  } else throw new Error(`Say up, down or env, and not ${verb ?? "nothing"}`);
}

/** Runs a program to its end, gives what it wrote, and throws where it fails. */
export async function run(
  what: string,
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  console.error(`${what} ...`);
  const started = Date.now();
  let output;
  try {
    output = await new Deno.Command(command, { args: [...args], env: { ...env } }).output();
  } catch (cause) {
    throw new Error(`${what}: cannot run ${command}; install it, or put it on the PATH`, { cause });
  }
  const written = new TextDecoder().decode(output.stdout);
  if (!output.success) {
    const said = written + new TextDecoder().decode(output.stderr);
    throw new Error(`${what} failed:\n${said.split("\n").slice(-40).join("\n")}`);
  }
  console.error(`${what}: done in ${Math.round((Date.now() - started) / 1000)} s`);
  return written;
}

/** A running server that the environment names, such as CAIRN_MINIO_ENDPOINT. */
function fromEnvironment(kind: ServerKind): ServerAddress | undefined {
  const value = (name: string) => Deno.env.get(`CAIRN_${kind.name.toUpperCase()}_${name}`);
  const endpoint = value("ENDPOINT");
  return endpoint === undefined ? undefined : {
    name: kind.name,
    endpoint,
    region: value("REGION") ?? REGION,
    accessKeyId: value("ACCESS_KEY_ID") ?? kind.accessKeyId,
    secretAccessKey: value("SECRET_ACCESS_KEY") ?? kind.secretAccessKey,
    bucket: value("BUCKET") ?? BUCKET,
  };
}

function addressOf(kind: ServerKind, port: number): ServerAddress {
  const { name, accessKeyId, secretAccessKey } = kind;
  const endpoint = `http://127.0.0.1:${port}`;
  return { name, endpoint, region: REGION, accessKeyId, secretAccessKey, bucket: BUCKET };
}

async function makeBucket(address: ServerAddress): Promise<void> {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = address;
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3", retries: 0 });
  const answer = await client.fetch(`${endpoint}/${bucket}`, { method: "PUT" });
  const text = await answer.text();
  if (!answer.ok && !text.includes("BucketAlreadyOwnedByYou")) {
    throw new Error(`Cannot make the bucket ${bucket} at ${endpoint}: ${answer.status} ${text}`);
  }
}

async function isHealthy(kind: ServerKind, { endpoint }: ServerAddress): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(2_000);
    const answer = await fetch(`${endpoint}${kind.health}`, { signal });
    await answer.body?.cancel();
    return answer.status === (kind.healthy ?? 200);
  } catch {
    return false;
  }
}

/** Whether a process runs and is the server: its number may long be somebody else's. */
async function isOurs(kind: ServerKind, pid: number): Promise<boolean> {
  try {
    return (await commandLineOf(pid)).includes(homeOf(kind));
  } catch {
    return false;
  }
}

async function commandLineOf(pid: number): Promise<string> {
  if (Deno.build.os === "linux") return await readFile(`/proc/${pid}/cmdline`, "utf8");
  const args = ["-o", "args=", "-p", `${pid}`];
  return new TextDecoder().decode((await new Deno.Command("ps", { args }).output()).stdout);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 250));
}

async function readState(kind: ServerKind): Promise<{ pid: number; port: number } | undefined> {
  try {
    return JSON.parse(await readFile(stateOf(kind), "utf8"));
  } catch {
    return undefined;
  }
}

/** A port of the loopback interface that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function homeOf(kind: ServerKind): string {
  return `${ROOT}.cache/${kind.name}`;
}

function logOf(kind: ServerKind): string {
  return `${ROOT}.cache/${kind.name}.log`;
}

function stateOf(kind: ServerKind): string {
  return `${ROOT}.cache/${kind.name}.json`;
}

import { freePort } from "./_child.ts";

/** A cluster of PostgreSQL that runs for a while. */
export interface Postgres {
  /** How a client reaches it. */
  readonly url: string;
  /** Such as `PostgreSQL 15.13`. */
  readonly version: string;
  /** Stops it, and removes what it kept. */
  readonly stop: () => Promise<void>;
}

/** The system's user that PostgreSQL runs as: it refuses to run as root. */
const USER = "postgres";

/**
 * Starts PostgreSQL as it comes, every commit on the disk before its answer, in
 * a folder and on a port of its own. Debian's package is installed where it is
 * missing.
 */
export async function startPostgres(): Promise<Postgres> {
  const bin = await binaries() ?? await install();
  const folder = await Deno.makeTempDir({ prefix: "cairn-postgres-" });
  const password = crypto.randomUUID();
  await Deno.writeTextFile(`${folder}/password`, password);
  const root = Deno.uid() === 0;
  if (root) await runOrThrow("chown", ["-R", USER, folder]);
  const as = (command: string, args: readonly string[]): [string, string[]] =>
    root
      ? ["setpriv", [`--reuid=${USER}`, `--regid=${USER}`, "--init-groups", command, ...args]]
      : [command, [...args]];
  const data = `${folder}/data`;
  const login = ["-U", "bench", "-A", "scram-sha-256", `--pwfile=${folder}/password`];
  await runOrThrow(...as(`${bin}/initdb`, ["-D", data, "-E", "UTF8", ...login]));
  const port = freePort();
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories="];
  const [command, args] = as(`${bin}/postgres`, [
    "-D",
    data,
    "-p",
    `${port}`,
    ...settings.flatMap((setting) => ["-c", setting]),
  ]);
  const child = new Deno.Command(command, { args, stdout: "null", stderr: "null" }).spawn();
  const stop = async () => {
    // A fast shutdown: whoever is connected is cut off.
    child.kill("SIGINT");
    await child.status;
    await Deno.remove(folder, { recursive: true });
  };
  try {
    await ready(`${bin}/pg_isready`, port);
    const version = (await runOrThrow(`${bin}/postgres`, ["--version"])).replace(/[()]/g, "")
      .trim();
    const url = `postgresql://bench:${password}@127.0.0.1:${port}/postgres`;
    return { url, version: version.replace("postgres PostgreSQL", "PostgreSQL"), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Where Debian puts the programs of the newest version that is there. */
async function binaries(): Promise<string | undefined> {
  const versions = await Array.fromAsync(Deno.readDir("/usr/lib/postgresql")).catch(() => []);
  const newest = versions.map(({ name }) => Number(name)).sort((a, b) => b - a)[0];
  return newest === undefined ? undefined : `/usr/lib/postgresql/${newest}/bin`;
}

async function install(): Promise<string> {
  if (Deno.uid() !== 0) throw new Error("PostgreSQL is missing: apt-get install postgresql");
  // It would start a cluster of its own on the usual port.
  await Deno.mkdir("/etc/postgresql-common", { recursive: true });
  const settings = "/etc/postgresql-common/createcluster.conf";
  await Deno.writeTextFile(settings, "create_main_cluster = false\n", { append: true });
  const options = ["-y", "-q", "--no-install-recommends"];
  await runOrThrow("apt-get", ["update", "-q"]);
  await runOrThrow("apt-get", ["install", ...options, "postgresql"]);
  return (await binaries())!;
}

async function ready(command: string, port: number): Promise<void> {
  const args = ["-h", "127.0.0.1", "-p", `${port}`];
  for (let tries = 0; tries < 120; tries++) {
    if ((await new Deno.Command(command, { args }).output()).success) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`PostgreSQL does not answer on port ${port}`);
}

async function runOrThrow(command: string, args: readonly string[]): Promise<string> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd: "/",
    env,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${command} ${args.join(" ")}:\n${text(stdout)}${text(stderr)}`);
  return text(stdout);
}

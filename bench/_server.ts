import { fileURLToPath } from "node:url";

/** An S3 server and a bucket in it, as the stores and the SDK's client take them. */
export interface Server {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly forcePathStyle: boolean;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** The variables by which a server is named, here and in the tests. */
const VARIABLES = [
  "CAIRN_S3_ENDPOINT",
  "CAIRN_S3_REGION",
  "CAIRN_S3_BUCKET",
  "CAIRN_S3_ACCESS_KEY_ID",
  "CAIRN_S3_SECRET_ACCESS_KEY",
] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The server that the environment names; else MinIO, which is started, and
 * stopped at the end where it did not run before.
 */
export function requireServer(): Server {
  const named = serverOf(Deno.env.toObject());
  if (named !== undefined) return named;
  const running = serverOf(minio("env"));
  if (running !== undefined) return running;
  minio("up");
  globalThis.addEventListener("unload", () => minio("down"));
  const started = serverOf(minio("env"));
  if (started === undefined) throw new Error(`MinIO did not start: set ${VARIABLES.join(", ")}`);
  return started;
}

/** The variables that name a server, for a process of its own. */
export function environmentOf(server: Server): Record<string, string> {
  const { endpoint, region, bucket, credentials } = server;
  const values = [endpoint, region, bucket, credentials.accessKeyId, credentials.secretAccessKey];
  return Object.fromEntries(VARIABLES.map((name, index) => [name, values[index]!]));
}

function serverOf(environment: Environment): Server | undefined {
  const [endpoint, region, bucket, accessKeyId, secretAccessKey] = VARIABLES.map((name) =>
    environment[name]
  );
  if (!endpoint || !region || !bucket || !accessKeyId || !secretAccessKey) return undefined;
  return {
    endpoint,
    region,
    bucket,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  };
}

/** Runs the script that starts and stops MinIO, and reads the variables that it prints. */
function minio(command: "up" | "down" | "env"): Environment {
  const script = fileURLToPath(new URL("../tests/servers/minio.ts", import.meta.url));
  const { code, stdout } = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", script, command],
    stderr: command === "up" ? "inherit" : "null",
  }).outputSync();
  if (code !== 0 && command === "up") throw new Error(`MinIO does not start: see above`);
  const lines = new TextDecoder().decode(stdout).matchAll(/^(?:export )?(\w+)=['"]?(.*?)['"]?$/gm);
  return Object.fromEntries([...lines].map(([, name, value]) => [name!, value!]));
}

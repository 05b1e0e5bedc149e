import process from "node:process";
import type { ServerAddress } from "./_server.ts";

/**
 * The server that the environment names, for a suite that needs one.
 *
 * @throws where it names none: a suite that cannot reach its server fails.
 */
export function requireServer(): ServerAddress {
  const value = (name: string) => {
    const found = process.env[`CAIRN_S3_${name}`];
    if (found) return found;
    throw new Error(
      `CAIRN_S3_${name} is not set, and this suite needs a server: run it by \`deno task test\`, ` +
        'or first `deno run -A tests/servers/minio.ts up` and then `eval "$(deno run -A tests/servers/minio.ts env)"`',
    );
  };
  return {
    name: value("SERVER"),
    endpoint: value("ENDPOINT"),
    region: value("REGION"),
    accessKeyId: value("ACCESS_KEY_ID"),
    secretAccessKey: value("SECRET_ACCESS_KEY"),
    bucket: value("BUCKET"),
  };
}

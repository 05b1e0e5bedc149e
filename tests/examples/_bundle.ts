import { build, stop } from "esbuild";
import { fileURLToPath } from "node:url";
import { entries, ROOT } from "../package/manifest.ts";

/** An example as its users bundle it, but with the package from this checkout. */
export async function bundle(example: string, platform: "browser" | "node"): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`examples/${example}`, ROOT))],
    bundle: true,
    // What the examples say; as a module, the AWS SDK would look for a require that is not there.
    format: platform === "node" ? "cjs" : "esm",
    platform,
    minify: true,
    target: "es2022",
    write: false,
    logLevel: "error",
    alias: Object.fromEntries(
      entries.map(({ specifier, url }) => [specifier, fileURLToPath(url)]).reverse(),
    ),
  });
  await stop();
  return outputFiles[0]!.text;
}

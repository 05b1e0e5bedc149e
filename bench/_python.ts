import { fileURLToPath } from "node:url";
import { ROOT } from "../tests/package/manifest.ts";

/**
 * A virtual environment of Python under `.cache` with the packages of one file
 * of `requirements/`, made once for each content of it; gives its Python.
 */
export async function environment(name: string): Promise<string> {
  const requirements = fileURLToPath(new URL(`requirements/${name}.txt`, import.meta.url));
  const content = await Deno.readFile(requirements);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const folder = fileURLToPath(
    new URL(`.cache/python/${name}-${digest.toHex().slice(0, 12)}`, ROOT),
  );
  const python = `${folder}/bin/python`;
  const marker = `${folder}/installed`;
  if (await Deno.stat(marker).then(() => true, () => false)) return python;
  console.error(`${name}: installing from PyPI ...`);
  await runOrThrow("python3", ["-m", "venv", "--clear", folder]);
  // Every package is named with its version: there is nothing to resolve.
  const options = ["--quiet", "--disable-pip-version-check", "--no-deps"];
  await runOrThrow(python, ["-m", "pip", "install", ...options, "-r", requirements]);
  await Deno.writeTextFile(marker, "");
  return python;
}

async function runOrThrow(command: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  if (success) return;
  throw new Error(
    `${command} ${args.join(" ")}:\n${new TextDecoder().decode(stderr).slice(-2_000)}`,
  );
}

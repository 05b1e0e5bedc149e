/**
 * Runs `deno doc --lint` over all entries, on a copy that stands outside the
 * checkout. There npm packages resolve to nothing and are somebody else's, as
 * they are on JSR; inside, the lint wants every type of theirs that a signature
 * names (`BaseCheckpointSaver`, `S3Client`) to be exported and documented by us.
 *
 * @module
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };

const root = new URL("../../", import.meta.url);
const copy = mkdtempSync(join(tmpdir(), "doc-lint-"));
try {
  for (const part of ["mod.ts", "src"]) {
    cpSync(new URL(part, root), join(copy, part), { recursive: true });
  }
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", "--no-config", ...Object.values(config.exports)],
    cwd: copy,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code !== 0) console.error(new TextDecoder().decode(stderr));
  Deno.exitCode = code;
} finally {
  rmSync(copy, { recursive: true });
}

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { ROOT } from "./manifest.ts";

/** A heading's anchor, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").trim().replaceAll(" ", "-");
}

function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!));
}

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "examples/README.md",
  ...readdirSync(new URL("docs", ROOT)).filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

for (const page of pages) {
  Deno.test(`every link of ${page} leads somewhere`, () => {
    const text = readFileSync(new URL(page, ROOT), "utf8").replace(/^```[^]*?^```/gm, "");
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
    const lost = links.filter((target) => {
      if (/^https?:/.test(target)) return false;
      const { pathname, hash } = new URL(target, new URL(page, ROOT));
      if (!existsSync(new URL(pathname, ROOT))) return true;
      return hash !== "" && pathname.endsWith(".md") &&
        !anchorsOf(readFileSync(new URL(pathname, ROOT), "utf8")).includes(hash.slice(1));
    });
    assert.deepEqual(lost, []);
  });
}

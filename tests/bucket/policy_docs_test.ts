import { IAM_ROLES, IAM_USES } from "@cairn/checkpoint/bucket";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const DOCS = new URL("../../docs/iam.md", import.meta.url);

const ON: Readonly<Record<string, string>> = {
  objects: "objects under the prefix",
  chunks: "chunks under the prefix",
  listing: "listings under the prefix",
  bucket: "the bucket",
  probe: "objects under `probePrefix`",
  "probe listing": "listings under `probePrefix`",
  metrics: "the namespace `metricsNamespace`",
};

/** The rows of a table, under its head. */
function rowsOf(text: string, head: string): string[] {
  const lines = text.split("\n");
  const at = lines.findIndex((line) => line.replace(/\s+/g, " ").startsWith(head));
  assert(at >= 0, `docs/iam.md has no table ${head}`);
  const end = lines.findIndex((line, index) => index > at && line === "");
  return lines.slice(at + 2, end).map((line) => line.replace(/\s+/g, " ").trim());
}

const roles = Object.entries(IAM_ROLES).map(([role, uses]) =>
  `| \`${role}\` | ${uses.map((use) => `\`${use}\``).join(", ")} |`
);
const uses = Object.entries(IAM_USES).flatMap(([use, { what, needs }]) =>
  Object.entries(needs).map(([scope, actions], at) => {
    const named = actions.map((action) => `\`${action}\``).join(", ");
    return `| ${at === 0 ? `\`${use}\`` : ""} | ${at === 0 ? what : ""} | ${ON[scope]} | ${named} |`
      .replace(/\s+/g, " ");
  })
);

Deno.test("docs/iam.md prints the roles", async () => {
  assert.deepEqual(rowsOf(await readFile(DOCS, "utf8"), "| Role | Uses |"), roles);
});

Deno.test("docs/iam.md prints the table of uses", async () => {
  assert.deepEqual(rowsOf(await readFile(DOCS, "utf8"), "| Use | For | On | Actions |"), uses);
});

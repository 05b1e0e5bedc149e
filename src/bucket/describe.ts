import type { BucketPlan } from "./plan.ts";

const SIGNS = { add: "+", change: "~", remove: "-" } as const;

/**
 * A plan for people: what is added (`+`), changed (`~`), removed (`-`), and
 * what others have and keep (`=`).
 *
 * @example
 * ```ts
 * import { describePlan, planChanges } from "@cairn/checkpoint/bucket";
 * import assert from "node:assert/strict";
 *
 * const fresh = { bucket: "state", region: "eu-central-1", dialect: "aws", sections: {} } as const;
 * const text = describePlan(planChanges(fresh, { versioning: "enabled" }));
 * assert.equal(
 *   text,
 *   'bucket "state" (aws)\n' +
 *     "  versioning\n" +
 *     "    + versioning: objects that are overwritten or deleted are kept as versions",
 * );
 * ```
 */
export function describePlan(plan: BucketPlan): string {
  const lines = [`bucket "${plan.bucket}" (${plan.dialect})`];
  for (const { section, kept } of plan.steps) {
    lines.push(`  ${section}`);
    for (const change of plan.changes.filter((change) => change.section === section)) {
      const { action, id, text, before } = change;
      lines.push(`    ${SIGNS[action]} ${id}: ${text}`);
      if (before !== undefined) lines.push(`      was: ${before}`);
    }
    for (const id of kept) lines.push(`    = ${id}: stays as it is`);
  }
  if (plan.steps.length === 0) lines.push("  nothing to change");
  for (const note of plan.notes) lines.push(`  note: ${note}`);
  return lines.join("\n");
}

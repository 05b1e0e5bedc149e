import {
  CairnError,
  InvalidInputError,
  PreconditionFailedError,
  UnsupportedError,
} from "../errors.ts";
import type { BucketApi, S3Store } from "../s3/api.ts";
import { quote } from "../store/key.ts";
import { wait } from "../store/policy.ts";
import type { CallOptions } from "../store/store.ts";
import { apiOf } from "./_api.ts";
import type { AnySection, SectionState } from "./_section.ts";
import { documentOf, explained, readState, sameState, writeState } from "./_states.ts";
import { type SectionName, SECTIONS } from "./configuration.ts";
import { type BucketChange, type BucketPlan, differencesOf, type PlanStep } from "./plan.ts";

/** Options of {@link applyPlan}. */
export interface ApplyOptions extends CallOptions {
  /** Hears of each section once it is applied and seen to be. */
  readonly onApplied?: ((section: SectionName) => void) | undefined;
}

/** What {@link applyPlan} did. */
export interface AppliedPlan {
  /** The sections that were written, in order. */
  readonly applied: readonly SectionName[];
  /** The sections that somebody had made so already. */
  readonly already: readonly SectionName[];
  /** What changed. */
  readonly changes: readonly BucketChange[];
}

/** How long to wait before a section is read back, in milliseconds: S3 promises no exact time. */
const PATIENCE = [0, 250, 1_000, 3_000];

/**
 * Applies a plan, one section after the other, and reads each back. Applying it
 * twice changes nothing. Where it fails in the middle, the error says what is
 * applied and what is not; the same plan, or a new one, goes on from there.
 *
 * @throws {PreconditionFailedError} where somebody changed a section since it
 * was planned; it is left alone.
 * @throws {UnsupportedError} where the server takes a section and does not keep it.
 *
 * @example
 * ```ts
 * import { applyPlan, planBucket } from "@cairn/checkpoint/bucket";
 * import { edgeStore } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
 * const store = edgeStore({ bucket: "state", credentials });
 * const enable = async () => {
 *   const plan = await planBucket(store, { versioning: "enabled" });
 *   return await applyPlan(store, plan);
 * };
 * assert.equal(typeof enable, "function");
 * ```
 */
export async function applyPlan(
  store: S3Store,
  plan: BucketPlan,
  { signal, onApplied }: ApplyOptions = {},
): Promise<AppliedPlan> {
  const api = apiOf(store);
  if (plan.bucket !== api.bucket) {
    throw new InvalidInputError(
      `Cannot apply the plan of bucket ${quote(plan.bucket)} to bucket "${api.bucket}"`,
    );
  }
  // All of them first: a conflict then leaves everything as it was.
  const already: SectionName[] = [];
  for (const step of plan.steps) {
    if (await isDone(step, plan, api, { signal })) already.push(step.section);
  }
  const left = plan.steps.filter(({ section }) => !already.includes(section));
  const applied: SectionName[] = [];
  for (const [at, step] of left.entries()) {
    try {
      await applyStep(step, plan, api, { signal });
    } catch (error) {
      if (!(error instanceof CairnError) || plan.steps.length === 1) throw error;
      const rest = left.slice(at + 1).map(({ section }) => section);
      throw explained(
        error,
        `${error.message} (applied: ${list(applied)}; failed: ${step.section}; ` +
          `not begun: ${list(rest)}; plan again to see what is left)`,
      );
    }
    applied.push(step.section);
    onApplied?.(step.section);
  }
  const changes = plan.changes.filter(({ section }) => applied.includes(section));
  return { applied, already, changes };
}

/** Writes a section and reads it back: not every server that says yes has heard everything. */
async function applyStep(
  step: PlanStep,
  plan: BucketPlan,
  api: BucketApi,
  options: CallOptions,
): Promise<void> {
  if (await isDone(step, plan, api, options)) return;
  const section = sectionOf(step);
  await writeState(section, api, step.before, step.after, options);
  const { signal = new AbortController().signal } = options;
  let missing: string[] = [];
  for (const milliseconds of PATIENCE) {
    if (milliseconds > 0) await wait(milliseconds, signal);
    missing = missingOf(step, await readState(section, api, options), plan, api);
    if (missing.length === 0) return;
  }
  throw new UnsupportedError(
    `The server took ${step.section} of bucket "${api.bucket}", but does not show what it was ` +
      `given of ${missing.join(", ")}: it cannot do that, or shows it later; plan again to see`,
  );
}

/**
 * Whether a section is as the plan wants it already.
 *
 * @throws {PreconditionFailedError} where it is neither that nor as it was planned upon.
 */
async function isDone(
  step: PlanStep,
  plan: BucketPlan,
  api: BucketApi,
  options: CallOptions,
): Promise<boolean> {
  const now = await readState(sectionOf(step), api, options);
  if (sameState(now, step.before)) return false;
  if (missingOf(step, now, plan, api).length === 0) return true;
  throw new PreconditionFailedError(
    `Cannot apply ${step.section} to bucket "${api.bucket}": somebody changed it since it was ` +
      "planned; plan again",
  );
}

/** What a section does not say as the plan wants it, by its ids. */
function missingOf(
  step: PlanStep,
  now: SectionState,
  { prefix, desired }: BucketPlan,
  { bucket, region, dialect }: BucketApi,
): string[] {
  const section = sectionOf(step);
  const itemsOf = (state: SectionState) =>
    section.items(documentOf(state), { bucket, region, dialect, prefix, desired });
  return differencesOf(itemsOf(now), itemsOf(step.after)).map(({ id }) => id);
}

function list(sections: readonly SectionName[]): string {
  return sections.join(", ") || "nothing";
}

function sectionOf({ section }: PlanStep): AnySection {
  if (Object.hasOwn(SECTIONS, section)) return SECTIONS[section];
  throw new InvalidInputError(`Cannot apply the section ${quote(section)}: there is none`);
}

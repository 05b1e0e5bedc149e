import { InvalidInputError } from "../errors.ts";
import { Keys } from "../checkpoint/keys.ts";
import type { Spread } from "../checkpoint/spread.ts";
import type { S3Store } from "../s3/api.ts";
import type { DialectName } from "../s3/dialect.ts";
import { renderXml } from "../s3/xml.ts";
import { quote } from "../store/key.ts";
import type { CallOptions } from "../store/store.ts";
import { apiOf } from "./_api.ts";
import type { AnySection, SectionContext, SectionItem, SectionState } from "./_section.ts";
import { documentOf, readState } from "./_states.ts";
import { requireRemoval, requireSection } from "./_support.ts";
import { refuseScopes } from "./sections/_lifecycle_rules.ts";
import { type BucketConfiguration, type SectionName, SECTIONS } from "./configuration.ts";

/** Options of {@link planBucket}. */
export interface PlanOptions extends CallOptions {
  /** The checkpointer's prefix: rules are about what is under it. @default "cairn/" */
  readonly prefix?: string | undefined;
  /** The checkpointer's `spread`: a rule about some of its threads is refused then. @default none */
  readonly spread?: Spread | undefined;
}

/** A bucket as it is: what {@link planChanges} computes with. */
export interface BucketState {
  /** The bucket. */
  readonly bucket: string;
  /** Its region. */
  readonly region: string;
  /** Whose S3 it is. */
  readonly dialect: DialectName;
  /** Its sections, those that were read: one that is not here says nothing. */
  readonly sections: Readonly<Partial<Record<SectionName, SectionState>>>;
}

/** One thing that a plan changes. */
export interface BucketChange {
  /** The section. */
  readonly section: SectionName;
  /** What happens to it. */
  readonly action: "add" | "change" | "remove";
  /** What it is known by: a rule's id, or the name of a setting. */
  readonly id: string;
  /** What it says; of what is removed, what it said. */
  readonly text: string;
  /** What it said before, where it is changed. */
  readonly before?: string;
}

/** What a plan does with one section. */
export interface PlanStep {
  /** The section. */
  readonly section: SectionName;
  /** As it was found. */
  readonly before: SectionState;
  /** As it will be. */
  readonly after: SectionState;
  /** What others have there, and keep: the ids of their rules. */
  readonly kept: readonly string[];
}

/** A difference, as plain data: it can be shown, stored as JSON, and applied. */
export interface BucketPlan {
  /** The bucket. */
  readonly bucket: string;
  /** Whose S3 it is. */
  readonly dialect: DialectName;
  /** What changes; empty where everything is as wished. */
  readonly changes: readonly BucketChange[];
  /** What to know before one applies it. */
  readonly notes: readonly string[];
  /** The sections that change, in the order in which they are applied. */
  readonly steps: readonly PlanStep[];
  /** What it was computed for. */
  readonly desired: BucketConfiguration;
  /** The checkpointer's prefix. */
  readonly prefix: string;
}

/**
 * Reads what is there, and computes what is to change; changes nothing.
 *
 * Rules, targets and settings of others stay: ours are those with an id that
 * begins with `cairn:` and are about keys under `prefix`. A section that
 * `desired` does not name is not even read.
 *
 * @throws {InvalidInputError} where what is wished for cannot be.
 * @throws {UnsupportedError} for a store that is no S3 store, by its name, and
 * for what its server does not have.
 *
 * @example A plan needs an S3 store
 * ```ts
 * import { memoryStore, UnsupportedError } from "@cairn/checkpoint";
 * import { planBucket } from "@cairn/checkpoint/bucket";
 * import { edgeStore } from "@cairn/checkpoint/edge";
 * import assert from "node:assert/strict";
 *
 * const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
 * const store = edgeStore({ bucket: "state", credentials });
 * const plan = () => planBucket(store, { versioning: "enabled" }); // sends one GET
 * assert.equal(typeof plan, "function");
 *
 * // @ts-expect-error: memory is no bucket, and the types know
 * await assert.rejects(planBucket(memoryStore(), {}), UnsupportedError);
 * ```
 */
export async function planBucket(
  store: S3Store,
  desired: BucketConfiguration,
  options: PlanOptions = {},
): Promise<BucketPlan> {
  const api = apiOf(store);
  const { bucket, region, dialect } = api;
  const empty: BucketState = { bucket, region, dialect, sections: {} };
  planChanges(empty, desired, options); // what cannot be is refused before anything is asked
  const sections: Partial<Record<SectionName, SectionState>> = {};
  const wanted = new Set(sectionsOf(desired).flatMap(({ name, needs = [] }) => [name, ...needs]));
  await Promise.all(
    [...wanted].map((name) => SECTIONS[name]).map(async (section) => {
      sections[section.name] = await readState(section, api, options);
    }),
  );
  return planChanges({ ...empty, sections }, desired, options);
}

/**
 * Computes what is to change, of a bucket as it is: a pure function.
 *
 * @throws {InvalidInputError} where what is wished for cannot be.
 * @throws {UnsupportedError} for what the server does not have.
 *
 * @example
 * ```ts
 * import { planChanges } from "@cairn/checkpoint/bucket";
 * import assert from "node:assert/strict";
 *
 * const fresh = { bucket: "state", region: "eu-central-1", dialect: "aws", sections: {} } as const;
 * const plan = planChanges(fresh, { versioning: "enabled" });
 * assert.deepEqual(plan.changes.map(({ section, action }) => [section, action]), [
 *   ["versioning", "add"],
 * ]);
 * const { after } = plan.steps[0]!;
 * const then = { ...fresh, sections: { versioning: after } };
 * assert.deepEqual(planChanges(then, { versioning: "enabled" }).changes, []);
 * ```
 */
export function planChanges(
  state: BucketState,
  desired: BucketConfiguration,
  { prefix: given = "cairn/", spread }: PlanOptions = {},
): BucketPlan {
  const { prefix } = new Keys(given);
  if (spread !== undefined) refuseScopes(desired.lifecycle ?? {});
  const { bucket, region, dialect, sections } = state;
  const context: SectionContext = { bucket, region, dialect, prefix, desired, sections };
  const changes: BucketChange[] = [];
  const notes: string[] = [];
  const steps: PlanStep[] = [];
  for (const section of sectionsOf(desired)) {
    const { name } = section;
    requireSection(name, dialect, bucket);
    const before = sections[name] ?? { xml: null, headers: {} };
    const current = documentOf(before);
    const document = section.merge(current, desired[name], context);
    const after = { ...before, xml: document ? renderXml(document) : null };
    notes.push(...section.notes?.(desired[name], context, document) ?? []);
    const [was, will] = [section.items(current, context), section.items(document, context)];
    const differences = differencesOf(was, will);
    if (differences.length === 0) continue;
    if (document === undefined) requireRemoval(section, dialect, bucket);
    changes.push(...differences.map((difference) => ({ section: name, ...difference })));
    const touched = new Set(differences.map(({ id }) => id));
    steps.push({
      section: name,
      before,
      after,
      kept: was.map(({ id }) => id).filter((id) => !touched.has(id)),
    });
  }
  return { bucket, dialect, changes, notes, steps, desired, prefix };
}

/** The sections that are named, in the order in which they are applied. */
function sectionsOf(desired: BucketConfiguration): AnySection[] {
  for (const name of Object.keys(desired)) {
    if (Object.hasOwn(SECTIONS, name)) continue;
    throw new InvalidInputError(
      `Cannot configure ${quote(name)}; there are ${Object.keys(SECTIONS).join(", ")}`,
    );
  }
  return Object.values(SECTIONS).filter(({ name }) => desired[name] !== undefined);
}

/** What differs between two lists of things, each known by its id. */
export function differencesOf(
  was: readonly SectionItem[],
  will: readonly SectionItem[],
): Omit<BucketChange, "section">[] {
  const keyOf = ({ id, value }: SectionItem) => JSON.stringify([id, value]);
  const before = new Set(was.map(keyOf));
  const same = new Set(will.map(keyOf).filter((key) => before.has(key)));
  const gone = new Map(was.filter((item) => !same.has(keyOf(item))).map((item) => [item.id, item]));
  const differences: Omit<BucketChange, "section">[] = [];
  for (const item of will) {
    if (same.has(keyOf(item))) continue;
    const { id, text } = item;
    const old = gone.get(id);
    gone.delete(id);
    if (old) differences.push({ action: "change", id, text, before: old.text });
    else differences.push({ action: "add", id, text });
  }
  for (const { id, text } of gone.values()) differences.push({ action: "remove", id, text });
  return differences;
}

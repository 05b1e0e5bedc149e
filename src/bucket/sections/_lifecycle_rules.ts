import { InvalidInputError, UnsupportedError } from "../../errors.ts";
import { escapeSegment } from "../../checkpoint/keys.ts";
import { lifecycleDays } from "../../checkpoint/ttl.ts";
import type { DialectName } from "../../s3/dialect.ts";
import { checkWhole, refuse } from "../../store/_options.ts";
import { checkKey, quote } from "../../store/key.ts";
import type { SectionContext } from "../_section.ts";
import type {
  Lifecycle,
  ThreadScope,
  TransitionClass,
  TransitionRule,
  TransitionStep,
} from "./lifecycle.ts";

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html */
export const MAX_RULES = 1_000;

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_NoncurrentVersionExpiration.html */
const MAX_KEPT = 100;

/** The most days a rule counts: S3's own is 2,147,483,647; a thousand years are a mistake. */
const MAX_DAYS = 365_000;

/** How long objects must be in STANDARD before, and stay in these classes once they are there. */
const MIN_DAYS = 30;
const INFREQUENT: readonly TransitionClass[] = ["STANDARD_IA", "ONEZONE_IA"];

/** Classes that cannot be read without a restore of hours. */
export const ARCHIVES: readonly TransitionClass[] = ["GLACIER", "DEEP_ARCHIVE"];

/**
 * Where objects can move on to from each class: never up, and not everywhere down.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
 */
const ONWARD: Readonly<Record<TransitionClass, readonly TransitionClass[]>> = {
  STANDARD_IA: ["INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"],
  INTELLIGENT_TIERING: ["ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"],
  ONEZONE_IA: ["GLACIER", "DEEP_ARCHIVE"],
  GLACIER_IR: ["GLACIER", "DEEP_ARCHIVE"],
  GLACIER: ["DEEP_ARCHIVE"],
  DEEP_ARCHIVE: [],
};

/** What a server's lifecycle does not have, as data. */
const MISSING: Readonly<
  Partial<Record<DialectName, Partial<Record<keyof Lifecycle, string>>>>
> = {
  // https://developers.cloudflare.com/r2/buckets/object-lifecycles/
  r2: {
    noncurrent: "R2 keeps no versions",
    deleteMarkers: "R2 keeps no versions",
  },
  // https://min.io/docs/minio/linux/administration/object-management/object-lifecycle-management.html
  minio: {
    abortUploads:
      "MinIO aborts stale uploads by itself, after a day where it is not told otherwise",
    transitions: "MinIO moves objects to remote tiers of its own, and knows no classes of S3",
  },
};

/** The classes that a server knows, where those are not all. */
const CLASSES: Readonly<Partial<Record<DialectName, readonly TransitionClass[]>>> = {
  // https://developers.cloudflare.com/r2/buckets/storage-classes/
  r2: ["STANDARD_IA"],
};

/**
 * Refuses what S3 would refuse, what would tear threads, and what the server cannot do.
 *
 * @throws {InvalidInputError} that names the rule, the value and the limit.
 * @throws {UnsupportedError} that names the server.
 */
export function checkLifecycle(desired: Lifecycle, context: SectionContext): void {
  requireFeatures(desired, context);
  const { expire = [], noncurrent = [], abortUploads, transitions = [] } = desired;
  for (const rule of [...expire, ...noncurrent, ...transitions]) checkScope(rule, context);
  for (const { days, keep } of noncurrent) {
    checkWhole({ "lifecycle.noncurrent.days": days }, 1, MAX_DAYS);
    if (keep !== undefined) checkWhole({ "lifecycle.noncurrent.keep": keep }, 1, MAX_KEPT);
  }
  if (abortUploads !== undefined) {
    checkWhole({ "lifecycle.abortUploads": abortUploads }, 1, MAX_DAYS);
  }
  for (const rule of transitions) checkTransitions(rule, context);

  const expiries = expire.map((rule) => ({ rule, days: lifecycleDays(rule.ttl) }));
  const ends = noncurrent.map((rule) => ({ rule, days: rule.days }));
  refuseClashes("expire", expiries, context);
  refuseClashes("noncurrent", ends, context);
  refuseClashes("transitions", transitions.map((rule) => ({ rule, days: NaN })), context);
  for (const { rule, days } of expiries) checkEnd(rule, days, "current", transitions, context);
  for (const { rule, days } of ends) checkEnd(rule, days, "noncurrent", transitions, context);
}

/** The keys of a rule's threads begin with this. */
export function scopeOf({ threads = "" }: ThreadScope, { prefix }: SectionContext): string {
  return prefix + (threads === "" ? "" : escapeSegment(threads));
}

/** Refuses rules about some threads alone where these are spread: they begin in no one place. */
export function refuseScopes({ expire = [], noncurrent = [], transitions = [] }: Lifecycle): void {
  for (const { threads = "" } of [...expire, ...noncurrent, ...transitions]) {
    if (threads === "") continue;
    refuse(
      "lifecycle threads",
      threads,
      "rules about all threads: a spread puts those that begin alike into different folders; " +
        "keep threads with rules of their own under a prefix of their own",
    );
  }
}

function requireFeatures(desired: Lifecycle, { dialect, bucket }: SectionContext): void {
  for (const [feature, why] of Object.entries(MISSING[dialect] ?? {})) {
    const value = desired[feature as keyof Lifecycle];
    if (value === undefined || value === false || (Array.isArray(value) && value.length === 0)) {
      continue;
    }
    throw new UnsupportedError(
      `Cannot configure lifecycle.${feature} of bucket "${bucket}": ${why} (dialect "${dialect}")`,
    );
  }
}

/** Refuses what no thread's id begins with. */
export function checkScope({ threads = "" }: ThreadScope, context: SectionContext): void {
  if (typeof threads !== "string" || !threads.isWellFormed()) {
    refuse("lifecycle threads", threads, "what threads' ids begin with, a string");
  }
  checkKey(`${scopeOf({ threads }, context)}x`);
}

function checkTransitions(rule: TransitionRule, { dialect, bucket }: SectionContext): void {
  const { current = [], noncurrent = [], minBytes, archive = false } = rule;
  if (current.length + noncurrent.length === 0) {
    refuse("lifecycle.transitions", "a rule without a move", "`current` or `noncurrent`");
  }
  if (minBytes !== undefined) checkWhole({ "lifecycle minBytes": minBytes }, 1);
  for (const steps of [current, noncurrent]) checkSteps(steps);
  const known = CLASSES[dialect];
  for (const { to } of [...current, ...noncurrent]) {
    if (known === undefined || known.includes(to)) continue;
    throw new UnsupportedError(
      `Cannot move objects of bucket "${bucket}" to ${to}: this server has ` +
        `${known.join(", ")} (dialect "${dialect}")`,
    );
  }
  const archived = current.find(({ to }) => ARCHIVES.includes(to));
  if (archived && archive !== true) {
    refuse(
      "lifecycle.transitions.current",
      archived.to,
      "a class that can be read at once, such as GLACIER_IR, or set `archive: true`: threads " +
        "there can be read and gone on with only after a restore",
    );
  }
}

function checkSteps(steps: readonly TransitionStep[]): void {
  steps.forEach(({ days, to }, at) => {
    if (!Object.hasOwn(ONWARD, to)) {
      refuse("a lifecycle transition", to, `one of ${Object.keys(ONWARD).join(", ")}`);
    }
    const least = INFREQUENT.includes(to) ? MIN_DAYS : 1;
    checkWhole({ [`the days until ${to}`]: days }, least, MAX_DAYS);
    const before = steps[at - 1];
    if (before === undefined) return;
    if (!ONWARD[before.to].includes(to)) {
      refuse(
        "a lifecycle transition",
        `${before.to} to ${to}`,
        `from ${before.to} ${ONWARD[before.to].join(", ") || "nothing"}`,
      );
    }
    const gap = INFREQUENT.includes(before.to) ? MIN_DAYS : 1;
    if (days < before.days + gap) {
      refuse(
        `the days until ${to}`,
        days,
        `${before.days + gap} or more, ${gap} after ${before.to}`,
      );
    }
  });
}

/** Of two rules about the same object, S3 follows the one that comes first: what the other says is not true. */
function refuseClashes(
  name: string,
  rules: readonly { rule: ThreadScope; days: number }[],
  context: SectionContext,
): void {
  rules.forEach(({ rule: a, days }, at) => {
    for (const { rule: b, days: other } of rules.slice(at + 1)) {
      const [one, two] = [scopeOf(a, context), scopeOf(b, context)];
      if (one !== two && (days === other || !isUnder(one, two) && !isUnder(two, one))) continue;
      throw new InvalidInputError(
        `Cannot use lifecycle.${name}: two rules are about the same threads, those under ` +
          `${quote(one)} and ${quote(two)}; give one of them, or threads that do not overlap`,
      );
    }
  });
}

function isUnder(scope: string, other: string): boolean {
  return scope.startsWith(other);
}

/** What ends must have moved before: S3 refuses the other way round within a rule. */
function checkEnd(
  rule: ThreadScope,
  days: number,
  which: "current" | "noncurrent",
  transitions: readonly TransitionRule[],
  context: SectionContext,
): void {
  const scope = scopeOf(rule, context);
  for (const transition of transitions) {
    const moved = scopeOf(transition, context);
    const last = transition[which]?.at(-1);
    if (last === undefined || last.days < days) continue;
    if (!isUnder(scope, moved) && !isUnder(moved, scope)) continue;
    refuse(
      `the days until ${last.to}`,
      last.days,
      `fewer than ${days}, when objects under ${quote(scope)} go`,
    );
  }
}

import { InvalidInputError } from "../../errors.ts";
import { lifecycleDays, type TtlOptions } from "../../checkpoint/ttl.ts";
import type { XmlElement } from "../../s3/xml.ts";
import { element, idOf, isOwn, mergeRules, ownId, prefixOf } from "../_documents.ts";
import type { Section, SectionContext } from "../_section.ts";
import { checkLifecycle, MAX_RULES, scopeOf } from "./_lifecycle_rules.ts";
import { notesOf, textOfRule, valueOfRule } from "./_lifecycle_text.ts";

/** Which threads a rule is about. */
export interface ThreadScope {
  /**
   * Only threads whose id begins with this. A rule is always about whole
   * threads: one that removed a part would tear them.
   *
   * @default all threads under the prefix
   */
  readonly threads?: string | undefined;
}

/** A time to live. */
export interface ExpireRule extends ThreadScope {
  /** How long threads live: what the checkpointer's `ttl` is made of, too. */
  readonly ttl: TtlOptions;
}

/** The end of versions that were overwritten or deleted. */
export interface NoncurrentRule extends ThreadScope {
  /** How many whole days after it was overwritten or deleted a version goes. */
  readonly days: number;
  /** How many of each object's newest such versions stay all the same, from 1 to 100. @default none */
  readonly keep?: number | undefined;
}

/** The storage classes that a lifecycle rule can move objects to. */
export type TransitionClass =
  | "INTELLIGENT_TIERING"
  | "STANDARD_IA"
  | "ONEZONE_IA"
  | "GLACIER_IR"
  | "GLACIER"
  | "DEEP_ARCHIVE";

/** One move. */
export interface TransitionStep {
  /** How many whole days after an object was written, or a version became noncurrent. */
  readonly days: number;
  /** Where to. */
  readonly to: TransitionClass;
}

/** Moves to cheaper storage. */
export interface TransitionRule extends ThreadScope {
  /** The moves of objects, by their age. */
  readonly current?: readonly TransitionStep[] | undefined;
  /** The moves of versions that were overwritten or deleted, by the days since. */
  readonly noncurrent?: readonly TransitionStep[] | undefined;
  /**
   * Only objects of at least so many bytes.
   *
   * @default what S3 takes for worth it: 131,072, 128 KiB
   */
  readonly minBytes?: number | undefined;
  /**
   * Allows `GLACIER` and `DEEP_ARCHIVE` for objects, and not for old versions
   * alone: threads with such objects can be read and gone on with only after a
   * restore.
   *
   * @default false
   */
  readonly archive?: boolean | undefined;
}

/** How objects age. Every rule is about what is under the checkpointer's prefix. */
export interface Lifecycle {
  /** Threads' time to live. */
  readonly expire?: readonly ExpireRule[] | undefined;
  /** The end of old versions. */
  readonly noncurrent?: readonly NoncurrentRule[] | undefined;
  /** Whether delete markers go that nothing is left behind. @default false */
  readonly deleteMarkers?: boolean | undefined;
  /** When multipart uploads that were never completed are aborted, in whole days. @default never */
  readonly abortUploads?: number | undefined;
  /** Moves to cheaper storage. */
  readonly transitions?: readonly TransitionRule[] | undefined;
}

const ROOT = "LifecycleConfiguration";

/** The section `lifecycle`: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html */
export const lifecycle: Section<Lifecycle> = {
  name: "lifecycle",
  query: "lifecycle",
  root: ROOT,
  operations: {
    read: "GetBucketLifecycleConfiguration",
    write: "PutBucketLifecycleConfiguration",
    remove: "DeleteBucketLifecycle",
  },
  absent: "NoSuchLifecycleConfiguration",
  // Left out of a PUT, it falls back to its default, and others' small objects stop or start to move.
  headers: ["x-amz-transition-default-minimum-object-size"],

  merge(current, desired, context) {
    checkLifecycle(desired, context);
    const merged = mergeRules(current, ROOT, rulesOf(desired, context), context);
    const count = merged?.children.length ?? 0;
    if (count > MAX_RULES) {
      throw new InvalidInputError(
        `Cannot use lifecycle: with those of others there would be ${count} rules; the limit is ` +
          `${MAX_RULES}; give fewer`,
      );
    }
    return merged;
  },

  items(document) {
    return (document?.children ?? []).map((rule) => ({
      id: idOf(rule) || "a rule without an id",
      text: textOfRule(rule),
      value: valueOfRule(rule),
    }));
  },

  notes(desired, context, document) {
    const others = (document?.children ?? []).filter((rule) =>
      !isOwn(rule, context) && overlaps(prefixOf(rule), context.prefix)
    );
    return notesOf(desired, context, others);
  },
};

function overlaps(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a);
}

/** One rule of S3 for each kind and each scope, so that each can be read, and taken away, by itself. */
function rulesOf(desired: Lifecycle, context: SectionContext): XmlElement[] {
  const { expire = [], noncurrent = [], deleteMarkers, abortUploads, transitions = [] } = desired;
  const all = context.prefix;
  return [
    ...expire.map((rule) => {
      const days = element("Days", lifecycleDays(rule.ttl));
      return ruleOf("expire", scopeOf(rule, context), [element("Expiration", [days])]);
    }),
    ...noncurrent.map((rule) =>
      ruleOf("noncurrent", scopeOf(rule, context), [
        element("NoncurrentVersionExpiration", [
          element("NoncurrentDays", rule.days),
          rule.keep === undefined ? undefined : element("NewerNoncurrentVersions", rule.keep),
        ]),
      ])
    ),
    ...(deleteMarkers
      ? [ruleOf("delete-markers", all, [
        element("Expiration", [element("ExpiredObjectDeleteMarker", "true")]),
      ])]
      : []),
    ...(abortUploads === undefined ? [] : [ruleOf("abort-uploads", all, [
      element("AbortIncompleteMultipartUpload", [element("DaysAfterInitiation", abortUploads)]),
    ])]),
    ...transitions.map((rule) =>
      ruleOf("transition", scopeOf(rule, context), [
        ...(rule.current ?? []).map(({ days, to }) =>
          element("Transition", [element("Days", days), element("StorageClass", to)])
        ),
        ...(rule.noncurrent ?? []).map(({ days, to }) =>
          element("NoncurrentVersionTransition", [
            element("NoncurrentDays", days),
            element("StorageClass", to),
          ])
        ),
      ], rule.minBytes)
    ),
  ];
}

function ruleOf(
  what: string,
  scope: string,
  actions: readonly XmlElement[],
  minBytes?: number,
): XmlElement {
  const prefix = element("Prefix", scope);
  const filter = minBytes === undefined
    ? prefix
    : element("And", [prefix, element("ObjectSizeGreaterThan", minBytes - 1)]);
  return element("Rule", [
    element("ID", ownId(what, scope)),
    element("Filter", [filter]),
    element("Status", "Enabled"),
    ...actions,
  ]);
}

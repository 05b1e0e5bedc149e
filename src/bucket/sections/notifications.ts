import { InvalidInputError } from "../../errors.ts";
import { childrenOf, renderXml, textOf, type XmlElement } from "../../s3/xml.ts";
import { refuse } from "../../store/_options.ts";
import { childOf, element, idOf, mergeRules, ownId, withChild } from "../_documents.ts";
import { filterOf, filterValue, overlap, type Scope, scopeOf } from "../_filters.ts";
import type { Section, SectionContext } from "../_section.ts";
import { explained } from "../_states.ts";
import { parseTarget, SERVICES } from "../_targets.ts";

/** A type of event of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html */
export type NotificationEvent = `s3:${string}`;

/** Who is told of events of checkpoints. */
export interface NotificationTarget {
  /**
   * The ARN of a standard queue of SQS, a standard topic of SNS, or a function
   * of Lambda, in the bucket's region; on MinIO and Ceph that of a target that
   * the server is configured with.
   */
  readonly arn: string;
  /** The types of events. @default ["s3:ObjectCreated:*"] */
  readonly events?: readonly NotificationEvent[] | undefined;
  /**
   * Of which objects: the records of checkpoints, which are written last, so
   * that what is told of can be loaded; or all, writes and chunks included.
   *
   * @default "checkpoints"
   */
  readonly objects?: "checkpoints" | "all" | undefined;
}

/** Who is told of events. */
export interface Notifications {
  /** Queues, topics and functions. Those of ours that are not here any longer are taken out. @default [] */
  readonly targets?: readonly NotificationTarget[] | undefined;
  /** Whether EventBridge is told of every event of the whole bucket. @default as it is */
  readonly eventBridge?: boolean | undefined;
}

const ROOT = "NotificationConfiguration";
const BRIDGE = "EventBridgeConfiguration";
const TO_TARGETS = Object.values(SERVICES);

/** What ends the key of a checkpoint's record, and of nothing else. */
const SUFFIX = { checkpoints: "/c", all: "" } as const;

/** The families of events that S3 has, each with its members. */
const EVENTS: Readonly<Record<string, readonly string[]>> = {
  ObjectCreated: ["*", "Put", "Post", "Copy", "CompleteMultipartUpload"],
  ObjectRemoved: ["*", "Delete", "DeleteMarkerCreated"],
  ObjectRestore: ["*", "Post", "Completed", "Delete"],
  ReducedRedundancyLostObject: [""],
  Replication: [
    "*",
    "OperationFailedReplication",
    "OperationMissedThreshold",
    "OperationReplicatedAfterThreshold",
    "OperationNotTracked",
  ],
  LifecycleExpiration: ["*", "Delete", "DeleteMarkerCreated"],
  LifecycleTransition: [""],
  IntelligentTiering: [""],
  ObjectTagging: ["*", "Put", "Delete"],
  ObjectAcl: ["Put"],
};

/** Servers that tell several targets of one event, and know events of their own. */
const FREE: readonly SectionContext["dialect"][] = ["minio", "ceph"];

/** The section `notifications`: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html */
export const notifications: Section<Notifications> = {
  name: "notifications",
  query: "notification",
  root: ROOT,
  operations: {
    read: "GetBucketNotificationConfiguration",
    write: "PutBucketNotificationConfiguration",
  },

  merge(current, desired, context): XmlElement | undefined {
    const { targets = [], eventBridge } = desired;
    if (!Array.isArray(targets)) refuse("notifications.targets", targets, "a list");
    const prefix = filterValue(context.prefix, context.dialect);
    const rules = targets.map((target, at) => ruleOf(target, prefix, context, at));
    refuseTwins(rules);
    const merged = mergeRules(current, ROOT, rules, { ...context, prefix });
    if (!FREE.includes(context.dialect)) refuseOverlaps(merged, rules);
    if (eventBridge === undefined) return merged;
    if (typeof eventBridge !== "boolean") {
      refuse("notifications.eventBridge", eventBridge, "true or false");
    }
    const document = merged ?? element(ROOT, []);
    return withChild(document, BRIDGE, eventBridge ? element(BRIDGE) : undefined);
  },

  items(document) {
    const found = TO_TARGETS.flatMap(({ configuration, element }) =>
      childrenOf(document ?? NOTHING, configuration).map((rule) => {
        const { events, prefix, suffix } = scopeOf(rule);
        const arn = textOf(rule, element) ?? "";
        return {
          id: idOf(rule) ?? arn,
          value: JSON.stringify([arn, events.toSorted(), prefix, suffix]),
          text: `${arn} is told of ${events.join(", ")} of ${keysOf(prefix, suffix)}`,
        };
      })
    );
    if (childOf(document, BRIDGE) === undefined) return found;
    const text = "EventBridge is told of every event of the bucket";
    return [...found, { id: "EventBridge", value: "", text }];
  },

  notes({ targets = [] }) {
    if (targets.length === 0) return [];
    return [
      "notifications: S3 sends each target a test event when this is applied, so that its policy " +
      "must allow it before (notificationPolicy)",
    ];
  },

  async write(api, _, { xml }, options) {
    const { operations: { write: operation }, query } = notifications;
    const body = xml ?? renderXml(element(ROOT, []));
    try {
      await api.request({ method: "PUT", query: { [query]: "" }, body, operation }, options);
    } catch (error) {
      // https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications.html
      const isTarget = error instanceof InvalidInputError && /destination|ARN/i.test(error.message);
      if (!isTarget) throw error;
      throw explained(
        error,
        `${error.message}; each target must exist, in region "${api.region}", and allow S3 to ` +
          "send to it: notificationPolicy() prints what its policy must say",
      );
    }
  },
};

const NOTHING = element(ROOT, []);

/** A target's configuration. */
function ruleOf(
  { arn: text, events = ["s3:ObjectCreated:*"], objects = "checkpoints" }: NotificationTarget,
  prefix: string,
  context: SectionContext,
  at: number,
): XmlElement {
  const name = `notifications.targets[${at}]`;
  const { dialect, region, bucket } = context;
  const arn = parseTarget(text, `${name}.arn`, dialect);
  if (!FREE.includes(dialect) && arn.region !== region) {
    refuse(`${name}.arn`, text, `one in "${region}", where bucket "${bucket}" is`);
  }
  if (!Object.hasOwn(SUFFIX, objects)) refuse(`${name}.objects`, objects, `"checkpoints" or "all"`);
  if (!Array.isArray(events) || events.length === 0) {
    refuse(`${name}.events`, events, "one type of event or more");
  }
  for (const event of events) checkEvent(event, `${name}.events`, dialect);
  const { configuration, element: target } = SERVICES[arn.service];
  // What MinIO calls the account is the name of the target, and its resource only says of which kind.
  const which = FREE.includes(dialect) ? `${arn.account}:${arn.resource}` : arn.resource;
  const id = ownId(`${objects}-to-${arn.service}:${which}`, context.prefix);
  return element(configuration, [
    element("Id", id),
    element(target, text),
    ...events.map((event) => element("Event", event)),
    filterOf({ prefix, suffix: filterValue(SUFFIX[objects], dialect) }),
  ]);
}

function checkEvent(event: string, name: string, dialect: SectionContext["dialect"]): void {
  const [, family, member = ""] = /^s3:([A-Za-z]+)(?::([A-Za-z]+|\*))?$/.exec(event) ?? [];
  if (family === undefined) refuse(name, event, "types of events such as s3:ObjectCreated:*");
  if (FREE.includes(dialect)) return;
  if (!Object.hasOwn(EVENTS, family)) {
    refuse(name, event, `one of S3's: ${Object.keys(EVENTS).map((one) => `s3:${one}`).join(", ")}`);
  }
  if (!EVENTS[family]!.includes(member)) {
    const all = EVENTS[family]!.map((one) => one === "" ? `s3:${family}` : `s3:${family}:${one}`);
    refuse(name, event, all.join(", "));
  }
}

/** Refuses two targets of one id: they are one. */
function refuseTwins(rules: readonly XmlElement[]): void {
  const ids = rules.map(idOf);
  const at = ids.findIndex((id, index) => ids.indexOf(id) < index);
  if (at < 0) return;
  throw new InvalidInputError(
    `Cannot configure the notification "${
      ids[at]
    }" twice; name its target once, with all its events`,
  );
}

/**
 * S3 refuses two configurations that one event may be of, whatever their
 * targets, and names neither.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
 */
function refuseOverlaps(document: XmlElement | undefined, ours: readonly XmlElement[]): void {
  const all = TO_TARGETS.flatMap(({ configuration }) =>
    childrenOf(document ?? NOTHING, configuration)
  );
  for (const [at, rule] of ours.entries()) {
    const others = all.filter((other) => ours.indexOf(other) < 0 || ours.indexOf(other) > at);
    const met = others.find((other) => overlap(scopeOf(rule), scopeOf(other)));
    if (met === undefined) continue;
    const scope: Scope = scopeOf(met);
    throw new InvalidInputError(
      `Cannot configure the notification "${idOf(rule)}": ` +
        `${ours.includes(met) ? "another one wished for" : "somebody else's"}, ` +
        `"${idOf(met) ?? "without an id"}", is of ${scope.events.join(", ")} of ` +
        `${keysOf(scope.prefix, scope.suffix)} already, and S3 tells one target of an event; ` +
        "give both a topic of SNS, use EventBridge, or keep their events apart",
    );
  }
}

function keysOf(prefix: string, suffix: string): string {
  if (prefix === "" && suffix === "") return "all keys";
  return [
    "keys",
    ...prefix === "" ? [] : [`that begin with "${prefix}"`],
    ...prefix !== "" && suffix !== "" ? ["and"] : [],
    ...suffix === "" ? [] : [`that end in "${suffix}"`],
  ].join(" ");
}

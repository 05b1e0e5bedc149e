import { InvalidInputError } from "../../errors.ts";
import { childrenOf, parseXml, renderXml, textOf, type XmlElement } from "../../s3/xml.ts";
import { checkWhole, refuse } from "../../store/_options.ts";
import { isAccount, parseArn } from "../_arn.ts";
import { childOf, element, idOf, isOwn, mergeRules, ownId, prefixOf } from "../_documents.ts";
import type { Section, SectionContext } from "../_section.ts";
import { explained } from "../_states.ts";

/** How a replica is stored: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Destination.html */
export type ReplicationStorageClass =
  | "STANDARD"
  | "STANDARD_IA"
  | "ONEZONE_IA"
  | "INTELLIGENT_TIERING"
  | "GLACIER_IR"
  | "GLACIER"
  | "DEEP_ARCHIVE";

/** A bucket that checkpoints are copied to. */
export interface ReplicationDestination {
  /** The bucket's name or ARN; on MinIO the ARN of a remote target, `arn:minio:replication:…`. */
  readonly bucket: string;
  /** The account that owns the bucket, where it is another's: the replicas become its own. */
  readonly account?: string | undefined;
  /** How replicas are stored. @default as the object */
  readonly storageClass?: ReplicationStorageClass | undefined;
  /**
   * Whether a deletion is copied, too, as a delete marker. Without it, a thread
   * that was deleted is there still for whoever reads the replica.
   *
   * @default true
   */
  readonly deleteMarkers?: boolean | undefined;
  /** The ARN of the key of AWS KMS that replicas are encrypted with; objects under SSE-KMS are copied only with one. */
  readonly kmsKeyArn?: string | undefined;
  /** Whether AWS vouches for most copies within 15 minutes (Replication Time Control), with metrics; it costs extra. @default false */
  readonly timeControl?: boolean | undefined;
  /** Whether CloudWatch is told how far the copies lag. @default with `timeControl` */
  readonly metrics?: boolean | undefined;
  /** Which of two rules counts where both are about an object: the greater one. @default the next free one */
  readonly priority?: number | undefined;
}

/** To which buckets checkpoints are copied, and as whom. */
export interface Replication {
  /** The ARN of the role that S3 copies as; one for all rules of a bucket. MinIO takes none. */
  readonly role?: string | undefined;
  /** The buckets. Those of ours that are not here any longer are taken out. */
  readonly destinations: readonly ReplicationDestination[];
}

const ROOT = "ReplicationConfiguration";
const CLASSES: readonly string[] = [
  "STANDARD",
  "STANDARD_IA",
  "ONEZONE_IA",
  "INTELLIGENT_TIERING",
  "GLACIER_IR",
  "GLACIER",
  "DEEP_ARCHIVE",
];
const NOTHING = element(ROOT, []);
const FIFTEEN = element("Minutes", 15);
const status = (is: boolean) => element("Status", is ? "Enabled" : "Disabled");

/** The section `replication`: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketReplication.html */
export const replication: Section<Replication> = {
  name: "replication",
  query: "replication",
  root: ROOT,
  needs: ["versioning"],
  operations: {
    read: "GetBucketReplication",
    write: "PutBucketReplication",
    remove: "DeleteBucketReplication",
  },
  absent: "ReplicationConfigurationNotFoundError",

  merge(current, desired, context): XmlElement | undefined {
    const { destinations, role } = desired;
    if (!Array.isArray(destinations)) {
      refuse("replication.destinations", destinations, "a list, empty for none");
    }
    const rules = rulesOf(destinations, current, context);
    if (rules.length > 0) requireVersioning(context);
    const others = childrenOf(current ?? NOTHING, "Rule").filter((rule) => !isOwn(rule, context));
    const merged = mergeRules(current, ROOT, rules, context);
    if (rules.length + others.length === 0 || merged === undefined) return undefined;
    return rules.length === 0 ? merged : withRole(merged, role, others, context);
  },

  items(document) {
    return childrenOf(document ?? NOTHING, "Rule").map((rule) => {
      const destination = childOf(rule, "Destination") ?? element("Destination", []);
      const bucket = textOf(destination, "Bucket") ?? "";
      const on = (name: string, parent = destination) =>
        textOf(childOf(parent, name) ?? NOTHING, "Status") === "Enabled";
      const said = {
        bucket,
        prefix: prefixOf(rule),
        role: textOf(document!, "Role") ?? "",
        enabled: textOf(rule, "Status") === "Enabled",
        priority: textOf(rule, "Priority") ?? "",
        account: textOf(destination, "Account") ?? "",
        storageClass: textOf(destination, "StorageClass") ?? "",
        key:
          textOf(childOf(destination, "EncryptionConfiguration") ?? NOTHING, "ReplicaKmsKeyID") ??
            "",
        deleteMarkers: on("DeleteMarkerReplication", rule),
        timeControl: on("ReplicationTime"),
        metrics: on("Metrics"),
      };
      const { prefix, storageClass, deleteMarkers, timeControl, key, account } = said;
      return {
        id: idOf(rule) ?? bucket,
        value: JSON.stringify(said),
        text: `keys that begin with "${prefix}" are copied to ${bucket}` +
          (account && `, of account ${account}`) + (storageClass && `, as ${storageClass}`) +
          (key && `, under ${key}`) + (timeControl ? ", within 15 minutes" : "") +
          `; their deletion is ${deleteMarkers ? "copied, too" : "not"}`,
      };
    });
  },

  notes({ destinations }, { prefix }) {
    if (destinations.length === 0) return [];
    return [
      "replication: only what is written from now on is copied; what is there already needs " +
      `S3 Batch Replication of "${prefix}"`,
      "replication: every destination must have versioning enabled, and the role must be let " +
      "write to it (checkReplica, iamPolicy)",
    ];
  },

  async write(api, _, { xml }, options) {
    const { operations: { write, remove }, query: name } = replication;
    const query = { [name]: "" };
    if (xml === null) {
      await api.request({ method: "DELETE", query, operation: remove! }, options);
      return;
    }
    const body = renderXml(parseXml(xml));
    try {
      await api.request({ method: "PUT", query, body, operation: write }, options);
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      throw explained(
        error,
        `${error.message}; both buckets must have versioning enabled, and the role must exist`,
      );
    }
  },
};

function rulesOf(
  destinations: readonly ReplicationDestination[],
  current: XmlElement | undefined,
  context: SectionContext,
): XmlElement[] {
  const there = childrenOf(current ?? NOTHING, "Rule");
  const priorities = new Map(
    there.map((rule) => [idOf(rule), Number(textOf(rule, "Priority") ?? 0)] as const),
  );
  const wished = destinations.map((destination, at) =>
    checked(destination, `replication.destinations[${at}]`, context)
  );
  // A rule keeps its priority; a new one gets one that nobody has.
  const taken = new Set([...priorities.values(), ...wished.map(({ priority }) => priority ?? -1)]);
  const ids = new Set<string>();
  return wished.map(({ arn, resource, ...wish }) => {
    const id = ownId(`replicate-to:${resource}`, context.prefix);
    if (ids.has(id)) refuse("replication.destinations", resource, "each bucket once");
    ids.add(id);
    const { account, storageClass, kmsKeyArn, timeControl = false, deleteMarkers = true } = wish;
    const { metrics = timeControl } = wish;
    let priority = wish.priority ?? priorities.get(id);
    for (let next = 1; priority === undefined; next++) if (!taken.has(next)) priority = next;
    taken.add(priority);
    return element("Rule", [
      element("ID", id),
      element("Priority", priority),
      element("Filter", [element("Prefix", context.prefix)]),
      status(true),
      kmsKeyArn === undefined
        ? undefined
        : element("SourceSelectionCriteria", [element("SseKmsEncryptedObjects", [status(true)])]),
      element(
        "Destination",
        [
          element("Bucket", arn),
          ...account === undefined ? [] : [
            element("Account", account),
            element("AccessControlTranslation", [element("Owner", "Destination")]),
          ],
          storageClass && element("StorageClass", storageClass),
          kmsKeyArn === undefined
            ? undefined
            : element("EncryptionConfiguration", [element("ReplicaKmsKeyID", kmsKeyArn)]),
          timeControl
            ? element("ReplicationTime", [status(true), element("Time", [FIFTEEN])])
            : undefined,
          metrics
            ? element("Metrics", [
              status(true),
              timeControl ? element("EventThreshold", [FIFTEEN]) : undefined,
            ])
            : undefined,
        ].map((part) => part || undefined),
      ),
      element("DeleteMarkerReplication", [status(deleteMarkers)]),
    ]);
  });
}

function checked(
  wish: ReplicationDestination,
  name: string,
  { bucket, dialect }: SectionContext,
): ReplicationDestination & { readonly arn: string; readonly resource: string } {
  const way = dialect === "minio"
    ? "the ARN of a remote target of MinIO's, such as arn:minio:replication::id:bucket"
    : "a bucket's name or its ARN, such as arn:aws:s3:::replica";
  const isName = typeof wish.bucket === "string" &&
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(wish.bucket);
  const arn = parseArn(isName ? `arn:aws:s3:::${wish.bucket}` : wish.bucket, `${name}.bucket`, way);
  const service = dialect === "minio" ? "replication" : "s3";
  if (arn.service !== service) refuse(`${name}.bucket`, wish.bucket, way);
  // The target of MinIO's may be another server, with a bucket of the same name.
  if (service === "s3" && arn.resource === bucket) {
    refuse(`${name}.bucket`, wish.bucket, `another bucket than the one that is copied`);
  }
  if (wish.account !== undefined && !isAccount(wish.account)) {
    refuse(`${name}.account`, wish.account, "the twelve digits of an account");
  }
  if (wish.storageClass !== undefined && !CLASSES.includes(wish.storageClass)) {
    refuse(`${name}.storageClass`, wish.storageClass, `one of ${CLASSES.join(", ")}`);
  }
  if (wish.kmsKeyArn !== undefined) {
    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_EncryptionConfiguration.html
    const key = "the ARN of a key of AWS KMS in the destination's region";
    const { service, region } = parseArn(wish.kmsKeyArn, `${name}.kmsKeyArn`, key);
    if (service !== "kms" || region === "") refuse(`${name}.kmsKeyArn`, wish.kmsKeyArn, key);
  }
  for (const flag of ["deleteMarkers", "timeControl", "metrics"] as const) {
    const value = wish[flag];
    if (value !== undefined && typeof value !== "boolean") {
      refuse(`${name}.${flag}`, value, "true or false");
    }
  }
  if (wish.timeControl && wish.metrics === false) {
    refuse(`${name}.metrics`, false, "true: time control has them always");
  }
  if (wish.priority !== undefined) {
    checkWhole({ [`${name}.priority`]: wish.priority }, 0, 2 ** 31 - 1);
  }
  return {
    ...wish,
    arn: arn.text,
    resource: service === "s3" ? arn.resource : `${arn.account}:${arn.resource}`,
  };
}

/** Refuses where it is known that nothing keeps versions: S3 replicates versions. */
function requireVersioning({ bucket, desired, sections }: SectionContext): void {
  const { xml } = sections?.versioning ?? {};
  const unknown = xml === undefined && desired.versioning === undefined;
  const is = xml ? textOf(parseXml(xml), "Status") === "Enabled" : false;
  if (desired.versioning === "enabled" || unknown || (desired.versioning === undefined && is)) {
    return;
  }
  throw new InvalidInputError(
    `Cannot replicate bucket "${bucket}": its versioning is not enabled, and S3 replicates ` +
      'versions; ask for `versioning: "enabled"` too',
  );
}

/** A document with its role, which all its rules share. */
function withRole(
  document: XmlElement,
  role: string | undefined,
  others: readonly XmlElement[],
  { dialect }: SectionContext,
): XmlElement {
  const current = textOf(document, "Role") || undefined;
  if (role === undefined && dialect === "minio") return document;
  const way = "the ARN of a role, such as arn:aws:iam::123456789012:role/replication";
  const { service, account, resource } = parseArn(role as string, "replication.role", way);
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  const isRole = service === "iam" && isAccount(account) &&
    /^role\/([!-~]{1,510}\/)?[\w+=,.@-]{1,64}$/.test(resource);
  if (!isRole) refuse("replication.role", role, way);
  if (current !== undefined && current !== role && others.length > 0) {
    throw new InvalidInputError(
      `Cannot use replication.role: current value is "${role}", but rules of others ` +
        `(${
          others.map(idOf).join(", ")
        }) copy as "${current}", and a bucket has one role; give that`,
    );
  }
  const rest = document.children.filter(({ name }) => name !== "Role");
  return { ...document, children: [element("Role", role), ...rest] };
}

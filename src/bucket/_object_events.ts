import {
  type Fields,
  fieldsOf,
  optionalCount,
  optionalText,
  refuseEvent,
  textOf,
  timeOf,
} from "./_fields.ts";

/** What happened to an object, in one word. */
export type EventAction = "created" | "deleted" | "expired" | "other";

/** Who told of an event. */
export type EventSource = "s3" | "eventbridge" | "r2";

/** What is known of an event, whatever its key is. */
export interface ObjectEvent {
  /** Who told of it. */
  readonly source: EventSource;
  /**
   * What happened: the object was written or overwritten, deleted by a
   * request, deleted by a lifecycle rule, or something else that `name` names,
   * such as a restore, a replication, or a change of its tags.
   */
  readonly action: EventAction;
  /** The event by its source's name, such as `ObjectCreated:Put`, `Object Created` or `PutObject`. */
  readonly name: string;
  /** Whether what was deleted is still there under a delete marker. */
  readonly deleteMarker: boolean;
  /** The bucket. */
  readonly bucket: string;
  /** The key, decoded. */
  readonly key: string;
  /** When it happened, by the source's clock. */
  readonly time: Date;
  /** The size in bytes; absent where the source does not tell it, as of a deletion. */
  readonly size?: number;
  /** The ETag without quotes. */
  readonly etag?: string;
  /** The object's version, in a bucket with versioning. */
  readonly versionId?: string;
  /** What tells which of two events of one key came later: see `compareSequencers`. */
  readonly sequencer?: string;
}

/**
 * A record of S3's own notifications.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function ofS3(record: Fields): ObjectEvent {
  const s3 = fieldsOf(record, "s3", "record");
  const object = fieldsOf(s3, "object", "record.s3");
  // MinIO says s3:ObjectCreated:Put where S3 says ObjectCreated:Put.
  const name = textOf(record, "eventName", "record").replace(/^s3:/, "");
  return {
    source: "s3",
    action: name.startsWith("ObjectCreated:")
      ? "created"
      : name.startsWith("ObjectRemoved:")
      ? "deleted"
      : name.startsWith("LifecycleExpiration:")
      ? "expired"
      : "other",
    name,
    deleteMarker: name.endsWith(":DeleteMarkerCreated"),
    bucket: textOf(fieldsOf(s3, "bucket", "record.s3"), "name", "record.s3.bucket"),
    key: decodeKey(textOf(object, "key", "record.s3.object")),
    time: timeOf(record, "eventTime", "record"),
    ...optional(object, "record.s3.object", "eTag", "versionId"),
  };
}

/**
 * An event of EventBridge, whose keys are not encoded.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */
export function ofEventBridge(event: Fields): ObjectEvent {
  const source = textOf(event, "source", "event");
  if (source !== "aws.s3") refuseEvent("event.source", source, "events of aws.s3 only");
  const name = textOf(event, "detail-type", "event");
  const detail = fieldsOf(event, "detail", "event");
  const object = fieldsOf(detail, "object", "event.detail");
  return {
    source: "eventbridge",
    action: name === "Object Created"
      ? "created"
      : name !== "Object Deleted"
      ? "other"
      : detail.reason === "Lifecycle Expiration"
      ? "expired"
      : "deleted",
    name,
    deleteMarker: detail["deletion-type"] === "Delete Marker Created",
    bucket: textOf(fieldsOf(detail, "bucket", "event.detail"), "name", "event.detail.bucket"),
    key: textOf(object, "key", "event.detail.object"),
    time: timeOf(event, "time", "event"),
    ...optional(object, "event.detail.object", "etag", "version-id"),
  };
}

/**
 * A message of R2's, whose keys are not encoded.
 * https://developers.cloudflare.com/r2/buckets/event-notifications/#message-format
 */
export function ofR2(message: Fields): ObjectEvent {
  const object = fieldsOf(message, "object", "message");
  const name = textOf(message, "action", "message");
  return {
    source: "r2",
    action: R2_ACTIONS[name] ?? "other",
    name,
    deleteMarker: false,
    bucket: textOf(message, "bucket", "message"),
    key: textOf(object, "key", "message.object"),
    time: timeOf(message, "eventTime", "message"),
    ...optional(object, "message.object", "eTag", "versionId"),
  };
}

const R2_ACTIONS: Readonly<Record<string, EventAction>> = Object.assign(Object.create(null), {
  PutObject: "created",
  CopyObject: "created",
  CompleteMultipartUpload: "created",
  DeleteObject: "deleted",
  LifecycleDeletion: "expired",
});

function optional(object: Fields, what: string, etagName: string, versionName: string) {
  const size = optionalCount(object, "size", what);
  const etag = optionalText(object, etagName, what)?.replace(/^"|"$/g, "");
  const versionId = optionalText(object, versionName, what);
  const sequencer = optionalText(object, "sequencer", what);
  return {
    ...(size !== undefined && { size }),
    ...(etag !== undefined && { etag }),
    ...(versionId !== undefined && { versionId }),
    ...(sequencer !== undefined && { sequencer }),
  };
}

/** S3 encodes keys as a form does: a space is `+`, and a `+` is `%2B`. */
function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll("+", " "));
  } catch {
    return refuseEvent("record.s3.object.key", encoded, "a key in form-urlencoded UTF-8");
  }
}

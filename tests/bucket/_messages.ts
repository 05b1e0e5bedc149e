/** Messages about objects, as those who send them make them. */

/** An object that something happened to. */
export interface Happening {
  readonly key: string;
  readonly name?: string;
  readonly bucket?: string;
  readonly object?: Readonly<Record<string, unknown>>;
  readonly time?: string;
}

const TIME = "2026-01-31T12:00:00.123Z";

/** A key as S3 encodes it: as java.net.URLEncoder does, but for the slash. */
export function formEncoded(key: string): string {
  return encodeURIComponent(key)
    .replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+").replaceAll("%2F", "/");
}

/** A key as MinIO encodes it: as Go's url.QueryEscape does. */
export function queryEscaped(key: string): string {
  return encodeURIComponent(key)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}

/** A record of a notification. */
export function s3Record(
  { key, name = "ObjectCreated:Put", bucket = "state", object, time = TIME }: Happening,
  encode: (key: string) => string = formEncoded,
) {
  return {
    eventVersion: "2.6",
    eventSource: "aws:s3",
    awsRegion: "eu-central-1",
    eventTime: time,
    eventName: name,
    userIdentity: { principalId: "AWS:AIDA" },
    requestParameters: { sourceIPAddress: "192.0.2.1" },
    responseElements: { "x-amz-request-id": "C3D1", "x-amz-id-2": "FMyU" },
    s3: {
      s3SchemaVersion: "1.0",
      configurationId: "cairn:notifications:cairn/",
      bucket: {
        name: bucket,
        ownerIdentity: { principalId: "A3NL" },
        arn: `arn:aws:s3:::${bucket}`,
      },
      object: { key: encode(key), ...object },
    },
  };
}

/** A notification of S3. */
export const s3 = (...all: Happening[]) => ({ Records: all.map((one) => s3Record(one)) });

/** What S3 sends to a new target. */
export const testEvent = {
  Service: "Amazon S3",
  Event: "s3:TestEvent",
  Time: TIME,
  Bucket: "state",
  RequestId: "5582815E1AEA5ADF",
  HostId: "8cLeGAmw",
};

/** An event of EventBridge. */
export const eventBridge = (
  { key, name = "Object Created", bucket = "state", object, time = "2026-01-31T12:00:00Z" }:
    Happening,
  detail: Readonly<Record<string, unknown>> = { reason: "PutObject" },
) => ({
  version: "0",
  id: "17793124-05d4-b198-2fde-7ededc63b103",
  "detail-type": name,
  source: "aws.s3",
  account: "111122223333",
  time,
  region: "eu-central-1",
  resources: [`arn:aws:s3:::${bucket}`],
  detail: {
    version: "0",
    bucket: { name: bucket },
    object: { key, ...object },
    "request-id": "N4N7GDK58NMKJ12R",
    requester: "123456789012",
    "source-ip-address": "192.0.2.1",
    ...detail,
  },
});

/** A message of R2's. */
export const r2 = (
  { key, name = "PutObject", bucket = "state", object, time = TIME }: Happening,
) => ({
  account: "3f4b7e3dcab231cbfdaa90a6a28bd548",
  action: name,
  bucket,
  object: { key, ...object },
  eventTime: time,
});

/** A notification of SNS, as it comes over HTTP and to SQS. */
export const sns = (content: unknown) => ({
  Type: "Notification",
  MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
  TopicArn: "arn:aws:sns:eu-central-1:123456789012:topic",
  Subject: "Amazon S3 Notification",
  Message: JSON.stringify(content),
  Timestamp: TIME,
  SignatureVersion: "1",
  Signature: "EXAMPLEw6JRN",
});

/** What Lambda is called with for messages of SNS. */
export const lambdaSns = (...all: unknown[]) => ({
  Records: all.map((content) => ({
    EventVersion: "1.0",
    EventSource: "aws:sns",
    EventSubscriptionArn: "arn:aws:sns:eu-central-1:123456789012:topic:21be",
    Sns: sns(content),
  })),
});

/** What ReceiveMessage answers. */
export const sqs = (...all: unknown[]) => ({
  Messages: all.map((content) => ({
    MessageId: "059f36b4",
    ReceiptHandle: "AQEB",
    MD5OfBody: "e4e68fb7",
    Body: JSON.stringify(content),
  })),
});

/** What Lambda is called with for messages of SQS. */
export const lambdaSqs = (...all: unknown[]) => ({
  Records: all.map((content) => ({
    messageId: "059f36b4",
    receiptHandle: "AQEB",
    body: JSON.stringify(content),
    attributes: { ApproximateReceiveCount: "1" },
    messageAttributes: {},
    md5OfBody: "e4e68fb7",
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:eu-central-1:123456789012:queue",
    awsRegion: "eu-central-1",
  })),
});

/** What a Worker is called with for messages of a queue. */
export const queueBatch = (...all: unknown[]) => ({
  queue: "events",
  messages: all.map((body) => ({ id: "b01b", timestamp: new Date(TIME), attempts: 1, body })),
});

/** What a queue answers who pulls over HTTP. */
export const queuePulled = (...all: unknown[]) => ({
  messages: all.map((body) => ({
    id: "b01b",
    lease_id: "eyJhbGciOi",
    attempts: 1,
    metadata: { "CF-Content-Type": "json" },
    body: btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(body)))),
  })),
});

import { InvalidInputError, UnsupportedError } from "@cairn/checkpoint";
import {
  applyPlan,
  type BucketPlan,
  type BucketState,
  notificationPolicy,
  type Notifications,
  type NotificationTarget,
  planBucket,
  planChanges,
} from "@cairn/checkpoint/bucket";
import type { DialectName } from "@cairn/checkpoint/edge";
import assert from "node:assert/strict";
import fc from "fast-check";
import { overlap } from "../../src/bucket/_filters.ts";
import { fakeBucket } from "./_fake.ts";

const queue = "arn:aws:sqs:eu-central-1:123456789012:checkpoints";
const topic = "arn:aws:sns:eu-central-1:123456789012:checkpoints";
const lambda = "arn:aws:lambda:eu-central-1:123456789012:function:on-checkpoint:live";

const bucket = (xml?: string, dialect: DialectName = "aws"): BucketState => ({
  bucket: "state",
  region: "eu-central-1",
  dialect,
  sections: xml === undefined ? {} : { notifications: { xml, headers: {} } },
});

const plan = (notifications: Notifications, state = bucket(), prefix = "cairn/"): BucketPlan =>
  planChanges(state, { notifications }, { prefix });

/** The document that a plan leads to, without its namespace. */
const documentOf = (plan: BucketPlan): string =>
  (plan.steps[0]?.after.xml ?? "").replace(/ xmlns="[^"]*"/, "");

const configuration = (
  { id = "theirs", arn = queue, event = "s3:ObjectCreated:*", prefix = "", suffix = "" },
): string => {
  const rule = (name: string, value: string) =>
    value && `<FilterRule><Name>${name}</Name><Value>${value}</Value></FilterRule>`;
  return `<QueueConfiguration>${id && `<Id>${id}</Id>`}<Queue>${arn}</Queue>` +
    `<Event>${event}</Event>` +
    `<Filter><S3Key>${rule("Prefix", prefix)}${rule("Suffix", suffix)}</S3Key></Filter>` +
    "</QueueConfiguration>";
};

const document = (...rules: string[]) =>
  `<NotificationConfiguration>${rules.join("")}</NotificationConfiguration>`;

function refused(call: () => unknown, expected: RegExp): void {
  assert.throws(call, (error) => {
    assert(error instanceof InvalidInputError, `${error}`);
    assert.match(error.message, expected);
    return true;
  });
}

Deno.test("notifications are one configuration for each target, of records alone", () => {
  const targets: NotificationTarget[] = [
    { arn: queue },
    { arn: topic, events: ["s3:ObjectRemoved:Delete", "s3:LifecycleExpiration:*"], objects: "all" },
    { arn: lambda, events: ["s3:ObjectTagging:Put"] },
  ];
  const made = plan({ targets, eventBridge: true });
  assert.equal(
    documentOf(made),
    "<NotificationConfiguration>" +
      "<QueueConfiguration><Id>cairn:checkpoints-to-sqs:checkpoints:cairn/</Id>" +
      `<Queue>${queue}</Queue><Event>s3:ObjectCreated:*</Event><Filter><S3Key>` +
      "<FilterRule><Name>prefix</Name><Value>cairn/</Value></FilterRule>" +
      "<FilterRule><Name>suffix</Name><Value>/c</Value></FilterRule>" +
      "</S3Key></Filter></QueueConfiguration>" +
      "<TopicConfiguration><Id>cairn:all-to-sns:checkpoints:cairn/</Id>" +
      `<Topic>${topic}</Topic><Event>s3:ObjectRemoved:Delete</Event>` +
      "<Event>s3:LifecycleExpiration:*</Event><Filter><S3Key>" +
      "<FilterRule><Name>prefix</Name><Value>cairn/</Value></FilterRule>" +
      "</S3Key></Filter></TopicConfiguration>" +
      "<CloudFunctionConfiguration>" +
      "<Id>cairn:checkpoints-to-lambda:function:on-checkpoint:live:cairn/</Id>" +
      `<CloudFunction>${lambda}</CloudFunction><Event>s3:ObjectTagging:Put</Event><Filter><S3Key>` +
      "<FilterRule><Name>prefix</Name><Value>cairn/</Value></FilterRule>" +
      "<FilterRule><Name>suffix</Name><Value>/c</Value></FilterRule>" +
      "</S3Key></Filter></CloudFunctionConfiguration>" +
      "<EventBridgeConfiguration></EventBridgeConfiguration></NotificationConfiguration>",
  );
  assert.deepEqual(made.changes.map(({ action, id }) => [action, id]), [
    ["add", "cairn:checkpoints-to-sqs:checkpoints:cairn/"],
    ["add", "cairn:all-to-sns:checkpoints:cairn/"],
    ["add", "cairn:checkpoints-to-lambda:function:on-checkpoint:live:cairn/"],
    ["add", "EventBridge"],
  ]);
  assert.match(
    made.changes[0]!.text,
    /is told of s3:ObjectCreated:\* of keys that begin with "cairn\/" and that end in "\/c"$/,
  );
  assert.match(made.notes.join(), /test event/);
  assert.deepEqual(
    plan({ targets, eventBridge: true }, bucket(made.steps[0]!.after.xml!)).steps,
    [],
  );
});

Deno.test("notifications that are no longer wished for go, and EventBridge stays as it is", () => {
  const { steps: [step] } = plan({ targets: [{ arn: queue }], eventBridge: true });
  const there = bucket(step!.after.xml!);
  const gone = plan({}, there);
  assert.deepEqual(gone.changes.map(({ action, id }) => [action, id]), [
    ["remove", "cairn:checkpoints-to-sqs:checkpoints:cairn/"],
  ]);
  assert.match(documentOf(gone), /<EventBridgeConfiguration>/);
  const off = plan({ targets: [{ arn: queue }], eventBridge: false }, there);
  assert.deepEqual(off.changes.map(({ action, id }) => [action, id]), [["remove", "EventBridge"]]);
  assert.equal(
    documentOf(plan({ eventBridge: false }, there)),
    "<NotificationConfiguration></NotificationConfiguration>",
  );
  assert.deepEqual(plan({ eventBridge: false }).steps, []);
});

Deno.test("notifications of others stay, those of another prefix of ours, too", () => {
  const theirs = document(
    configuration({ id: "theirs", prefix: "images/" }),
    configuration({ id: "cairn:checkpoints-to-sqs:q:staging/", prefix: "staging/", suffix: "/c" }),
    configuration({ id: "", prefix: "logs/" }),
    "<EventBridgeConfiguration/>",
  );
  const made = plan({ targets: [{ arn: topic }] }, bucket(theirs));
  assert.deepEqual(made.changes.map(({ action }) => action), ["add"]);
  assert.deepEqual(made.steps[0]!.kept, [
    "theirs",
    "cairn:checkpoints-to-sqs:q:staging/",
    queue,
    "EventBridge",
  ]);
  const back = plan({}, bucket(made.steps[0]!.after.xml!));
  assert.deepEqual(back.changes.map(({ action }) => action), ["remove"]);
  assert.deepEqual(plan({}, bucket(theirs)).steps, []);
});

Deno.test("notifications that one event may be of twice are refused, and whose they are is said", () => {
  refused(
    () => plan({ targets: [{ arn: queue }, { arn: topic }] }),
    /another one wished for, "cairn:checkpoints-to-sns:.*tells one target of an event; give both a topic/,
  );
  refused(
    () => plan({ targets: [{ arn: queue, objects: "all" }, { arn: topic }] }),
    /S3 tells one target/,
  );
  refused(
    () => plan({ targets: [{ arn: queue }, { arn: queue, events: ["s3:ObjectRemoved:*"] }] }),
    /"cairn:checkpoints-to-sqs:checkpoints:cairn\/" twice; name its target once/,
  );
  for (const prefix of ["", "ca", "cairn/", "cairn/t1/"]) {
    for (const suffix of ["", "c", "/c", "x/c"]) {
      refused(
        () =>
          plan({ targets: [{ arn: topic }] }, bucket(document(configuration({ prefix, suffix })))),
        /somebody else's, "theirs", is of s3:ObjectCreated:\* of .* already/,
      );
    }
  }
  refused(
    () => plan({ targets: [{ arn: topic }] }, bucket(document(configuration({ id: "" })))),
    /"without an id", is of s3:ObjectCreated:\* of all keys/,
  );
  const apart = [
    configuration({ prefix: "cairn2" }),
    configuration({ prefix: "cairn/", suffix: ".png" }),
    configuration({ event: "s3:ObjectRemoved:*" }),
  ];
  for (const rule of apart) plan({ targets: [{ arn: topic }] }, bucket(document(rule)));
  plan({
    targets: [
      { arn: queue, events: ["s3:ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"] },
      { arn: topic, events: ["s3:ObjectCreated:Copy", "s3:ObjectRemoved:*"] },
    ],
  });
});

Deno.test("two filters overlap just where a key of both can be", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 3 });
  const scope = fc.record({
    events: fc.subarray(["s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectRemoved:*"], {
      minLength: 1,
    }),
    prefix: text,
    suffix: text,
  });
  const events = ["ObjectCreated:Put", "ObjectCreated:Copy", "ObjectRemoved:Delete"];
  const letters = ["", "a", "b"];
  const keys = letters.flatMap((a) => letters.flatMap((b) => letters.map((c) => a + b + c)));
  const takes = (
    scope: { events: string[]; prefix: string; suffix: string },
    event: string,
    key: string,
  ) =>
    key.startsWith(scope.prefix) && key.endsWith(scope.suffix) &&
    scope.events.some((type) => type === `s3:${event}` || type === `s3:${event.split(":")[0]}:*`);
  fc.assert(fc.property(scope, scope, (a, b) => {
    // A long key, with any beginning and any end: whether two filters meet in it says all.
    const meet = events.some((event) =>
      keys.some((start) =>
        keys.some((end) => {
          const key = `${start}x${end}`;
          return takes(a, event, key) && takes(b, event, key);
        })
      )
    );
    assert.equal(overlap(a, b), meet);
    assert.equal(overlap(b, a), meet);
  }));
});

Deno.test("notifications refuse what S3 would, by name", () => {
  const cases: readonly [NotificationTarget, RegExp][] = [
    [{ arn: "checkpoints" }, /targets\[0\]\.arn.*"checkpoints"; give the ARN of a queue/],
    [{ arn: undefined as unknown as string }, /targets\[0\]\.arn: current value is undefined/],
    [{ arn: "arn:aws:sqs:eu-central-1:123456789012:" }, /give the ARN/],
    [{ arn: "arn:aws:s3:::state" }, /give the ARN of a queue, a topic or a function/],
    [{ arn: "arn:aws:constructor:eu-central-1:123456789012:x" }, /give the ARN/],
    [{ arn: "arn:aws:sqs:eu-central-1:1234:q" }, /an account of twelve digits/],
    [{ arn: "arn:aws:sqs::123456789012:q" }, /a region/],
    [{ arn: "arn:aws:sqs:eu-central-1:123456789012:a/b" }, /give the ARN/],
    [{ arn: "arn:aws:lambda:eu-central-1:123456789012:on-checkpoint" }, /give the ARN/],
    [{ arn: `${queue}.fifo` }, /a standard queue or topic: S3 notifies no FIFO ones/],
    [{ arn: queue.replace("central", "west") }, /one in "eu-central-1", where bucket "state" is/],
    [{ arn: queue, events: [] }, /one type of event or more/],
    [
      { arn: queue, events: ["s3:ObjectCreated" as "s3:"] },
      /s3:ObjectCreated:\*, s3:ObjectCreated:Put/,
    ],
    [{ arn: queue, events: ["s3:ObjectCreated:Patch"] }, /s3:ObjectCreated:Put/],
    [{ arn: queue, events: ["s3:ObjectMoved:*"] }, /one of S3's: s3:ObjectCreated/],
    [{ arn: queue, events: ["s3:constructor:*"] }, /one of S3's/],
    [{ arn: queue, events: ["put" as "s3:"] }, /types of events such as s3:ObjectCreated:\*/],
    [{ arn: queue, objects: "chunks" as "all" }, /objects.*"checkpoints" or "all"/],
  ];
  for (const [target, expected] of cases) refused(() => plan({ targets: [target] }), expected);
  refused(() => plan({ targets: queue as unknown as [] }), /targets.*give a list/);
  refused(() => plan({ eventBridge: "on" as unknown as true }), /eventBridge.*true or false/);
  assert.throws(
    () => plan({ targets: [{ arn: queue }] }, bucket(undefined, "r2")),
    (error) => error instanceof UnsupportedError && /wrangler/.test(error.message),
  );
});

Deno.test("notifications on MinIO go to what it is configured with, and to many at once", () => {
  const webhook = "arn:minio:sqs::hook:webhook";
  const targets = [{ arn: webhook }, {
    arn: "arn:minio:sqs::scan:webhook",
    events: ["s3:Scanner:ManyVersions"] as const,
  }, {
    arn: "arn:minio:sqs::log:kafka",
  }];
  const made = plan({ targets }, bucket(undefined, "minio"), "a b/");
  assert.equal(made.changes.length, 3);
  assert.match(documentOf(made), /<Value>a b\/<\/Value>/);
});

Deno.test("a filter is written as its server compares it", () => {
  const prefix = "a b+c~é*'(1)/";
  const value = (dialect: DialectName) => {
    const region = dialect === "minio" ? "arn:minio:sqs::q:webhook" : queue;
    const made = plan({ targets: [{ arn: region }] }, bucket(undefined, dialect), prefix);
    const after = bucket(made.steps[0]!.after.xml!, dialect);
    // It is known as ours again.
    assert.deepEqual(plan({ targets: [{ arn: region }] }, after, prefix).steps, []);
    assert.equal(plan({}, after, prefix).changes[0]!.action, "remove");
    return /<Value>([^<]*)<\/Value>/.exec(documentOf(made))![1];
  };
  assert.equal(value("aws"), "a+b%2Bc%7E%C3%A9*%27%281%29/");
  assert.equal(value("localstack"), "a%20b%2Bc~%C3%A9%2A%27%281%29/");
  assert.equal(value("minio"), "a b+c~é*&#39;(1)/");
});

Deno.test("a target that S3 cannot reach is told of with the way out", async () => {
  const fake = fakeBucket();
  const { store } = fake;
  const here = queue.replace("eu-central-1", store.api.region);
  const wish = { notifications: { targets: [{ arn: here }] } };
  const made = await planBucket(store, wish);
  fake.intercept = ({ method }) => {
    if (method !== "PUT") return;
    throw new InvalidInputError(
      'Cannot PutBucketNotificationConfiguration bucket "state" (400 InvalidArgument): ' +
        "Unable to validate the following destination configurations",
      { status: 400, code: "InvalidArgument" },
    );
  };
  await assert.rejects(applyPlan(store, made), (error) => {
    assert(error instanceof InvalidInputError);
    assert.equal(error.code, "InvalidArgument");
    assert.match(error.message, /Unable to validate.*must exist, in region.*notificationPolicy/);
    return true;
  });
  fake.intercept = ({ method }) => {
    if (method === "PUT") throw new InvalidInputError("MalformedXML", { code: "MalformedXML" });
  };
  await assert.rejects(applyPlan(store, made), { message: "MalformedXML" });
});

Deno.test("notificationPolicy() lets one source send to one target", () => {
  assert.deepEqual(notificationPolicy({ target: queue, source: "state" }), {
    Version: "2012-10-17",
    Statement: [{
      Sid: "CairnNotifications",
      Effect: "Allow",
      Principal: { Service: "s3.amazonaws.com" },
      Action: "sqs:SendMessage",
      Resource: queue,
      Condition: {
        ArnEquals: { "aws:SourceArn": "arn:aws:s3:::state" },
        StringEquals: { "aws:SourceAccount": "123456789012" },
      },
    }],
  });
  const [toTopic] = notificationPolicy({
    target: topic.replace("aws", "aws-cn"),
    source: "state.eu",
    account: "210987654321",
  }).Statement;
  assert.equal(toTopic.Action, "sns:Publish");
  assert.equal(toTopic.Condition.ArnEquals["aws:SourceArn"], "arn:aws-cn:s3:::state.eu");
  assert.equal(toTopic.Condition.StringEquals["aws:SourceAccount"], "210987654321");
  const [toFunction] = notificationPolicy({ target: lambda, source: "state" }).Statement;
  assert.equal(toFunction.Action, "lambda:InvokeFunction");
  const rule = "arn:aws:events:eu-central-1:123456789012:rule/bus/name";
  for (const [source, service] of [[topic, "sns"], [rule, "events"]] as const) {
    const [statement] = notificationPolicy({ target: queue, source }).Statement;
    assert.equal(statement.Principal.Service, `${service}.amazonaws.com`);
    assert.equal(statement.Condition.ArnEquals["aws:SourceArn"], source);
  }
});

Deno.test("notificationPolicy() refuses what is no target, source or account", () => {
  refused(() => notificationPolicy({ target: "q", source: "state" }), /target/);
  refused(() => notificationPolicy({ target: queue, source: "*" }), /source/);
  refused(() => notificationPolicy({ target: queue, source: "" }), /source/);
  refused(() => notificationPolicy({ target: queue, source: "a bucket" }), /source/);
  refused(
    () => notificationPolicy({ target: queue, source: "arn:aws:iam::123456789012:role/r" }),
    /a bucket, a topic of SNS or a rule/,
  );
  refused(() => notificationPolicy({ target: queue, source: "state", account: "12" }), /account/);
});

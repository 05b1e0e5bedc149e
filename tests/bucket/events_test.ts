import { InvalidInputError, memoryStore, S3Checkpointer } from "@cairn/checkpoint";
import {
  type CheckpointEvent,
  compareSequencers,
  parseCheckpointEvent,
} from "@cairn/checkpoint/bucket";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Keys, writesKey } from "../../src/checkpoint/keys.ts";
import { HOSTILE_IDS } from "../checkpoint/_hostile.ts";
import * as made from "./_messages.ts";

const keys = new Keys("cairn/");
const place = { thread: "user 42", namespace: "", id: "1" };
const record = keys.record(place);
const time = new Date("2026-01-31T12:00:00.123Z");

/** Every way an event of S3 comes to somebody. */
const WRAPPINGS: Readonly<Record<string, { wrap: (event: unknown) => unknown; via: string[] }>> = {
  "as it is": { wrap: (event) => event, via: [] },
  "as JSON": { wrap: (event) => JSON.stringify(event), via: [] },
  "SNS over HTTP": { wrap: (event) => JSON.stringify(made.sns(event)), via: ["sns"] },
  "SNS to Lambda": { wrap: made.lambdaSns, via: ["sns"] },
  "SQS's answer": { wrap: made.sqs, via: ["sqs"] },
  "a message of SQS": { wrap: (event) => made.sqs(event).Messages[0], via: ["sqs"] },
  "all messages of SQS": { wrap: (event) => made.sqs(event).Messages, via: ["sqs"] },
  "SQS to Lambda": { wrap: made.lambdaSqs, via: ["sqs"] },
  "a record of SQS to Lambda": { wrap: (event) => made.lambdaSqs(event).Records[0], via: ["sqs"] },
  "SNS in SQS": { wrap: (event) => made.sqs(made.sns(event)), via: ["sqs", "sns"] },
  "SNS in SQS to Lambda": { wrap: (event) => made.lambdaSqs(made.sns(event)), via: ["sqs", "sns"] },
  "SNS in SQS to Lambda as JSON": {
    wrap: (event) => JSON.stringify(made.lambdaSqs(made.sns(event))),
    via: ["sqs", "sns"],
  },
};

/** Every way a message of R2's comes to somebody. */
const QUEUES: typeof WRAPPINGS = {
  "as it is": { wrap: (event) => event, via: [] },
  "as JSON": { wrap: (event) => JSON.stringify(event), via: [] },
  "a batch": { wrap: made.queueBatch, via: ["queue"] },
  "a message": { wrap: (event) => made.queueBatch(event).messages[0], via: ["queue"] },
  "a message of text": { wrap: (event) => made.queueBatch(JSON.stringify(event)), via: ["queue"] },
  "a batch pulled over HTTP": { wrap: made.queuePulled, via: ["queue"] },
};

Deno.test("parseCheckpointEvent() tells all that S3 does", () => {
  const object = {
    size: 812,
    eTag: "b1946ac92492d2347c6235b4d2611184",
    versionId: "096fKKXTRTtl3on89fVO.nfljtsv6qko",
    sequencer: "0055AED6DCD90281E5",
  };
  assert.deepEqual(parseCheckpointEvent(made.s3({ key: record, object })), [{
    kind: "checkpoint",
    thread: "user 42",
    namespace: "",
    checkpointId: "1",
    source: "s3",
    via: [],
    action: "created",
    name: "ObjectCreated:Put",
    deleteMarker: false,
    bucket: "state",
    key: record,
    time,
    size: 812,
    etag: "b1946ac92492d2347c6235b4d2611184",
    versionId: "096fKKXTRTtl3on89fVO.nfljtsv6qko",
    sequencer: "0055AED6DCD90281E5",
  }]);
});

Deno.test("parseCheckpointEvent() tells all that EventBridge does", () => {
  const object = {
    size: 5,
    etag: "b1946ac92492d2347c6235b4d2611184",
    "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
    sequencer: "617f08299329d189",
  };
  assert.deepEqual(parseCheckpointEvent(made.eventBridge({ key: record, object })), [{
    kind: "checkpoint",
    thread: "user 42",
    namespace: "",
    checkpointId: "1",
    source: "eventbridge",
    via: [],
    action: "created",
    name: "Object Created",
    deleteMarker: false,
    bucket: "state",
    key: record,
    time: new Date("2026-01-31T12:00:00Z"),
    size: 5,
    etag: "b1946ac92492d2347c6235b4d2611184",
    versionId: "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
    sequencer: "617f08299329d189",
  }]);
});

Deno.test("parseCheckpointEvent() tells all that R2 does", () => {
  const object = { size: 65_536, eTag: '"c846ff7a18f28c2e262116d6e8719ef0"' };
  const message = {
    ...made.r2({ key: record, name: "CopyObject", object }),
    copySource: { bucket: "b", object: "o" },
  };
  assert.deepEqual(parseCheckpointEvent(message), [{
    kind: "checkpoint",
    thread: "user 42",
    namespace: "",
    checkpointId: "1",
    source: "r2",
    via: [],
    action: "created",
    name: "CopyObject",
    deleteMarker: false,
    bucket: "state",
    key: record,
    time,
    size: 65_536,
    etag: "c846ff7a18f28c2e262116d6e8719ef0",
  }]);
});

Deno.test("parseCheckpointEvent() opens every wrapping", () => {
  const happening = { key: record, object: { size: 1 } };
  const sources = [made.s3(happening), made.eventBridge(happening)];
  for (const source of sources) {
    const [plain] = parseCheckpointEvent(source);
    for (const [name, { wrap, via }] of Object.entries(WRAPPINGS)) {
      assert.deepEqual(parseCheckpointEvent(wrap(source)), [{ ...plain, via }], name);
    }
  }
  const message = made.r2(happening);
  const [plain] = parseCheckpointEvent(message);
  for (const [name, { wrap, via }] of Object.entries(QUEUES)) {
    assert.deepEqual(parseCheckpointEvent(wrap(message)), [{ ...plain, via }], name);
  }
});

Deno.test("parseCheckpointEvent() gives every event of a batch, in order", () => {
  const ids = ["1", "2", "3", "4"];
  const [a, b, c, d] = ids.map((id) => ({ key: keys.record({ ...place, id }) }));
  const batch = made.lambdaSqs(
    made.s3(a!, b!),
    testEventIn(made.sns),
    made.sns(made.s3(c!)),
    made.eventBridge(d!),
  );
  const found = parseCheckpointEvent(batch);
  assert.deepEqual(found.map((event) => event.kind === "checkpoint" && event.checkpointId), ids);
});

const testEventIn = (wrap: (content: unknown) => unknown) => wrap(made.testEvent);

Deno.test("parseCheckpointEvent() finds nothing in a test event", () => {
  for (const { wrap } of Object.values(WRAPPINGS)) {
    assert.deepEqual(parseCheckpointEvent(wrap(made.testEvent)), []);
  }
  assert.deepEqual(parseCheckpointEvent({ Records: [] }), []);
  assert.deepEqual(parseCheckpointEvent({ Messages: [] }), []);
  assert.deepEqual(parseCheckpointEvent([]), []);
});

Deno.test("parseCheckpointEvent() says what happened, by every source's name for it", () => {
  const cases: readonly [unknown, CheckpointEvent["action"], boolean][] = [
    [made.s3({ key: record, name: "ObjectCreated:CompleteMultipartUpload" }), "created", false],
    [made.s3({ key: record, name: "s3:ObjectCreated:Copy" }), "created", false],
    [made.s3({ key: record, name: "ObjectRemoved:Delete" }), "deleted", false],
    [made.s3({ key: record, name: "ObjectRemoved:DeleteMarkerCreated" }), "deleted", true],
    [made.s3({ key: record, name: "LifecycleExpiration:Delete" }), "expired", false],
    [made.s3({ key: record, name: "LifecycleExpiration:DeleteMarkerCreated" }), "expired", true],
    [made.s3({ key: record, name: "ObjectRestore:Completed" }), "other", false],
    [made.s3({ key: record, name: "Replication:OperationFailedReplication" }), "other", false],
    [
      made.eventBridge({ key: record, name: "Object Deleted" }, {
        reason: "DeleteObject",
        "deletion-type": "Permanently Deleted",
      }),
      "deleted",
      false,
    ],
    [
      made.eventBridge({ key: record, name: "Object Deleted" }, {
        reason: "Lifecycle Expiration",
        "deletion-type": "Delete Marker Created",
      }),
      "expired",
      true,
    ],
    [made.eventBridge({ key: record, name: "Object Tags Added" }), "other", false],
    [made.r2({ key: record, name: "CompleteMultipartUpload" }), "created", false],
    [made.r2({ key: record, name: "DeleteObject" }), "deleted", false],
    [made.r2({ key: record, name: "LifecycleDeletion" }), "expired", false],
    [made.r2({ key: record, name: "constructor" }), "other", false],
  ];
  for (const [message, action, deleteMarker] of cases) {
    const [event] = parseCheckpointEvent(message);
    assert.deepEqual([event?.action, event?.deleteMarker], [action, deleteMarker], event?.name);
  }
});

Deno.test("parseCheckpointEvent() knows records, writes and chunks, and passes over the rest", () => {
  const hash = "0123456789abcdef".repeat(4);
  const all = [
    record,
    writesKey(keys, place, "task/1", "r0"),
    writesKey(keys, place, "", "s1"),
    keys.chunk("user 42", hash),
    "cairn/readme.txt",
    "other/" + record,
    "x",
  ];
  const message = made.s3(...all.map((key) => ({ key })));
  const found = parseCheckpointEvent(message, { others: true });
  assert.deepEqual(found.map(({ key }) => key), all);
  assert.deepEqual(
    found.map((event) =>
      event.kind === "writes"
        ? [event.checkpointId, event.task, event.slot]
        : event.kind === "chunk"
        ? [event.thread, event.hash]
        : event.kind
    ),
    [
      "checkpoint",
      ["1", "task/1", "r0"],
      ["1", "", "s1"],
      ["user 42", hash],
      "other",
      "other",
      "other",
    ],
  );
  assert.deepEqual(parseCheckpointEvent(message), found.slice(0, 4));
  const elsewhere = parseCheckpointEvent(message, { prefix: "other/cairn" });
  assert.deepEqual(elsewhere.map(({ key }) => key), ["other/" + record]);
});

Deno.test("parseCheckpointEvent() gives back any ids, through every wrapping", () => {
  const id = fc.oneof(
    fc.string({ unit: "binary", maxLength: 24 }),
    fc.string({ unit: fc.constantFrom(..."+% /~.é|&=?#\0"), maxLength: 24 }),
    fc.constantFrom(...HOSTILE_IDS),
  ).filter((text) => text.isWellFormed());
  const prefix = fc.oneof(
    fc.constant("cairn/"),
    fc.constant(""),
    fc.string({ unit: fc.constantFrom(..."+% ~é&a"), minLength: 1, maxLength: 12 }),
  );
  const encoding = fc.constantFrom(made.formEncoded, made.queryEscaped, encodeURIComponent);
  fc.assert(
    fc.property(id, id, id.filter((text) => text !== ""), id, prefix, encoding, (
      thread,
      namespace,
      checkpointId,
      task,
      prefix,
      encode,
    ) => {
      const keys = new Keys(prefix);
      const place = { thread, namespace, id: checkpointId };
      const expected = [
        [keys.record(place), { kind: "checkpoint", thread, namespace, checkpointId }],
        [writesKey(keys, place, task, "r3"), {
          kind: "writes",
          thread,
          namespace,
          checkpointId,
          task,
          slot: "r3",
        }],
      ] as const;
      for (const [key, subject] of expected) {
        const check = (message: unknown) => {
          const [event, ...rest] = parseCheckpointEvent(message, { prefix });
          assert.deepEqual(rest, []);
          assert.deepEqual({ ...event, ...subject, key }, event);
        };
        const notification = { Records: [made.s3Record({ key }, encode)] };
        for (const { wrap } of Object.values(WRAPPINGS)) {
          check(wrap(notification));
          check(wrap(made.eventBridge({ key })));
        }
        for (const { wrap } of Object.values(QUEUES)) check(wrap(made.r2({ key })));
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("parseCheckpointEvent() refuses what is malformed, and never otherwise than by name", () => {
  const good = made.s3Record({ key: record });
  const withS3 = (change: object) => ({ Records: [{ ...good, s3: { ...good.s3, ...change } }] });
  const cases: readonly [unknown, RegExp][] = [
    [undefined, /the message is undefined; give a message of S3/],
    [null, /the message is null/],
    [42, /the message is 42/],
    [Symbol("s"), /the message is Symbol\(s\)/],
    ["", /its 0 characters are not JSON/],
    ["{", /its 1 characters are not JSON/],
    ["secret state", /its 12 characters are not JSON/],
    ["null", /the message is null/],
    [{}, /none of the forms known/],
    [{ Records: {} }, /none of the forms known/],
    [{ Records: [null] }, /the message is null/],
    [{ Records: [{ eventSource: "aws:kinesis", kinesis: {} }] }, /none of the forms known/],
    [withS3({ object: undefined }), /record\.s3\.object is undefined; give an object/],
    [withS3({ object: [] }), /record\.s3\.object is an array/],
    [withS3({ object: { key: 7 } }), /record\.s3\.object\.key is 7/],
    [withS3({ object: { key: "" } }), /record\.s3\.object\.key is ""/],
    [withS3({ object: { key: "%E0%A4%A" } }), /key is "%E0%A4%A"; give a key in form-urlencoded/],
    [withS3({ object: { key: "%ff" } }), /form-urlencoded UTF-8/],
    [withS3({ object: { key: "\ud800" } }), /well-formed Unicode/],
    [withS3({ object: { key: "k", size: -1 } }), /size is -1; give a whole number from 0/],
    [withS3({ object: { key: "k", size: "12" } }), /size is "12"/],
    [withS3({ object: { key: "k", versionId: {} } }), /versionId is an object/],
    [withS3({ bucket: "state" }), /record\.s3\.bucket is "state"; give an object/],
    [{ Records: [{ ...good, eventName: undefined }] }, /record\.eventName is undefined/],
    [{ Records: [{ ...good, eventTime: "yesterday" }] }, /record\.eventTime is "yesterday"/],
    [{ Records: [{ ...good, eventTime: "2026-13-31T12:00:00Z" }] }, /give a time in ISO 8601/],
    [{ Records: [good, { ...good, eventTime: 7 }] }, /record\.eventTime is 7/],
    [{ ...made.eventBridge({ key: record }), source: "my.app" }, /events of aws\.s3 only/],
    [{ ...made.eventBridge({ key: record }), detail: null }, /event\.detail is null/],
    [made.eventBridge({ key: "\udfff" }), /event\.detail\.object\.key/],
    [{ ...made.r2({ key: record }), eventTime: undefined }, /message\.eventTime is undefined/],
    [made.r2({ key: "cairn/\ud800/v/" }), /message\.object\.key/],
    [{ ...made.sns({}), Message: { toString: 1, valueOf: 1 } }, /none of the forms known/],
    [{ ...made.sns({}), Type: "SubscriptionConfirmation" }, /confirm a subscription first/],
    [{ Type: { toString: 1 }, TopicArn: "" }, /Type is an object/],
    [{ body: "!not base64!" }, /its 12 characters are not JSON/],
    [{ body: 12 }, /the message is 12/],
    [{ Body: undefined }, /the message is undefined/],
    [JSON.parse('{"__proto__": {"Records": []}}'), /none of the forms known/],
    [JSON.parse('{"Records": [{"s3": {"__proto__": {"object": {}}}}]}'), /s3\.object is undefined/],
    [nested(made.s3({ key: record }), 20), /wrapped more than 12 times/],
    [JSON.parse("[".repeat(2_000) + "]".repeat(2_000)), /wrapped more than 12 times/],
    [shared(50, 6), /more than 50000 parts/],
  ];
  for (const [message, expected] of cases) {
    assert.throws(() => parseCheckpointEvent(message), (error) => {
      assert(error instanceof InvalidInputError, `${error}`);
      assert.match(error.message, /^Cannot read the event: /);
      assert.match(error.message, expected);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
});

function nested(content: unknown, times: number): unknown {
  for (let depth = 0; depth < times; depth++) content = made.sqs(content);
  return content;
}

/** A message in which each part stands many times: small to hold, huge to walk. */
function shared(width: number, depth: number): unknown {
  let part: unknown = made.testEvent;
  for (let at = 0; at < depth; at++) part = new Array(width).fill(part);
  return part;
}

Deno.test("parseCheckpointEvent() answers or refuses, whatever it is given", () => {
  const words = fc.constantFrom(
    ..."Records Messages messages s3 Sns Type TopicArn Body body detail-type detail source action object bucket key name eventName eventTime time Message Event __proto__"
      .split(" "),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.jsonValue(),
      fc.constantFrom(
        "aws.s3",
        "s3:TestEvent",
        "Notification",
        record,
        "2026-01-31T12:00:00Z",
        "aws:sqs",
      ),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(words, tie("value"), { maxKeys: 6 }),
      tie("value").map((inner) => JSON.stringify(inner)),
    ),
  }));
  fc.assert(
    fc.property(value, (message) => {
      try {
        assert(Array.isArray(parseCheckpointEvent(message, { others: true })));
      } catch (error) {
        assert(error instanceof InvalidInputError, `${error}`);
      }
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("parseCheckpointEvent() refuses a prefix that no key has", () => {
  assert.throws(() => parseCheckpointEvent([], { prefix: "../" }), InvalidInputError);
});

Deno.test("parseCheckpointEvent() names what a checkpointer has saved", async () => {
  const store = memoryStore();
  const checkpointer = new S3Checkpointer(store, { prefix: "agents/live" });
  const saved = await checkpointer.save("a b+c%é/", { large: "x".repeat(50_000) }, {
    namespace: "n",
  });
  const found: CheckpointEvent[] = [];
  for await (const { objects } of store.list()) {
    for (const { key } of objects) {
      found.push(...parseCheckpointEvent(made.s3({ key }), { prefix: "agents/live" }));
    }
  }
  const records = found.filter((event) => event.kind === "checkpoint");
  assert.equal(records.length, 1);
  const { thread, namespace, checkpointId: id } = records[0]!;
  assert.equal((await checkpointer.load(thread, { namespace, id }))?.id, saved.id);
  assert(found.some(({ kind }) => kind === "chunk"));
});

Deno.test("compareSequencers() tells which came later, whatever their lengths", () => {
  const inOrder = [
    "0055AED6DCD9",
    "0055AED6DCD90281E5",
    "0055aed6dcd90281e6",
    "0056",
    "617f08299329d189",
  ];
  for (const [i, a] of inOrder.entries()) {
    for (const [j, b] of inOrder.entries()) {
      assert.equal(Math.sign(compareSequencers(a, b)), Math.sign(i - j), `${a} ${b}`);
    }
  }
  assert.equal(compareSequencers("ab", "AB00"), 0);
});

Deno.test("compareSequencers() orders by the value, filled up with zeros at the end", () => {
  const hex = fc.string({
    unit: fc.constantFrom(..."0123456789abcdefABCDEF"),
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(fc.property(hex, hex, (a, b) => {
    const value = (digits: string) => BigInt("0x" + digits.padEnd(20, "0"));
    const order = value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0;
    assert.equal(compareSequencers(a, b), order);
  }));
});

Deno.test("compareSequencers() refuses what is no sequencer", () => {
  for (const bad of ["", "0x1", "-1", "xyz", undefined as unknown as string]) {
    assert.throws(() => compareSequencers("00", bad), InvalidInputError);
    assert.throws(() => compareSequencers(bad, "00"), InvalidInputError);
  }
});

import { InvalidInputError } from "../errors.ts";
import { type Fields, isFields, refuseEvent } from "./_fields.ts";
import { type ObjectEvent, ofEventBridge, ofR2, ofS3 } from "./_object_events.ts";

/** What an event came in. */
export type EventEnvelope = "sns" | "sqs" | "queue";

/** An event with the envelopes it came in, from the outermost. */
export interface Unwrapped {
  readonly event: ObjectEvent;
  readonly via: readonly EventEnvelope[];
}

/** The deepest that is opened: a batch of SQS with SNS in it has seven levels. */
const MAX_DEPTH = 12;
/** Lambda hands over up to 10,000 messages of SQS at once. */
const MAX_PARTS = 50_000;

const FORMS = "a message of S3, SNS, SQS, EventBridge or R2, as an object or its JSON";

/** The events of a message, however it is wrapped. What is in it is looked at, never trusted. */
export function unwrap(message: unknown): Unwrapped[] {
  const found: Unwrapped[] = [];
  let parts = 0;

  function open(part: unknown, via: readonly EventEnvelope[], depth: number): void {
    if (depth > MAX_DEPTH) tooMuch(`it is wrapped more than ${MAX_DEPTH} times`);
    if (++parts > MAX_PARTS) tooMuch(`it has more than ${MAX_PARTS} parts`);
    const all = (list: readonly unknown[]) => list.forEach((item) => open(item, via, depth + 1));
    const inner = (envelope: EventEnvelope, content: unknown) =>
      open(content, [...via, envelope], depth + 1);
    const add = (event: ObjectEvent) => void found.push({ event, via });

    if (typeof part === "string") return open(parse(part), via, depth + 1);
    if (Array.isArray(part)) return all(part);
    if (!isFields(part)) return refuseEvent("the message", part, FORMS);
    // Sent once to each new target, to see whether it can be reached.
    if (part.Event === "s3:TestEvent") return;
    for (const list of [part.Records, part.Messages, part.messages]) {
      if (Array.isArray(list)) return all(list);
    }
    if (isFields(part.s3)) return add(ofS3(part));
    if (isFields(part.Sns)) return inner("sns", part.Sns.Message);
    if ("Type" in part && "TopicArn" in part) return inner("sns", notificationOf(part));
    if ("Body" in part) return inner("sqs", part.Body);
    if ("body" in part) {
      return part.eventSource === "aws:sqs"
        ? inner("sqs", part.body)
        : inner("queue", pulled(part.body));
    }
    if ("detail-type" in part) return add(ofEventBridge(part));
    if ("action" in part && "object" in part) return add(ofR2(part));
    throw new InvalidInputError(
      `Cannot read the event: it has none of the forms known; give ${FORMS}`,
    );
  }

  open(message, [], 1);
  return found;
}

function tooMuch(what: string): never {
  throw new InvalidInputError(`Cannot read the event: ${what}; give its messages one by one`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Neither the text nor what JSON.parse quotes of it: it may be anybody's.
    throw new InvalidInputError(
      `Cannot read the event: its ${text.length} characters are not JSON; give ${FORMS}`,
    );
  }
}

/**
 * What a message of SNS carries.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
 */
function notificationOf(part: Fields): unknown {
  if (part.Type === "Notification") return part.Message;
  return refuseEvent(
    "the message's Type",
    part.Type,
    "a Notification; confirm a subscription first",
  );
}

/**
 * What a message of Cloudflare Queues carries: over HTTP it is base64.
 * https://developers.cloudflare.com/queues/configuration/pull-consumers/
 */
function pulled(body: unknown): unknown {
  if (typeof body !== "string" || /^\s*[[{"]/.test(body)) return body;
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(body), (char) => char.charCodeAt(0)));
  } catch {
    return body; // no base64: the parser says what is wrong with it
  }
}

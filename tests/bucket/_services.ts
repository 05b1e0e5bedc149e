/**
 * What tests ask of SQS, SNS and EventBridge on LocalStack, by signed requests.
 *
 * @module
 */
import { AwsClient } from "aws4fetch";
import { childrenOf, parseXml, textOf, type XmlElement } from "../../src/s3/xml.ts";
import { requireServer } from "../servers/env.ts";

/** LocalStack's account of whoever is nobody in particular. */
export const ACCOUNT = "000000000000";

async function send(service: string, init: RequestInit): Promise<string> {
  const { endpoint, region, accessKeyId, secretAccessKey } = requireServer();
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service, retries: 0 });
  const answer = await client.fetch(endpoint, { method: "POST", ...init });
  const text = await answer.text();
  if (answer.ok) return text;
  throw new Error(`${service}: ${answer.status} ${text}`);
}

/** An action of SQS's or SNS's query protocol. */
async function query(
  service: "sqs" | "sns",
  parameters: Readonly<Record<string, string>>,
): Promise<XmlElement> {
  const Version = service === "sqs" ? "2012-11-05" : "2010-03-31";
  const body = new URLSearchParams({ ...parameters, Version }).toString();
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return parseXml(await send(service, { headers, body }));
}

async function events(action: string, parameters: unknown): Promise<void> {
  const headers = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": `AWSEvents.${action}`,
  };
  await send("events", { headers, body: JSON.stringify(parameters) });
}

/** The first element of that name, however deep. */
function find(element: XmlElement, name: string): XmlElement | undefined {
  if (element.name === name) return element;
  for (const child of element.children) {
    const found = find(child, name);
    if (found) return found;
  }
}

/** A queue, with what has come to it. */
export interface Queue {
  readonly arn: string;
  /** Takes messages until there are enough, as their bodies; fails where they do not come. */
  receive(enough: (bodies: readonly string[]) => boolean): Promise<string[]>;
  /** What is there now. */
  drain(): Promise<string[]>;
}

/** A queue of its own, with that policy, gone when the work is done. */
export async function withQueue(
  policy: (arn: string) => unknown,
  work: (queue: Queue) => Promise<void>,
): Promise<void> {
  const name = `q-${crypto.randomUUID().slice(0, 13)}`;
  const arn = `arn:aws:sqs:${requireServer().region}:${ACCOUNT}:${name}`;
  const created = await query("sqs", {
    Action: "CreateQueue",
    QueueName: name,
    "Attribute.1.Name": "Policy",
    "Attribute.1.Value": JSON.stringify(policy(arn)),
  });
  const QueueUrl = find(created, "QueueUrl")!.text;
  const take = async (WaitTimeSeconds: string) => {
    const Action = "ReceiveMessage";
    const parameters = { Action, QueueUrl, MaxNumberOfMessages: "10", WaitTimeSeconds };
    const result = find(await query("sqs", parameters), "ReceiveMessageResult");
    const messages = result ? childrenOf(result, "Message") : [];
    for (const message of messages) {
      const ReceiptHandle = textOf(message, "ReceiptHandle")!;
      await query("sqs", { Action: "DeleteMessage", QueueUrl, ReceiptHandle });
    }
    return messages.map((message) => textOf(message, "Body")!);
  };
  try {
    await work({
      arn,
      async receive(enough) {
        const bodies: string[] = [];
        for (let tries = 0; tries < 20; tries++) {
          bodies.push(...await take("1"));
          if (enough(bodies)) return bodies;
        }
        throw new Error(`These have come, and no more: ${bodies.join("\n")}`);
      },
      async drain() {
        const bodies: string[] = [];
        for (let more = await take("1"); more.length > 0; more = await take("0")) {
          bodies.push(...more);
        }
        return bodies;
      },
    });
  } finally {
    await query("sqs", { Action: "DeleteQueue", QueueUrl });
  }
}

/** A topic of its own with that policy, which a queue subscribes to. */
export async function withTopic(
  queue: Queue,
  { raw = false, policy }: { raw?: boolean; policy: (arn: string) => unknown },
  work: (arn: string) => Promise<void>,
): Promise<void> {
  const name = `t-${crypto.randomUUID().slice(0, 13)}`;
  const created = await query("sns", { Action: "CreateTopic", Name: name });
  const TopicArn = find(created, "TopicArn")!.text;
  try {
    await query("sns", {
      Action: "SetTopicAttributes",
      TopicArn,
      AttributeName: "Policy",
      AttributeValue: JSON.stringify(policy(TopicArn)),
    });
    await query("sns", {
      Action: "Subscribe",
      TopicArn,
      Protocol: "sqs",
      Endpoint: queue.arn,
      "Attributes.entry.1.key": "RawMessageDelivery",
      "Attributes.entry.1.value": String(raw),
    });
    await work(TopicArn);
  } finally {
    await query("sns", { Action: "DeleteTopic", TopicArn });
  }
}

/** A rule of EventBridge of its own that sends a bucket's events to a queue. */
export async function withRule(
  queue: Queue,
  bucket: string,
  work: () => Promise<void>,
): Promise<void> {
  const Rule = `r-${crypto.randomUUID().slice(0, 13)}`;
  const EventPattern = JSON.stringify({
    source: ["aws.s3"],
    detail: { bucket: { name: [bucket] } },
  });
  await events("PutRule", { Name: Rule, EventPattern });
  try {
    await events("PutTargets", { Rule, Targets: [{ Id: "queue", Arn: queue.arn }] });
    await work();
  } finally {
    await events("RemoveTargets", { Rule, Ids: ["queue"] });
    await events("DeleteRule", { Name: Rule });
  }
}

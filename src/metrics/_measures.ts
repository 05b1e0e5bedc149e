import { InvalidInputError } from "../errors.ts";
import { refuse } from "../store/_options.ts";
import { quote } from "../store/key.ts";
import type { StoreEvent } from "../store/observed.ts";
import { isFailure } from "./_outcome.ts";

/** What of an event can tell metrics apart. */
export type MetricDimension = "Operation" | "KeyClass" | "Outcome" | "Store";

/** The units that are used of CloudWatch's. */
export type MetricUnit = "Milliseconds" | "Count" | "Bytes";

/** Options of all metrics for CloudWatch. */
export interface MetricOptions {
  /** The metrics' namespace. @default "Cairn" */
  readonly namespace?: string | undefined;
  /**
   * What of an event tells metrics apart: each combination of values that
   * occurs is a metric of its own, and is billed as one.
   *
   * @default ["Operation", "KeyClass"]
   */
  readonly by?: readonly MetricDimension[] | undefined;
  /** Dimensions that are the same for all, such as `{ Service: "agents" }`. @default none */
  readonly dimensions?: Readonly<Record<string, string>> | undefined;
}

/** One value of one metric. */
export interface Measure {
  readonly name: string;
  readonly unit: MetricUnit;
  readonly value: number;
}

/** What CloudWatch is told of an event. */
export interface Measures {
  readonly dimensions: Readonly<Record<string, string>>;
  readonly measures: readonly Measure[];
}

/** The members of an event's line beside the dimensions of the user's own. */
export const NAMES: readonly string[] = [
  "_aws",
  "Operation",
  "KeyClass",
  "Outcome",
  "Store",
  "Latency",
  "Failures",
  "Retries",
  "BytesSent",
  "BytesReceived",
  "Keys",
  "Pages",
  "Attempts",
  "RequestId",
  "Code",
  "Status",
];

const FACTS: Readonly<Record<MetricDimension, (event: StoreEvent) => string | undefined>> = {
  Operation: ({ operation }) => operation,
  KeyClass: ({ keyClass }) => keyClass,
  Outcome: ({ outcome }) => outcome,
  Store: ({ store }) => store,
};

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Dimension */
const MAX_DIMENSIONS = 30;
const MAX_NAME = 250;
const MAX_VALUE = 1024;

/**
 * Checks what all metrics for CloudWatch take, and makes what measures an event.
 *
 * @throws {InvalidInputError} where a name or a value is none that CloudWatch takes.
 */
export function measurer(
  options: MetricOptions,
): { readonly namespace: string; measure(event: StoreEvent): Measures } {
  const { namespace = "Cairn", by = ["Operation", "KeyClass"], dimensions = {} } = options;
  if (typeof namespace !== "string" || !/^(?!AWS\/|:)[\x20-\x7e]{1,255}$/.test(namespace)) {
    refuse("namespace", namespace, 'up to 255 characters of ASCII that do not start with "AWS/"');
  }
  for (const fact of by) {
    if (!Object.hasOwn(FACTS, fact)) refuse("by", fact, `some of ${Object.keys(FACTS).join(", ")}`);
  }
  for (const [name, value] of Object.entries(dimensions)) checkDimension(name, value);
  const count = by.length + Object.keys(dimensions).length;
  if (count > MAX_DIMENSIONS) {
    throw new InvalidInputError(
      `Cannot use ${count} dimensions: the limit of CloudWatch is ${MAX_DIMENSIONS}`,
    );
  }
  return {
    namespace,
    measure: (event) => ({
      dimensions: {
        ...dimensions,
        ...Object.fromEntries(by.map((fact) => [fact, fit(FACTS[fact](event))])),
      },
      measures: measuresOf(event),
    }),
  };
}

function measuresOf(event: StoreEvent): Measure[] {
  const { operation, bytes, retries, waited } = event;
  const measures: Measure[] = [
    // A tenth of a millisecond: more digits would make each value one of its own.
    { name: "Latency", unit: "Milliseconds", value: Math.round(waited * 10) / 10 },
    { name: "Failures", unit: "Count", value: isFailure(event) ? 1 : 0 },
    { name: "Retries", unit: "Count", value: retries },
  ];
  if (operation === "put") measures.push({ name: "BytesSent", unit: "Bytes", value: bytes });
  if (operation === "get") measures.push({ name: "BytesReceived", unit: "Bytes", value: bytes });
  return measures;
}

function checkDimension(name: string, value: unknown): void {
  if (NAMES.includes(name)) {
    throw new InvalidInputError(`Cannot use the dimension ${quote(name)}: the name is taken`);
  }
  const isText = (text: unknown, most: number) =>
    typeof text === "string" && text.length <= most &&
    /^[\x20-\x7e]*[\x21-\x7e][\x20-\x7e]*$/.test(text);
  if (!isText(name, MAX_NAME) || name.startsWith(":")) {
    refuse("a dimension's name", name, `up to ${MAX_NAME} characters of ASCII`);
  }
  if (!isText(value, MAX_VALUE)) {
    refuse(`the dimension ${name}`, value, `up to ${MAX_VALUE} characters of ASCII`);
  }
}

/** A value as CloudWatch takes it: ASCII, not too long, and never empty. */
function fit(value: string | undefined): string {
  const text = (value ?? "").replace(/[^\x20-\x7e]/g, "?").slice(0, MAX_VALUE).trim();
  return text === "" ? "none" : text;
}

import { CairnError } from "../errors.ts";
import { checkWhole, refuse } from "../store/_options.ts";
import type { Observer } from "../store/observed.ts";
import { measurer, type MetricOptions, type MetricUnit } from "./_measures.ts";

/** Values of one metric within one minute, as the AWS SDK names them. */
export interface MetricDatum {
  /** The metric's name. */
  MetricName: string;
  /** What tells it from others of that name. */
  Dimensions: { Name: string; Value: string }[];
  /** When the first of the values was noted. */
  Timestamp: Date;
  /** The values that occurred: up to 150. */
  Values: number[];
  /** How often each occurred. */
  Counts: number[];
  /** The values' unit. */
  Unit: MetricUnit;
}

/** What `PutMetricData` is given. */
export interface PutMetricDataInput {
  /** The metrics' namespace. */
  Namespace: string;
  /** Up to 1,000 metrics. */
  MetricData: MetricDatum[];
}

/** What sends metrics: `CloudWatch` of `@aws-sdk/client-cloudwatch`, or `cloudWatchClient` of `@cairn/checkpoint/edge`. */
export interface CloudWatchClientLike {
  /** Sends metrics. */
  putMetricData(input: PutMetricDataInput): Promise<unknown>;
}

/** Options of {@link cloudWatchMetrics}. */
export interface CloudWatchMetricsOptions extends MetricOptions {
  /** What sends the metrics. */
  readonly client: CloudWatchClientLike;
  /** How often they are sent, in milliseconds. @default 60_000 */
  readonly interval?: number | undefined;
  /**
   * The most that is held where they cannot be sent, in data: of each metric
   * one for a minute, or more where it has more than 150 values. Beyond that
   * the oldest goes.
   *
   * @default 10_000
   */
  readonly maxData?: number | undefined;
  /** Hears of what went wrong in the background. @default nobody does */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** `AsyncDisposable`, where the compiler's `lib` knows of it; ES2022 does not. */
export type MaybeAsyncDisposable = SymbolConstructor extends
  { readonly asyncDispose: infer Name extends symbol }
  ? { readonly [name in Name]: () => Promise<void> }
  : Record<never, never>;

/** Metrics on their way to CloudWatch. `await using` sends what is held at the end, and notes nothing more. */
export interface CloudWatchMetrics extends MaybeAsyncDisposable {
  /** What `observed` is given. */
  readonly observer: Observer;
  /** How many values were dropped: too many were held, or CloudWatch refused them for good. */
  readonly dropped: number;
  /**
   * Sends what is held, and waits for what is on its way.
   *
   * @throws what the client rejects with; what could not be sent is held for the next time.
   */
  flush(): Promise<void>;
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html */
const MAX_CALL_DATA = 1_000;
const MAX_CALL_BYTES = 1_000_000;
const MAX_VALUES = 150;

/** A datum that takes more values, each with how often it occurred. */
interface Entry {
  readonly id: string;
  readonly datum: Omit<MetricDatum, "Values" | "Counts">;
  readonly counts: Map<number, number>;
}

/**
 * An observer that sends metrics to CloudWatch by PutMetricData: it gathers
 * them by metric and minute, and sends them in the background, at an interval
 * or when a call is full. The metrics are those of `emf`.
 *
 * Its timer does not keep a process alive: `await using` it, or call `flush`
 * before the end. In Lambda call `flush` at the end of each invocation, or use
 * `emf`, which needs no call. In a Worker make one for each request and pass
 * `flush()` to `waitUntil`.
 *
 * Where a call fails, what it carried is sent again with the next one, and what
 * CloudWatch refuses as malformed is dropped. Values may arrive twice where
 * CloudWatch's answer is lost.
 *
 * @throws {InvalidInputError} where an option cannot be used.
 *
 * @example
 * ```ts
 * import { memoryStore, observed } from "@cairn/checkpoint";
 * import { type CloudWatchClientLike, cloudWatchMetrics } from "@cairn/checkpoint/metrics";
 * import assert from "node:assert/strict";
 *
 * const sent: string[] = [];
 * const client: CloudWatchClientLike = { // new CloudWatch({ region }), or cloudWatchClient({ … })
 *   putMetricData({ MetricData }) {
 *     sent.push(...MetricData.map(({ MetricName }) => MetricName));
 *     return Promise.resolve();
 *   },
 * };
 * {
 *   await using metrics = cloudWatchMetrics({ client, namespace: "Agents" });
 *   const store = observed(memoryStore(), metrics.observer);
 *   await store.put("key", new Uint8Array(3));
 * }
 * assert.deepEqual(sent, ["Latency", "Failures", "Retries", "BytesSent"]);
 * ```
 */
export function cloudWatchMetrics(options: CloudWatchMetricsOptions): CloudWatchMetrics {
  const { client, interval = 60_000, maxData = 10_000, onError } = options;
  if (typeof client?.putMetricData !== "function") {
    refuse("client", client, "a CloudWatch of @aws-sdk/client-cloudwatch, or cloudWatchClient()");
  }
  checkWhole({ interval }, 1, 2 ** 31 - 1);
  checkWhole({ maxData }, 1);
  const { namespace, measure } = measurer(options);

  /** All that is held, the oldest first. */
  let held = new Set<Entry>();
  /** Those of them that take more, by metric and minute. */
  const filling = new Map<string, Entry>();
  const sending = new Set<Promise<void>>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the last call failed: then only the timer tries again. */
  let failing = false;
  let dropped = 0;
  let closed = false;

  const observer: Observer = (event) => {
    const now = event.startedAt + event.milliseconds;
    const { dimensions, measures } = measure(event);
    const place = `${Math.floor(now / 60_000)} ${JSON.stringify(dimensions)}`;
    for (const { name, unit, value } of measures) {
      if (closed) {
        dropped++;
        continue;
      }
      const id = `${name} ${place}`;
      let entry = filling.get(id);
      if (entry === undefined || (entry.counts.size >= MAX_VALUES && !entry.counts.has(value))) {
        entry = { id, datum: datumOf(name, unit, dimensions, now), counts: new Map() };
        filling.set(id, entry);
        held.add(entry);
      }
      entry.counts.set(value, (entry.counts.get(value) ?? 0) + 1);
    }
    bound();
    if (held.size >= MAX_CALL_DATA && !failing && !closed) void sendInBackground();
    else arm();
  };

  function bound(): void {
    for (const entry of held) {
      if (held.size <= maxData) return;
      held.delete(entry);
      drop(entry);
      if (filling.get(entry.id) === entry) filling.delete(entry.id);
    }
  }

  function drop({ counts }: Entry): void {
    for (const count of counts.values()) dropped += count;
  }

  function arm(): void {
    if (timer !== undefined || closed || held.size === 0) return;
    timer = setTimeout(sendInBackground, interval);
    unref(timer);
  }

  async function sendInBackground(): Promise<void> {
    try {
      await send();
    } catch (error) {
      try {
        onError?.(error);
      } catch {
        // Whoever listens must not stand in the way.
      }
    }
    arm();
  }

  function send(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const entries = [...held];
    held.clear();
    filling.clear();
    const all = sendAll(entries).finally(() => sending.delete(all));
    sending.add(all);
    return all;
  }

  async function sendAll(entries: readonly Entry[]): Promise<void> {
    for (let at = 0; at < entries.length;) {
      const batch = batchOf(entries, at);
      try {
        await client.putMetricData({ Namespace: namespace, MetricData: batch.map(wholeOf) });
        failing = false;
      } catch (error) {
        failing = true;
        const refused = isMalformed(error);
        if (refused) batch.forEach(drop);
        held = new Set([...entries.slice(refused ? at + batch.length : at), ...held]);
        bound();
        throw error;
      }
      at += batch.length;
    }
  }

  async function flush(): Promise<void> {
    void send().catch(() => {});
    const ends = await Promise.allSettled(sending);
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  return {
    observer,
    get dropped() {
      return dropped;
    },
    flush,
    async [Symbol.asyncDispose]() {
      closed = true;
      await flush();
    },
  };
}

function datumOf(
  name: string,
  unit: MetricUnit,
  dimensions: Readonly<Record<string, string>>,
  now: number,
): Entry["datum"] {
  return {
    MetricName: name,
    Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
    Timestamp: new Date(now),
    Unit: unit,
  };
}

function wholeOf({ datum, counts }: Entry): MetricDatum {
  return { ...datum, Values: [...counts.keys()], Counts: [...counts.values()] };
}

/** What goes in one call: by the length of a form, which is longer than any other way to send it. */
function batchOf(entries: readonly Entry[], from: number): Entry[] {
  const batch: Entry[] = [];
  let bytes = 200;
  for (let at = from; at < entries.length && batch.length < MAX_CALL_DATA; at++) {
    const { datum, counts } = entries[at]!;
    bytes += 400 + counts.size * 120;
    for (const { Name, Value } of datum.Dimensions) bytes += 100 + 3 * (Name.length + Value.length);
    if (bytes > MAX_CALL_BYTES && batch.length > 0) break;
    batch.push(entries[at]!);
  }
  return batch;
}

/** Whether CloudWatch will never take what it was sent; another refusal may pass. */
function isMalformed(error: unknown): boolean {
  if (error instanceof CairnError) return error.kind === "invalid";
  return error instanceof Error &&
    /^(Invalid(Param|Format)|MissingRequired|Validation)/.test(error.name);
}

/** Lets the process end while it waits, in Node, Bun and Deno. */
function unref(timer: ReturnType<typeof setTimeout>): void {
  if (typeof timer === "object") (timer as { unref?(): void }).unref?.();
  else {
    (globalThis as { Deno?: { unrefTimer?(timer: unknown): void } }).Deno?.unrefTimer?.(timer);
  }
}

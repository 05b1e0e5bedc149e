/**
 * The requests that the library really sends in a typical run, written down
 * once, so that a model of a store's limits can be asked what becomes of a million such runs.
 *
 * @module
 */

import {
  aesGcm,
  type KeyProvider,
  localKeys,
  memoryStore,
  type ObjectStore,
} from "@cairn/checkpoint";
import { S3Saver } from "@cairn/checkpoint/langgraph";
import { countingStore } from "@cairn/checkpoint/testing";
import type { Checkpoint } from "@langchain/langgraph-checkpoint";
import { conversation } from "./_data.ts";

/** A request of a step. */
export interface Request {
  readonly kind: "put" | "get" | "head" | "list" | "delete";
  /** The key below the thread's folder. */
  readonly tail: string;
  /** The bytes of its body. */
  readonly bytes: number;
}

/** What one step sends: waves one after the other, the requests of a wave side by side. */
export type Step = readonly (readonly Request[])[];

/** A run of a thread. */
export interface Run {
  /** The steps, the cold reads of a process that takes the thread up among them. */
  readonly steps: readonly Step[];
  /** How often a KMS would have been asked. */
  readonly kmsCalls: number;
}

/** Options of {@link recordRun}. */
export interface RecordOptions {
  /** How many steps a thread has. */
  readonly steps: number;
  /** After how many steps another process takes the thread up, with nothing in memory. */
  readonly resumeEvery: number;
  /** After how many steps one is interrupted, and resumed: special writes. */
  readonly interruptEvery: number;
  /** Whether a KMS wraps the data keys. @default false */
  readonly encrypted?: boolean;
  readonly seed: number;
}

/** The thread that is recorded, and its folder. */
const THREAD = "recorded";
const FOLDER = `cairn/${THREAD}/`;

/**
 * Records a run: a conversation of LangGraph.js, each step with two messages more, its
 * task's writes and its checkpoint; now and then an interrupt, and a new process that reads
 * the latest checkpoint first.
 */
export async function recordRun(options: RecordOptions): Promise<Run> {
  const memory = memoryStore();
  const steps: Step[] = [];
  let waves = new Map<number, Request[]>();
  const note = (kind: Request["kind"], key: string, bytes = 0) => {
    const wave = waves.get(counted.counts.roundTrips) ?? [];
    wave.push({ kind, tail: key.slice(FOLDER.length), bytes });
    waves.set(counted.counts.roundTrips, wave);
  };
  const noting: ObjectStore = {
    ...memory,
    put(key, body, rest) {
      note("put", key, (body as Uint8Array).length);
      return memory.put(key, body, rest);
    },
    get(key, rest) {
      note("get", key);
      return memory.get(key, rest);
    },
    head(key, rest) {
      note("head", key);
      return memory.head(key, rest);
    },
    list(rest) {
      note("list", rest?.prefix ?? "");
      return memory.list(rest);
    },
  };
  const counted = countingStore(noting, { quiet: 4 });
  let kmsCalls = 0;
  const asked = <T>(answer: T) => (kmsCalls++, answer);
  const local = localKeys({ current: "1", keys: { "1": new Uint8Array(32).fill(1) } });
  const keys: KeyProvider = {
    current: local.current,
    generate: (context) => asked(local.generate(context)),
    wrap: (key, context) => asked(local.wrap(key, context)),
    unwrap: (wrapped, context) => asked(local.unwrap(wrapped, context)),
  };
  const open = () =>
    new S3Saver({ store: counted, ...(options.encrypted ? { encryption: aesGcm({ keys }) } : {}) });

  const texts = conversation(options.seed);
  const messages: unknown[] = [];
  let saver = open();
  let config: Parameters<S3Saver["put"]>[0] = { configurable: { thread_id: THREAD } };
  // In a wave the order is chance: it goes by key, so that a run is recorded alike each time.
  const byKey = (a: Request, b: Request) => a.tail < b.tail ? -1 : a.tail > b.tail ? 1 : 0;
  const finish = () => {
    if (waves.size > 0) {
      const inOrder = [...waves.entries()].sort(([a], [b]) => a - b);
      steps.push(inOrder.map(([, wave]) => wave.sort(byKey)));
    }
    waves = new Map();
  };
  for (let step = 0; step < options.steps; step++) {
    if (step > 0 && step % options.resumeEvery === 0) {
      saver = open();
      await saver.getTuple({ configurable: { thread_id: THREAD } });
    }
    messages.push(texts.next().value, texts.next().value);
    const id = `1f0aa6b4-0000-6000-8000-${String(step).padStart(12, "0")}`;
    const checkpoint: Checkpoint = {
      v: 4,
      id,
      ts: new Date(0).toISOString(),
      channel_values: { messages: [...messages] },
      channel_versions: { messages: step + 1 },
      versions_seen: { agent: { messages: step } },
    };
    const parent = config;
    const metadata = { source: "loop", step, parents: {} } as const;
    // A superstep: the tasks' writes against the checkpoint before, then the checkpoint.
    if (parent.configurable?.checkpoint_id !== undefined) {
      const isInterrupted = step % options.interruptEvery === 0;
      if (isInterrupted) {
        await saver.putWrites(parent, [["__interrupt__", { value: "May I?" }]], "task");
        await saver.putWrites(parent, [["__resume__", "yes"]], "task");
      }
      await saver.putWrites(parent, [["messages", messages.slice(-2)]], "task");
    }
    config = await saver.put(parent, checkpoint, metadata, { messages: step + 1 });
    finish();
  }
  return { steps, kmsCalls };
}

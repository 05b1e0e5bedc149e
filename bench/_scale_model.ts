/**
 * A store's published limits as a model, and many threads that live on it, in
 * virtual time: nothing waits, and a seed decides everything.
 *
 * @module
 */

import type { Request, Run } from "./_scale_record.ts";

/** A queue of what happens, by when it does. */
class Agenda {
  readonly #times: number[] = [];
  readonly #acts: (() => void)[] = [];

  get size(): number {
    return this.#times.length;
  }

  add(time: number, act: () => void): void {
    const times = this.#times, acts = this.#acts;
    let at = times.length;
    times.push(time);
    acts.push(act);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (times[above]! <= time) break;
      times[at] = times[above]!;
      acts[at] = acts[above]!;
      at = above;
    }
    times[at] = time;
    acts[at] = act;
  }

  /** The time of what comes next, which is taken out and given to `run`. */
  next(): [number, () => void] {
    const times = this.#times, acts = this.#acts;
    const first: [number, () => void] = [times[0]!, acts[0]!];
    const time = times.pop()!, act = acts.pop()!;
    const { length } = times;
    if (length > 0) {
      let at = 0;
      for (;;) {
        let below = 2 * at + 1;
        if (below >= length) break;
        if (below + 1 < length && times[below + 1]! < times[below]!) below++;
        if (times[below]! >= time) break;
        times[at] = times[below]!;
        acts[at] = acts[below]!;
        at = below;
      }
      times[at] = time;
      acts[at] = act;
    }
    return first;
  }
}

/** What a store allows. */
export interface Limits {
  /** Writes a second of each partition. @default none */
  readonly writes?: number;
  /** Reads a second of each partition; a LIST is none of them. @default none */
  readonly reads?: number;
  /** How long, in seconds, a partition must be hot before it is split. @default never */
  readonly splitAfter?: number;
  /** Above what share of its limit a partition is hot. @default 0.8 */
  readonly hot?: number;
  /** Writes a second of each key. @default none */
  readonly keyWrites?: number;
}

/** The rules of `createPolicy`, as it has them by default; times in milliseconds. */
export const RETRY = {
  maxAttempts: 5,
  baseDelay: 100,
  maxDelay: 20_000,
  timeout: 120_000,
} as const;

/** How long to wait after a failed attempt, in milliseconds; `undefined` where it was the last. */
export function delayAfter(attempt: number, elapsed: number, random: () => number) {
  if (attempt >= RETRY.maxAttempts) return undefined;
  const delay = random() * Math.min(RETRY.maxDelay, RETRY.baseDelay * 2 ** (attempt - 1));
  return elapsed + delay >= RETRY.timeout ? undefined : delay;
}

/** The medians of answers, in milliseconds: what is taken for granted, not measured. */
export const LATENCY = { put: 45, get: 25, head: 20, list: 50, delete: 50, refusal: 10 } as const;

/** How much answers vary: the deviation of the logarithm of their times. */
const SIGMA = 0.5;

/** A part of the keys that one machine, so to say, serves. */
interface Partition {
  writes: number;
  reads: number;
  filledAt: number;
  attempts: [writes: number, reads: number];
  hotSince: number;
  sample: string[];
  seen: number;
}

/** What is simulated. */
export interface Scenario {
  readonly run: Run;
  /** The folder of a thread by its number: the library's own keys. */
  readonly folderOf: (thread: number) => string;
  /** Steps a second. */
  readonly rate: number;
  /** Threads that are alive at once. */
  readonly alive: number;
  /** How long, in seconds. */
  readonly seconds: number;
  readonly limits: Limits;
  /** Where the keys are cut from the beginning, such as at the folders of a spread. */
  readonly cuts?: readonly string[];
  /** What share of the rate there is at a time in seconds. @default all of it, at once */
  readonly ramp?: (second: number) => number;
  /** How many slices of time the outcome tells of. @default 1 */
  readonly slices?: number;
  readonly random: () => number;
}

/** What became of the requests of a slice of time, or of all. */
export interface Counts {
  steps: number;
  failedSteps: number;
  issued: number;
  succeeded: number;
  failed: number;
  attempts: number;
  throttled: number;
}

/** What a simulation saw. */
export interface Outcome extends Counts {
  readonly slices: readonly Counts[];
  /** How long steps took that came through, in milliseconds, in ascending order. */
  readonly latencies: Float64Array;
  /** How many partitions there are at the end. */
  readonly partitions: number;
  /** The attempts that each partition saw in the last third of the time. */
  readonly loads: readonly number[];
  /** The most writes that a key had within a second. */
  readonly hottestKey: number;
  /** What was still under way when nothing was left to happen: 0. */
  readonly lost: number;
}

const noCounts = (): Counts => ({
  steps: 0,
  failedSteps: 0,
  issued: 0,
  succeeded: 0,
  failed: 0,
  attempts: 0,
  throttled: 0,
});

/** Seconds between two looks at how hot partitions are. */
const LOOK = 10;

/** Lets threads live on a store with such limits. */
export function simulate(scenario: Scenario): Outcome {
  const { run, folderOf, rate, alive, seconds, limits, random, slices: count = 1 } = scenario;
  const { writes = Infinity, reads = Infinity, splitAfter = Infinity, hot = 0.8 } = limits;
  const ramp = scenario.ramp ?? (() => 1);
  const agenda = new Agenda();
  const total = noCounts();
  const slices = Array.from({ length: count }, noCounts);
  const latencies: number[] = [];
  let now = 0;
  let underWay = 0;

  const partition = (): Partition => ({
    writes,
    reads,
    filledAt: now,
    attempts: [0, 0],
    hotSince: Infinity,
    sample: [],
    seen: 0,
  });
  /** Ascending; partition `n` holds the keys from the `n`-th bound on. */
  const bounds = ["", ...(scenario.cuts ?? [])].sort();
  const partitions = bounds.map(partition);
  const allLoads: number[] = bounds.map(() => 0);
  const find = (key: string) => {
    let low = 0, high = bounds.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (bounds[middle]! <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  };

  /** Takes a token, where there is one: a bucket holds those of one second. */
  const admit = (folder: string, { kind }: Request): boolean => {
    if (kind === "list") return true;
    const at = find(folder);
    const part = partitions[at]!;
    if (now > seconds * 2 / 3) allLoads[at]!++;
    const isWrite = kind === "put" || kind === "delete";
    part.attempts[isWrite ? 0 : 1]++;
    part.seen++;
    if (part.sample.length < 128) part.sample.push(folder);
    else if (random() * part.seen < 128) part.sample[Math.floor(random() * 128)] = folder;
    const passed = now - part.filledAt;
    part.writes = Math.min(writes, part.writes + passed * writes);
    part.reads = Math.min(reads, part.reads + passed * reads);
    part.filledAt = now;
    if (isWrite ? part.writes < 1 : part.reads < 1) return false;
    if (isWrite) part.writes--;
    else part.reads--;
    return true;
  };

  const lastWrites = new Map<string, number[]>();
  let hottestKey = 0;
  const admitKey = (key: string): boolean => {
    if (limits.keyWrites === undefined) return true;
    const recent = (lastWrites.get(key) ?? []).filter((time) => time > now - 1);
    recent.push(now);
    hottestKey = Math.max(hottestKey, recent.length);
    lastWrites.set(key, recent);
    return recent.length <= limits.keyWrites;
  };

  const look = () => {
    for (let at = partitions.length - 1; at >= 0; at--) {
      const part = partitions[at]!;
      const [written, read] = part.attempts;
      const isHot = written > hot * writes * LOOK || read > hot * reads * LOOK;
      part.hotSince = isHot ? Math.min(part.hotSince, now - LOOK) : Infinity;
      if (now - part.hotSince >= splitAfter) {
        const middle = part.sample.sort()[part.sample.length >> 1]!;
        if (middle > bounds[at]! && middle !== part.sample[0]) {
          bounds.splice(at + 1, 0, middle);
          partitions.splice(at, 1, partition(), partition());
          allLoads.splice(at + 1, 0, 0);
          continue;
        }
      }
      part.attempts = [0, 0];
      part.sample = [];
      part.seen = 0;
    }
    if (now + LOOK < seconds) agenda.add(now + LOOK, look);
  };
  if (splitAfter < Infinity) agenda.add(LOOK, look);

  /** A deviate of the normal distribution (Box and Muller). */
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const sliceOf = () => slices[Math.min(count - 1, Math.floor(now / seconds * count))]!;
  const tell = (what: keyof Counts) => {
    total[what]++;
    sliceOf()[what]++;
  };

  const send = (folder: string, request: Request, done: (isThere: boolean) => void) => {
    const started = now;
    tell("issued");
    underWay++;
    const end = (isThere: boolean) => {
      underWay--;
      tell(isThere ? "succeeded" : "failed");
      done(isThere);
    };
    const attempt = (number: number) => {
      tell("attempts");
      const isWrite = request.kind === "put";
      if (admit(folder, request) && (!isWrite || admitKey(folder + request.tail))) {
        const took = LATENCY[request.kind] / 1000 * Math.exp(SIGMA * normal());
        agenda.add(now + took, () => end(true));
        return;
      }
      tell("throttled");
      agenda.add(now + LATENCY.refusal / 1000, () => {
        const delay = delayAfter(number, (now - started) * 1000, random);
        if (delay === undefined) end(false);
        else agenda.add(now + delay / 1000, () => attempt(number + 1));
      });
    };
    attempt(1);
  };

  const play = (folder: string, step: Run["steps"][number]) => {
    const started = now;
    const wave = (number: number) => {
      const requests = step[number];
      if (requests === undefined) {
        tell("steps");
        latencies.push((now - started) * 1000);
        return;
      }
      let left = requests.length;
      let isWhole = true;
      for (const request of requests) {
        send(folder, request, (isThere) => {
          isWhole &&= isThere;
          if (--left > 0) return;
          if (isWhole) return wave(number + 1);
          tell("steps");
          tell("failedSteps");
        });
      }
    };
    wave(0);
  };

  /** The threads that are alive: the number of each, and how many steps it has gone. */
  const threads = Array.from({ length: alive }, (_, at) => ({
    number: at,
    step: Math.floor((1 - at / alive) * run.steps.length),
    folder: "",
  }));
  let born = alive;
  const arrive = () => {
    const at = Math.floor(random() * alive);
    const thread = threads[at]!;
    if (thread.step >= run.steps.length) {
      thread.number = born++;
      thread.step = 0;
      thread.folder = "";
    }
    thread.folder ||= folderOf(thread.number);
    play(thread.folder, run.steps[thread.step++]!);
    const pace = rate * ramp(now);
    const next = now - Math.log(1 - random()) / pace;
    if (next < seconds) agenda.add(next, arrive);
  };
  agenda.add(0, arrive);
  while (agenda.size > 0) {
    const [time, act] = agenda.next();
    now = time;
    act();
  }
  return {
    ...total,
    slices,
    latencies: Float64Array.from(latencies).sort(),
    partitions: bounds.length,
    loads: allLoads,
    hottestKey,
    lost: underWay,
  };
}

/** A quantile of numbers in ascending order. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

import { createPolicy, spread, UnavailableError } from "@cairn/checkpoint";
import fc from "fast-check";
import assert from "node:assert/strict";
import { randomFrom } from "../../bench/_data.ts";
import {
  delayAfter,
  type Outcome,
  RETRY,
  type Scenario,
  simulate,
} from "../../bench/_scale_model.ts";
import { plot } from "../../bench/_scale_plot.ts";
import { recordRun, type Run } from "../../bench/_scale_record.ts";
import { byChance, byTime, LAYOUTS, S3_LIMITS } from "../../bench/scale.ts";
import { Keys } from "../../src/checkpoint/keys.ts";

const options = { steps: 90, resumeEvery: 30, interruptEvery: 7, seed: 1 };
let recorded: Promise<Run> | undefined;
const record = () => recorded ??= recordRun(options);

async function play(change: Partial<Scenario>): Promise<Outcome> {
  return simulate({
    run: await record(),
    ...LAYOUTS["ids by chance"],
    rate: 2_000,
    alive: 5_000,
    seconds: 5,
    limits: S3_LIMITS,
    random: randomFrom(1),
    ...change,
  });
}

/** What holds whatever is played. */
function checkLaws(outcome: Outcome): void {
  const { issued, succeeded, failed, attempts, throttled, lost, steps, failedSteps } = outcome;
  assert.equal(lost, 0);
  assert.equal(issued, succeeded + failed, "each request ends, one way or the other");
  assert.equal(attempts, succeeded + throttled, "each attempt is answered");
  assert(attempts <= issued * RETRY.maxAttempts);
  assert.equal(
    failed * RETRY.maxAttempts <= throttled,
    true,
    "none is given up before its last try",
  );
  assert.equal(outcome.latencies.length, steps - failedSteps);
  assert(failedSteps <= failed);
}

Deno.test("a recorded run holds the requests of its steps, by the library's own keys", async () => {
  const { steps } = await record();
  assert.equal(steps.length, options.steps);
  const keys = new Keys("cairn/");
  const kinds = new Set<string>();
  for (const [at, step] of steps.entries()) {
    const all = step.flat();
    assert(all.some(({ kind, tail }) => kind === "put" && tail.endsWith("/c")), "a record a step");
    // The record is in the last wave: a record that can be seen can be read.
    assert(step.at(-1)!.some(({ tail }) => tail.endsWith("/c")));
    const isCold = at > 0 && at % options.resumeEvery === 0;
    assert.equal(all.filter(({ kind }) => kind === "list").length, isCold ? 1 : 0);
    for (const { kind, tail, bytes } of all) {
      if (kind === "list") continue;
      const parsed = keys.parse(`cairn/recorded/${tail}`);
      assert(parsed, tail);
      kinds.add(parsed.kind);
      if (kind === "put") assert(bytes > 48, "a frame has a header");
    }
  }
  assert.deepEqual([...kinds].sort(), ["checkpoint", "chunk", "writes"]);
});

Deno.test("a run is recorded alike each time; encrypted, it asks the KMS for each process, not for each object", async () => {
  const shape = ({ steps }: Run) =>
    steps.map((step) => step.map((wave) => wave.map(({ kind }) => kind)));
  const again = await recordRun(options);
  assert.deepEqual(again.steps, (await record()).steps);
  const encrypted = await recordRun({ ...options, encrypted: true });
  assert.deepEqual(shape(encrypted), shape(again));
  assert(encrypted.kmsCalls >= 3 && encrypted.kmsCalls <= 8, `${encrypted.kmsCalls}`);
  assert.equal(again.kmsCalls, 0);
});

Deno.test("the model waits between attempts as createPolicy() does", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 0, max: 50_000 }), async (seed, took) => {
      const delays: number[] = [];
      let attempts = 0, time = 0;
      const policy = createPolicy({}, {
        random: randomFrom(seed),
        now: () => time,
        sleep: (milliseconds) => {
          delays.push(milliseconds);
          time += milliseconds;
          return Promise.resolve();
        },
      });
      await assert.rejects(policy.run(() => {
        attempts++;
        time += took;
        return Promise.reject(new UnavailableError("Slow Down"));
      }));
      const random = randomFrom(seed);
      const expected: number[] = [];
      let elapsed = 0;
      for (let attempt = 1;; attempt++) {
        elapsed += took;
        const delay = delayAfter(attempt, elapsed, random);
        if (delay === undefined) {
          assert.equal(attempts, attempt);
          break;
        }
        expected.push(delay);
        elapsed += delay;
      }
      assert.deepEqual(delays, expected);
    }),
    { numRuns: 50 },
  );
});

Deno.test("one partition refuses what is above 3,500 writes a second, and nothing below", async () => {
  const run = await record();
  const puts = run.steps.flat(2).filter(({ kind }) => kind === "put").length / run.steps.length;
  const below = await play({ rate: 0.85 * S3_LIMITS.writes / puts });
  checkLaws(below);
  assert.equal(below.throttled, 0);
  assert.equal(below.failed, 0);
  const above = await play({ rate: 1.5 * S3_LIMITS.writes / puts });
  checkLaws(above);
  assert(above.throttled > 0.05 * above.attempts, `${above.throttled} of ${above.attempts}`);
  assert(above.failedSteps > 0);
});

Deno.test("a store gives no more than its limit, and one second's worth, however hard it is asked", async () => {
  const writesOnly: Run = {
    steps: [[[{ kind: "put", tail: "n/~/c", bytes: 1 }]]],
    kmsCalls: 0,
  };
  for (const rate of [2_000, 4_000, 20_000]) {
    const outcome = await play({ run: writesOnly, rate, alive: 100, seconds: 4 });
    checkLaws(outcome);
    // The last to come may try for the waits of four attempts after the end.
    const seconds = 4 + (100 + 200 + 400 + 800 + 50) / 1000;
    assert(outcome.succeeded <= S3_LIMITS.writes * (seconds + 1));
    if (rate < S3_LIMITS.writes * 0.8) assert.equal(outcome.failed, 0);
  }
});

Deno.test("with a spread that is cut beforehand nothing is refused at ten thousand steps a second", async () => {
  const load = { rate: 10_000, seconds: 3, alive: 20_000 };
  const one = await play({ ...LAYOUTS["ids by time"], ...load });
  checkLaws(one);
  assert(one.throttled > one.attempts / 2);
  const many = await play({ ...LAYOUTS["spread(256), cut beforehand"], ...load });
  checkLaws(many);
  assert.equal(many.throttled, 0);
  assert.equal(many.failedSteps, 0);
});

Deno.test("partitions that split in time help ids by chance and a spread, and ids by time far less", async () => {
  const scale = 100;
  const long = (layout: keyof typeof LAYOUTS, seed: number) =>
    play({
      ...LAYOUTS[layout],
      rate: 10_000 / scale,
      alive: 500, // all of them are others within three minutes
      seconds: 2_400,
      limits: { writes: S3_LIMITS.writes / scale, reads: S3_LIMITS.reads / scale, splitAfter: 300 },
      slices: 4,
      random: randomFrom(seed),
    });
  const last = ({ slices }: Outcome) => slices[3]!.failedSteps / slices[3]!.steps;
  const chance = await long("ids by chance", 1);
  const time = await long("ids by time", 2);
  const spreadOut = await long("ids by time, spread(256)", 3);
  for (const outcome of [chance, time, spreadOut]) checkLaws(outcome);
  assert(last(chance) < 0.05, `${last(chance)}`);
  assert(last(spreadOut) < 0.05, `${last(spreadOut)}`);
  assert(last(time) > 0.5, `${last(time)}`);
});

Deno.test("no key is written twice within a second, as R2 asks; a pointer to the latest would be", async () => {
  const limits = { keyWrites: 1 };
  const ours = await play({ rate: 5_000, limits });
  checkLaws(ours);
  assert.deepEqual([ours.throttled, ours.hottestKey], [0, 1]);
  const { steps, kmsCalls } = await record();
  const pointer = { kind: "put", tail: "latest", bytes: 60 } as const;
  const run = { kmsCalls, steps: steps.map((step) => [...step, [pointer]]) };
  const others = await play({ run, rate: 5_000, limits });
  checkLaws(others);
  assert(others.throttled > 0);
});

Deno.test("the same seed plays the same", async () => {
  const [a, b] = [await play({}), await play({})];
  assert.deepEqual(a, b);
  const other = await play({ random: randomFrom(2) });
  assert.notDeepEqual(a.latencies, other.latencies);
});

Deno.test("the threads that are played are named as they are said to be", () => {
  const ids = Array.from({ length: 500 }, (_, at) => at);
  assert.equal(new Set(ids.map(byChance)).size, 500);
  const ordered = ids.map(byTime);
  assert.deepEqual(ordered.toSorted(), ordered);
  for (const at of ids) {
    const keys = new Keys("cairn/", spread(256));
    assert.equal(LAYOUTS["ids by time, spread(256)"].folderOf(at), keys.thread(byTime(at)));
  }
});

Deno.test("plot() draws each line within its frame, for light and dark", () => {
  const svg = plot({
    title: "a < b & c",
    x: { label: "minutes", last: 10, every: 5 },
    y: { label: "%", last: 100, every: 50 },
    lines: [{ name: "one", values: [0, 50, 100] }, { name: "two", values: [100, 0] }],
  });
  assert.match(svg, /^<svg [^]*<\/svg>\n$/);
  assert.match(svg, /prefers-color-scheme: dark/);
  assert.match(svg, /<title>a &lt; b &amp; c<\/title>/);
  const [, , width, height] = /viewBox="(\d+) (\d+) (\d+) (\d+)"/.exec(svg)!.slice(1).map(Number);
  const points = [...svg.matchAll(/points="([^"]+)"/g)].map(([, all]) => all!.split(" "));
  assert.deepEqual(points.map(({ length }) => length), [3, 2]);
  for (const [x, y] of points.flat().map((pair) => pair.split(",").map(Number))) {
    assert(x! > 0 && x! < width! && y! > 0 && y! < height!);
  }
});

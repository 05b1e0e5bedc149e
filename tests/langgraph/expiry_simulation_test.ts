import assert from "node:assert/strict";
import fc from "fast-check";
import { aesGcm, expireAfter, lifecycleDays, localKeys, type Ttl } from "@cairn/checkpoint";
import { DAYS, type Life, lives, REFRESH_DAYS } from "./_lives.ts";
import { MortalWorld, type WorldOptions } from "./_mortal_world.ts";

const ttl = expireAfter({ days: DAYS });
const ruleDays = lifecycleDays(ttl);

/** Plays so many lives; tells what came of them, and how much there was to see. */
async function play(
  ttl: Ttl,
  ruleDays: number,
  parameters: fc.Parameters<[Life]>,
  options?: WorldOptions["options"],
) {
  const sum = { removed: 0, looked: 0, troubled: 0 };
  const property = fc.asyncProperty(lives, async (life) => {
    const world = new MortalWorld(life, { ttl, ruleDays, ...(options && { options }) });
    try {
      await world.play();
    } finally {
      sum.removed += world.removed;
      sum.looked += world.looked;
      sum.troubled += world.troubled;
    }
  });
  return { sum, outcome: await fc.check(property, { seed: 20_260_201, ...parameters }) };
}

Deno.test("S3Saver with a time to live: whatever can be seen can be read, through any life, whenever the rule fires", async () => {
  assert.deepEqual([ttl.refreshDays, ruleDays], [REFRESH_DAYS, DAYS + REFRESH_DAYS]);
  const { sum, outcome } = await play(ttl, ruleDays, { numRuns: 180 });
  assert(!outcome.failed, `${fc.defaultReportMessage(outcome)}\n${outcome.errorInstance}`);

  assert(sum.removed > 1_000, `the rule removed no more than ${sum.removed} objects`);
  assert(sum.looked > 7_000, `no more than ${sum.looked} checkpoints were looked at`);
  assert(sum.troubled > 80, `no more than ${sum.troubled} operations failed`);
});

Deno.test("S3Saver with a time to live and encryption: what is stored again can be opened", async () => {
  const keys = localKeys({ current: "1", keys: { "1": new Uint8Array(32).fill(7) } });
  const encrypted = () => ({ encryption: aesGcm({ keys }) });
  const { sum, outcome } = await play(ttl, ruleDays, { numRuns: 40 }, encrypted);
  assert(!outcome.failed, `${fc.defaultReportMessage(outcome)}\n${outcome.errorInstance}`);
  assert(sum.removed > 200, `the rule removed no more than ${sum.removed} objects`);
});

/** One that is torn is enough, as it is. */
const torn = { numRuns: 300, endOnFailure: true };

Deno.test("The simulation finds the thread that is torn where nothing is stored again", async () => {
  const never = expireAfter({ days: DAYS, refreshDays: 36_500 });
  const { outcome } = await play(never, ruleDays, torn);
  assert(outcome.failed, "nothing was torn");
  assert.match(`${outcome.errorInstance}`, /gone|deep-equal|Cannot go on/);
});

Deno.test("The simulation finds the thread that is torn by a rule of the days alone", async () => {
  const { outcome } = await play(ttl, DAYS, torn);
  assert(outcome.failed, "nothing was torn");
  assert.match(`${outcome.errorInstance}`, /gone|deep-equal|Cannot go on/);
});

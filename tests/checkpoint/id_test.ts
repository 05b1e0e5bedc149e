import assert from "node:assert/strict";
import { uuid7 } from "@cairn/checkpoint";

const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The time of an id, in milliseconds. */
function timeOf(id: string): number {
  return parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** Runs something under a clock of one's own. */
function withClock(now: () => number, run: () => void): void {
  const real = Date.now;
  Date.now = now;
  try {
    run();
  } finally {
    Date.now = real;
  }
}

function requireAscending(ids: readonly string[]): void {
  for (const [at, id] of ids.entries()) {
    assert.match(id, UUID7);
    if (at > 0) assert(ids[at - 1]! < id, `${ids[at - 1]} < ${id}`);
  }
}

Deno.test("uuid7() gives UUIDs of version 7 that carry the time", () => {
  const before = Date.now();
  const id = uuid7();
  assert.match(id, UUID7);
  assert(timeOf(id) >= before);
});

Deno.test("uuid7() ascends through more than 4,096 ids of one millisecond", () => {
  const now = Date.now() + 1_000;
  withClock(() => now, () => {
    const ids = Array.from({ length: 10_000 }, () => uuid7());
    requireAscending(ids);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(timeOf(ids[0]!), now);
    // Each 4,096 borrow a millisecond of the time to come.
    assert(timeOf(ids.at(-1)!) <= now + 3);
  });
});

Deno.test("uuid7() ascends where the clock goes back", () => {
  let now = Date.now() + 10_000;
  withClock(() => now -= 7, () => requireAscending(Array.from({ length: 5_000 }, () => uuid7())));
});

Deno.test("uuid7() ascends where the clock jumps to and fro, and goes with it again", () => {
  const start = Date.now() + 20_000;
  const steps = [0, 1, -5, 3, 3, -20, 100];
  let at = 0;
  withClock(() => start + steps[at++ % steps.length]!, () => {
    requireAscending(Array.from({ length: 700 }, () => uuid7()));
  });
  withClock(() => start + 1_000, () => assert.equal(timeOf(uuid7()), start + 1_000));
});

Deno.test("uuid7() ends in random bits", () => {
  const tails = new Set(Array.from({ length: 100 }, () => uuid7().slice(19)));
  assert.equal(tails.size, 100);
});

Deno.test("uuid7() comes after an id that a clock ahead has made", () => {
  const ahead = "fedcba98-7654-7abc-bfff-ffffffffffff";
  const next = uuid7(ahead);
  assert.match(next, UUID7);
  assert.equal(next.slice(0, 18), "fedcba98-7654-7abd");
  requireAscending([ahead, next, uuid7(next), uuid7(uuid7(next))]);
  // Nobody else's ids are led into the future by it.
  assert(uuid7() < ahead);
});

Deno.test("uuid7() carries the count of an id ahead over to its time", () => {
  assert.equal(uuid7("fedcba98-ffff-7fff-8000-000000000000").slice(0, 18), "fedcba99-0000-7000");
});

Deno.test("uuid7() passes over what is no version 7, or is past, or has none after it", () => {
  const now = Date.now();
  for (
    const after of [
      "",
      "zzz",
      "\uffff",
      "fedcba98-7654-4abc-bfff-ffffffffffff",
      "fedcba98-7654-7abc-cfff-ffffffffffff",
      "FEDCBA98-7654-7ABC-BFFF-FFFFFFFFFFFF",
      "ffffffff-ffff-7fff-bfff-ffffffffffff",
      "00000000-0001-7000-8000-000000000000",
    ]
  ) {
    const id = uuid7(after);
    assert.match(id, UUID7);
    assert(timeOf(id) >= now && timeOf(id) < now + 3_600_000, after);
  }
});

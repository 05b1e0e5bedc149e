import { createPolicy } from "@cairn/checkpoint";
import assert from "node:assert/strict";
import { onAbort } from "../../src/store/_abort.ts";

/** A controller whose signal counts those who listen to it. */
function counted(): { controller: AbortController; listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const add = signal.addEventListener.bind(signal) as (...args: unknown[]) => void;
  signal.addEventListener = (...args: unknown[]) => {
    count++;
    add(...args);
  };
  return { controller, listeners: () => count };
}

Deno.test("onAbort() calls each watcher once, with the reason, but for those who left", () => {
  const { controller, listeners } = counted();
  const called: string[] = [];
  const watch = (name: string) =>
    onAbort(controller.signal, (reason) => called.push(`${name} ${reason}`));
  const [, leave] = [watch("a"), watch("b"), watch("c")];
  leave!();
  leave!();
  assert.deepEqual(called, []);
  controller.abort("why");
  controller.abort("again");
  assert.deepEqual(called, ["a why", "c why"]);
  watch("late");
  assert.deepEqual(called, ["a why", "c why", "late why"]);
  assert.equal(listeners(), 1);
});

Deno.test("onAbort() lets a watcher leave, or another come, while a signal aborts", () => {
  const controller = new AbortController();
  const called: string[] = [];
  onAbort(controller.signal, () => {
    called.push("a");
    leave();
    onAbort(controller.signal, () => called.push("late"));
  });
  const leave = onAbort(controller.signal, () => called.push("b"));
  controller.abort();
  assert.deepEqual(called, ["a", "late"]);
});

Deno.test("onAbort() watches no signal where there is none", () => {
  onAbort(undefined, () => assert.fail())();
});

Deno.test("However many requests go on or wait under a signal, one listens to it: Node warns of more than ten", async () => {
  const { controller, listeners } = counted();
  const policy = createPolicy({ maxOpenRequests: 20 });
  let under = 0;
  const calls = Array.from({ length: 50 }, () =>
    policy.run((inner) => {
      under++;
      return new Promise((_, reject) =>
        inner.addEventListener("abort", () => reject(inner.reason))
      );
    }, controller.signal));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(under, 20);
  const reason = new Error("enough");
  controller.abort(reason);
  for (const { status, ...rest } of await Promise.allSettled(calls)) {
    assert.deepEqual([status, rest], ["rejected", { reason }]);
  }
  assert.equal(under, 20, "what waited has not begun");
  assert.equal(listeners(), 1);
});

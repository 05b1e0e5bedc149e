import { createPolicy, UnavailableError } from "@cairn/checkpoint";
import assert from "node:assert/strict";
import { resumedBody } from "../../src/store/resume.ts";

type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>;

const PIECE = new Uint8Array([1, 2, 3]);
const quick = createPolicy({ retry: { baseDelay: 1, maxDelay: 2, maxAttempts: 3 } });

/** A body that gives one piece, and then what it is told to: it fails, or waits for its cancellation. */
function source(after?: Error) {
  const cancelled: unknown[] = [];
  let given = false;
  const body: Bytes = new ReadableStream({
    pull(controller) {
      if (!given) controller.enqueue(PIECE.slice());
      else if (after) controller.error(after);
      else return new Promise(() => {});
      given = true;
    },
    cancel: (reason) => void cancelled.push(reason),
  }, { highWaterMark: 0 });
  return { body, cancelled };
}

function bodyOf(
  first: Bytes,
  open: (start: number, signal: AbortSignal) => Promise<Bytes>,
  signal?: AbortSignal,
) {
  return resumedBody({ key: "key", first, start: 0, end: 9, policy: quick, signal, open });
}

const never = () => Promise.reject(new Error("nothing is to be asked for"));

Deno.test("resumedBody() lets go of its source as soon as the signal aborts, read or not", async () => {
  for (const reads of [0, 1]) {
    const { body, cancelled } = source();
    const control = new AbortController();
    const reader = bodyOf(body, never, control.signal).getReader();
    for (let i = 0; i < reads; i++) assert.deepEqual((await reader.read()).value, PIECE);
    control.abort("the user left");
    assert.deepEqual(cancelled, ["the user left"]);
    await assert.rejects(reader.read(), (error) => error === "the user left");
    assert.equal(cancelled.length, 1);
  }
});

Deno.test("resumedBody() of a signal that has aborted meanwhile lets go at once", async () => {
  const { body, cancelled } = source();
  const reader = bodyOf(body, never, AbortSignal.abort("too late")).getReader();
  assert.deepEqual(cancelled, ["too late"]);
  await assert.rejects(reader.read(), (error) => error === "too late");
});

Deno.test("resumedBody() that is cancelled while it asks for the rest asks no more, and leaves none open", async () => {
  for (const heeds of [true, false]) {
    const rest = source();
    const asked = Promise.withResolvers<AbortSignal>();
    const answer = Promise.withResolvers<Bytes>();
    let asks = 0;
    const body = bodyOf(source(new Error("broke off")).body, (_, signal) => {
      asks++;
      asked.resolve(signal);
      if (heeds) signal.addEventListener("abort", () => answer.reject(signal.reason));
      return answer.promise;
    });
    const reader = body.getReader();
    await reader.read();
    const reading = reader.read();
    const signal = await asked.promise;
    await reader.cancel("enough");
    assert.deepEqual(await reading, { done: true, value: undefined });
    assert(signal.aborted);
    assert.equal(signal.reason, "enough");
    // One that heeds no signal answers all the same.
    answer.resolve(rest.body);
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(asks, 1);
    assert.equal(rest.cancelled.length, heeds ? 0 : 1);
  }
});

Deno.test("resumedBody() that is cancelled between two attempts makes no further one", async () => {
  let asks = 0;
  const patient = createPolicy({ retry: { baseDelay: 20, maxDelay: 20 } }, { random: () => 1 });
  const failed = Promise.withResolvers<void>();
  const body = resumedBody({
    key: "key",
    first: source(new Error("broke off")).body,
    start: 0,
    end: 9,
    policy: patient,
    open: () => {
      asks++;
      failed.resolve();
      return Promise.reject(new UnavailableError("down"));
    },
  });
  const reader = body.getReader();
  await reader.read();
  void reader.read();
  await failed.promise;
  await reader.cancel();
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(asks, 1);
});

Deno.test("resumedBody() no longer hears of a signal once it was read, cancelled, or has failed", async () => {
  const control = new AbortController();
  const { signal } = control;
  let heard = 0;
  // Whoever still watches asks for the reason.
  Object.defineProperty(signal, "reason", { get: () => void heard++ });
  const whole = new Response(new Uint8Array(9)).body as Bytes;
  assert.equal(await new Response(bodyOf(whole, never, signal)).bytes().then((b) => b.length), 9);
  await bodyOf(source().body, never, signal).cancel("enough");
  const broken = bodyOf(source(new Error("broke off")).body, never, signal);
  await assert.rejects(new Response(broken).bytes(), /nothing is to be asked for/);
  control.abort();
  assert.equal(heard, 0);
  const open = new AbortController();
  Object.defineProperty(open.signal, "reason", { get: () => void heard++ });
  const left = bodyOf(source().body, never, open.signal);
  open.abort();
  assert(heard > 0, "one that is still open does");
  await left.cancel().catch(() => {});
});

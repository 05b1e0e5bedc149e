import assert from "node:assert/strict";
import * as cairn from "@cairn/checkpoint";
import { CairnError, type CairnErrorOptions } from "@cairn/checkpoint";

type Constructor = new (message: string, options?: CairnErrorOptions) => CairnError;
const KINDS: Record<string, [Constructor, boolean]> = {
  invalid: [cairn.InvalidInputError, false],
  "not-found": [cairn.NotFoundError, false],
  precondition: [cairn.PreconditionFailedError, false],
  access: [cairn.AccessError, false],
  corrupt: [cairn.CorruptError, false],
  unsupported: [cairn.UnsupportedError, false],
  throttled: [cairn.ThrottledError, true],
  timeout: [cairn.TimeoutError, true],
  unavailable: [cairn.UnavailableError, true],
};

Deno.test("Each error has its kind, its name and what is known beside it", () => {
  const cause = new Error("underneath");
  const details = { key: "k", status: 500, code: "Code", requestId: "id" };
  for (const [kind, [Type]] of Object.entries(KINDS)) {
    const error = new Type("what went wrong", { ...details, cause });
    assert(error instanceof CairnError && error instanceof Error);
    assert.equal(error.kind, kind);
    assert.equal(error.name, Type.name);
    assert.equal(String(error), `${Type.name}: what went wrong`);
    assert.equal(error.cause, cause);
    const { key, status, code, requestId } = error;
    assert.deepEqual({ key, status, code, requestId }, details);
    assert(!("cause" in new Type("no cause")));
  }
});

Deno.test("isRetryable() decides by the kind", () => {
  for (const [Type, retryable] of Object.values(KINDS)) {
    assert.equal(cairn.isRetryable(new Type("again?")), retryable, Type.name);
  }
  for (const other of [new Error("unavailable"), { kind: "unavailable" }, undefined, "timeout"]) {
    assert.equal(cairn.isRetryable(other), false);
  }
});

Deno.test("NotFoundError tells an object from a bucket", () => {
  assert.equal(new cairn.NotFoundError("gone").what, "object");
  assert.equal(new cairn.NotFoundError("gone", { what: "bucket" }).what, "bucket");
});

Deno.test("Errors carry the wait and the limit they are about", () => {
  assert.equal(new cairn.ThrottledError("slow", { retryAfter: 5 }).retryAfter, 5);
  assert.equal(new cairn.UnavailableError("down", { retryAfter: 7 }).retryAfter, 7);
  assert.equal(new cairn.TimeoutError("late", { limit: 9 }).limit, 9);
  assert.equal(new cairn.ThrottledError("slow").retryAfter, undefined);
});

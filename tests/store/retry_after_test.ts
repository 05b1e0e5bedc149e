import assert from "node:assert/strict";
import { retryAfter } from "../../src/store/retry_after.ts";

const DATE = { date: "Thu, 01 Jan 2026 00:00:00 GMT" };

function read(value: string | undefined, others: Record<string, string> = DATE) {
  return retryAfter(
    new Headers({ ...others, ...(value !== undefined && { "retry-after": value }) }),
  );
}

Deno.test("retryAfter() reads seconds and dates, and nothing else", () => {
  assert.equal(read("2"), 2000);
  assert.equal(read("0.5"), 500);
  assert.equal(read("Thu, 01 Jan 2026 00:00:05 GMT"), 5000);
  assert.equal(read("Wed, 31 Dec 2025 23:59:00 GMT"), 0);
  for (const value of [undefined, "", "soon"]) assert.equal(read(value), undefined);
});

Deno.test("retryAfter() goes by this machine's clock where the answer has none", () => {
  for (const others of [{}, { date: "soon" }]) {
    const wait = read(new Date(Date.now() + 9_000).toUTCString(), others)!;
    assert(wait > 7_000 && wait <= 9_000, `${wait}`);
  }
});

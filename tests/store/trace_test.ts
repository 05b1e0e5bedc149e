import assert from "node:assert/strict";
import { type CallTrace, createPolicy, ThrottledError, UnavailableError } from "@cairn/checkpoint";
import { failure as edgeFailure, object, STORED, withStore as withEdge } from "../edge/_fixture.ts";
import { withStore as withSdk } from "../sdk/_fixture.ts";

const trace = (): CallTrace => ({ attempts: 0, retries: 0 });
const bytes = new Uint8Array(3);

Deno.test("Policy.run() counts its attempts, and which of them were retries", async () => {
  const policy = createPolicy({ retry: { baseDelay: 1, maxAttempts: 3 } });
  const seen = trace();
  await policy.run(
    (_, number) => number < 3 ? Promise.reject(new UnavailableError("busy")) : Promise.resolve(),
    undefined,
    seen,
  );
  assert.deepEqual(seen, { attempts: 3, retries: 2 });
  await assert.rejects(policy.run(() => Promise.reject(new Error("no")), undefined, seen));
  assert.deepEqual(seen, { attempts: 4, retries: 2 });
});

for (const [name, withStore] of Object.entries({ edgeStore: withEdge, sdkStore: withSdk })) {
  Deno.test(`${name} tells the attempts of a call, and the id of its last answer`, async () => {
    await withStore(
      (_, number) =>
        number < 3
          ? edgeFailure(503, "SlowDown", { "x-amz-request-id": `R${number}` })
          : { ...STORED, headers: { ...STORED.headers, "x-amz-request-id": `R${number}` } },
      async (store) => {
        const seen = trace();
        await store.put("key", bytes, { trace: seen });
        assert.deepEqual(seen, { attempts: 3, retries: 2, requestId: "R3" });
      },
    );
  });

  Deno.test(`${name} tells the id of an answer that was a failure, and of R2's too`, async () => {
    await withStore(
      () => edgeFailure(429, "TooManyRequests", { "cf-ray": "ray-1", "x-amz-request-id": "" }),
      async (store) => {
        const seen = trace();
        await assert.rejects(store.delete(["key"], { trace: seen }), ThrottledError);
        assert.deepEqual(seen, { attempts: 2, retries: 1, requestId: "ray-1" });
      },
      { retry: { maxAttempts: 2, baseDelay: 1 } },
    );
    await withStore(
      () => ({ ...STORED, headers: { ...STORED.headers, "cf-ray": "ray-2" } }),
      async (store) => {
        const seen = trace();
        await store.put("key", bytes, { trace: seen });
        assert.equal(seen.requestId, "ray-2");
      },
    );
  });

  Deno.test(`${name} tells the id of an answer once that says it twice, as VersityGW's do`, async () => {
    await withStore(
      () => ({ ...STORED, headers: { ...STORED.headers, "x-amz-request-id": "R4, R4" } }),
      async (store) => {
        const seen = trace();
        await store.put("key", bytes, { trace: seen });
        assert.equal(seen.requestId, "R4");
      },
    );
  });

  Deno.test(`${name} counts what is asked for again of a body that broke off`, async () => {
    await withStore(
      (_, number) =>
        number === 1
          ? { ...object("0123456789"), cutAfter: 4 }
          : { ...object("456789", { "content-range": "bytes 4-9/10" }), status: 206 },
      async (store) => {
        const seen = trace();
        const { body } = await store.get("key", { trace: seen });
        assert.equal(seen.attempts, 1);
        assert.equal(await new Response(body).text(), "0123456789");
        assert.deepEqual({ ...seen, requestId: undefined }, {
          attempts: 2,
          retries: 1,
          requestId: undefined,
        });
      },
    );
  });
}

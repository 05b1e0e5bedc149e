import { type ObjectStore, UnavailableError, UnsupportedError } from "@cairn/checkpoint";
import assert from "node:assert/strict";
import { failure, STORED, withStore as withEdgeStore } from "../edge/_fixture.ts";
import { withStore as withSdkStore } from "../sdk/_fixture.ts";
import type { Seen } from "../sdk/_scripted_server.ts";

const BYTES = new TextEncoder().encode("a stone");
const REFUSED = failure(412, "PreconditionFailed");
const UNKNOWN = { dialect: "unknown" } as const;

for (
  const [name, withStore] of Object.entries({ edgeStore: withEdgeStore, sdkStore: withSdkStore })
) {
  const test = (what: string, fn: () => Promise<void>) =>
    Deno.test(`${name} ${what}`, { sanitizeOps: true, sanitizeResources: true }, fn);
  const create = (store: ObjectStore) => store.put("key", BYTES, { precondition: "create" });

  test("believes a server of which nothing is known once it has refused to create again", async () => {
    const answers = [STORED, REFUSED, STORED, REFUSED];
    await withStore(() => answers.shift()!, async (store: ObjectStore, seen: Seen[]) => {
      assert.deepEqual(await create(store), { etag: "e1" });
      assert.equal(seen.length, 2, "sent again, and refused");
      for (const { body, headers } of seen) {
        assert.deepEqual([body, headers.get("if-none-match")], [BYTES, "*"]);
      }
      await create(store);
      assert.equal(seen.length, 3, "sent once");
      await assert.rejects(create(store), { name: "PreconditionFailedError" });
      assert.equal(seen.length, 4);
    }, UNKNOWN);
  });

  test("says that a server ignores If-None-Match, and sends it no other", async () => {
    await withStore(() => STORED, async (store: ObjectStore, seen: Seen[]) => {
      for (let time = 1; time <= 2; time++) {
        await assert.rejects(create(store), (error) => {
          assert(error instanceof UnsupportedError);
          assert.match(error.message, /"key".*probe\(\)/);
          return true;
        });
        assert.equal(seen.length, 2);
      }
      const update = store.put("key", BYTES, { precondition: { ifMatch: "e1" } });
      await assert.rejects(update, UnsupportedError);
      await store.put("key", BYTES);
      assert.equal(seen.length, 3);
    }, UNKNOWN);
  });

  test("sends nothing again where the dialect or what probe() found says what to expect", async () => {
    const found = { conditionalCreate: true, conditionalUpdate: true };
    for (const options of [{ dialect: "ceph" }, { ...UNKNOWN, capabilities: found }] as const) {
      await withStore(() => STORED, async (store: ObjectStore, seen: Seen[]) => {
        await create(store);
        assert.equal(seen.length, 1);
      }, options);
    }
  });

  test("tells a failure of the second try as it is, and asks again", async () => {
    const answers = [STORED, failure(503, "InternalError"), STORED, REFUSED];
    await withStore(() => answers.shift()!, async (store: ObjectStore, seen: Seen[]) => {
      await assert.rejects(create(store), UnavailableError);
      await create(store);
      assert.equal(seen.length, 4);
    }, { ...UNKNOWN, retry: { maxAttempts: 1 } });
  });
}

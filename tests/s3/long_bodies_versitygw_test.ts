import { getBytes, PreconditionFailedError, UnavailableError } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { noise } from "../checkpoint/_stores.ts";
import { serverOptions } from "../conformance/_server.ts";

/** More than the buffers of a connection take. */
const BYTES = noise(9 * 1024 * 1024);

for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  Deno.test(`${name}: a long body that VersityGW refuses unread may have no answer, and overwrites nothing`, async () => {
    const store = open({ ...serverOptions(), retry: { maxAttempts: 1 } });
    const key = `refused/${crypto.randomUUID()}`;
    const create = (bytes: Uint8Array) => store.put(key, bytes, { precondition: "create" });
    const { etag } = await create(BYTES);
    for (let tries = 0; tries < 5; tries++) {
      await assert.rejects(create(BYTES.subarray(1)), (error) => {
        assert(
          error instanceof PreconditionFailedError ||
            (error instanceof UnavailableError && error.status === undefined),
          `${error}`,
        );
        return true;
      });
      const { info, bytes } = await getBytes(store, key);
      assert.equal(info.etag, etag);
      assert.deepEqual(bytes, BYTES);
    }
    await store.delete([key]);
  });
}

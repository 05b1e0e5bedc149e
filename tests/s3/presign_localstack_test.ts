import { getBytes } from "@cairn/checkpoint";
import { edgeStore } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { serverOptions } from "../conformance/_server.ts";

const BYTES = new TextEncoder().encode("a stone");

/** Follows a link to its end. */
async function follow(url: string, init: RequestInit = {}) {
  const answer = await fetch(url, init);
  return { status: answer.status, text: await answer.text() };
}

// On LocalStack alone: MinIO takes a customer's key over TLS, and here is none.
for (const [name, open] of Object.entries({ edgeStore, sdkStore })) {
  Deno.test(`${name}: a link under a customer's key works with the headers it names, and without them not`, async () => {
    const key = `presign/${name}/${crypto.randomUUID()}/a b+c`;
    const sseCustomerKey = crypto.getRandomValues(new Uint8Array(32));
    const secret = open({ ...serverOptions(), sseCustomerKey });
    const headers: Record<string, string> = {};
    const url = await secret.presign(key, { method: "PUT", expiresIn: 60, send: headers });
    assert((await follow(url, { method: "PUT", body: BYTES })).status >= 400);
    assert.equal((await follow(url, { method: "PUT", body: BYTES, headers })).status, 200);
    assert.deepEqual((await getBytes(secret, key)).bytes, BYTES);

    const send: Record<string, string> = {};
    const get = await secret.presign(key, { method: "GET", expiresIn: 60, send });
    assert((await follow(get)).status >= 400);
    assert.equal((await follow(get, { headers: send })).text, "a stone");
    await secret.delete([key]);
  });
}

import { NotFoundError } from "@cairn/checkpoint";
import { edgeStore, type S3Store } from "@cairn/checkpoint/edge";
import { sdkStore } from "@cairn/checkpoint/sdk";
import assert from "node:assert/strict";
import { getBytes } from "../../src/store/body.ts";
import { serverOptions } from "../conformance/_server.ts";

const TRANSPORTS = { edgeStore, sdkStore };
const BYTES = new TextEncoder().encode("a stone");

/** Follows a link to its end. */
async function follow(url: string, init: RequestInit = {}) {
  const answer = await fetch(url, init);
  const text = await answer.text();
  return { status: answer.status, code: /<Code>(.*?)</.exec(text)?.[1], text };
}

for (const [name, open] of Object.entries(TRANSPORTS)) {
  const store: S3Store = open(serverOptions());
  const key = `presign/${name}/${crypto.randomUUID()}/a b+c`;

  Deno.test(`${name}: a link is good for what it says, and the server calls it expired afterwards`, async () => {
    await store.put(key, BYTES);
    const get = await store.presign(key, { method: "GET", expiresIn: 1 });
    const put = await store.presign(key, { method: "PUT", expiresIn: 1 });
    const lasting = await store.presign(key, { method: "GET", expiresIn: 604_800 });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const late = [await follow(get), await follow(put, { method: "PUT", body: "other" })];
    for (const { status, text } of late) {
      assert.equal(status, 403);
      assert.match(text, /expired/i);
    }
    assert.equal((await follow(lasting)).text, "a stone");
    await store.delete([key]);
  });

  Deno.test(`${name}: a link for one method or one key is none for another`, async () => {
    await store.put(key, BYTES);
    const get = await store.presign(key, { method: "GET", expiresIn: 60 });
    const wrong = [
      await follow(get, { method: "PUT", body: "other" }),
      await follow(get, { method: "DELETE" }),
      await follow(get.replace(/b%2[bB]c/, "d")),
      await follow(get.replace("Expires=60", "Expires=600")),
    ];
    assert.deepEqual(wrong.map(({ status }) => status), [403, 403, 403, 403]);
    assert.equal((await getBytes(store, key)).bytes.length, BYTES.length);
    await store.delete([key]);
  });

  Deno.test(`${name}: an upload must have the type and the length that its link was signed for`, async () => {
    const send: Record<string, string> = {};
    const options = { contentType: "image/png", contentLength: BYTES.length, send };
    const url = await store.presign(key, { method: "PUT", expiresIn: 60, ...options });
    // Whoever sends bytes sends their length, and may not name it.
    const { "content-length": length, ...headers } = send;
    assert.equal(length, String(BYTES.length));
    const wrong = [
      await follow(url, { method: "PUT", body: BYTES, headers: { "content-type": "text/html" } }),
      await follow(url, { method: "PUT", body: BYTES }),
      await follow(url, { method: "PUT", body: "a longer stone", headers }),
      await follow(url, { method: "PUT", body: "", headers }),
    ];
    // MinIO calls a missing type a bad request.
    for (const { status } of wrong) assert(status === 403 || status === 400, `${status}`);
    await assert.rejects(store.head(key), NotFoundError);
    assert.equal((await follow(url, { method: "PUT", body: BYTES, headers })).status, 200);
    const request = { method: "HEAD", key, operation: "HeadObject" } as const;
    assert.equal((await store.api.request(request)).headers.get("content-type"), "image/png");
    assert.deepEqual((await getBytes(store, key)).bytes, BYTES);
    await store.delete([key]);
  });
}
